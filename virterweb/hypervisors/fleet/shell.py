"""The hypervisors as every page shows them: in the sidebar, and notes about those that are not up to date."""

from datetime import datetime
from functools import cache, cached_property

from django.db.models import BooleanField, Case, Count, ExpressionWrapper, Max, Value, When, Window
from django.db.models.expressions import Combinable
from django.http import HttpRequest

from virterweb.hypervisors.models import (
    RECORDED_FOR,
    Condition,
    Hypervisor,
    HypervisorQuerySet,
    HypervisorStatus,
    not_current,
)
from virterweb.pages.tables import natural, natural_key

OVERVIEW = "*"
SHOWN = 12  # hypervisors in the sidebar
MANY = 20  # hypervisors: a page about more of them does not have all polled often
NAMED = 5  # hypervisors that are not up to date in notes
COLUMNS = ("error", "detail", "observed_at", "due_at", "asked_at", "began_at", "unreachable_since", "hypervisor")


@cache
def facts_of_all() -> dict[str, Combinable]:
    """Return the columns that say something about all hypervisors in each row, and `recorded`. They are built once."""
    recorded = HypervisorStatus.is_watched("status__", RECORDED_FOR)
    counts = {condition.name: Window(Count("pk", filter=having)) for condition, having in not_current().items()}
    return counts | {
        "total": Window(Count("pk")),
        "recorded": ExpressionWrapper(recorded, BooleanField()),
        "recorded_count": Window(Count("pk", filter=recorded)),
        "late_poll": Window(Max("status__observed_at", filter=not_current()[Condition.LATE])),
    }


class Fleet:
    """The hypervisors that exist for a user: one query reads a few, first those that are not up to date, then by name.

    `about` is the name of the one that the page is about, which is always read, OVERVIEW, or "".
    """

    def __init__(self, about: str, visible: HypervisorQuerySet) -> None:
        self.about = about
        self.visible = visible

    @cached_property
    def _first(self) -> list[Hypervisor]:
        rows = self.visible.select_related("status").only("name", *(f"status__{name}" for name in COLUMNS))
        rows = rows.with_condition().annotate(**facts_of_all())
        named = Case(When(name=self.about, then=Value(0)), default=Value(1))
        first = rows.order_by(named, "condition", natural("name"))[:SHOWN]
        return sorted(first, key=lambda one: (one.condition, natural_key(one.name)))

    @property
    def is_recorded(self) -> bool:
        """Return whether this was read, and no page has to record again that it shows these hypervisors."""
        if "_first" not in vars(self):
            return False
        if self.about.strip(OVERVIEW):
            return all(one.recorded for one in self._first if one.name == self.about)
        return self.count > MANY or self.count == sum(one.recorded_count for one in self._first[:1])

    @property
    def is_large(self) -> bool:
        """Return whether there are more than the sidebar shows."""
        return self.count > SHOWN

    @property
    def none_known(self) -> bool:
        return not self._first

    @property
    def several(self) -> bool:
        return self.count > 1

    @property
    def only(self) -> Hypervisor | None:
        """Return the first one, which is the only one unless there are several."""
        return self._first[0] if self._first else None

    @property
    def shown(self) -> list[Hypervisor]:
        """Return those in the sidebar."""
        return self._first if self.is_large else sorted(self._first, key=lambda one: natural_key(one.name))

    def _count(self, *conditions: Condition) -> int:
        return sum(getattr(one, condition.name) for one in self._first[:1] for condition in conditions)

    @property
    def count(self) -> int:
        return sum(one.total for one in self._first[:1])

    @property
    def worker_stopped(self) -> bool:
        """Return whether nothing that can be reached is polled."""
        waiting = self._count(Condition.UNPOLLED, Condition.LATE)
        return bool(waiting) and waiting + self._count(Condition.FAILED) == self.count

    @property
    def last_poll(self) -> datetime | None:
        return self._first[0].late_poll if self._first else None

    @property
    def _bad(self) -> tuple[Condition, ...]:
        """Return the conditions that are not up to date, apart from those that only wait for a stopped worker."""
        return (Condition.FAILED, *(() if self.worker_stopped else (Condition.UNPOLLED, Condition.LATE)))

    @property
    def troubled_count(self) -> int:
        return self._count(*self._bad)

    @property
    def _troubled(self) -> list[Hypervisor]:
        """Return the first few that are not up to date, by name."""
        troubled = [one for one in self._first if one.condition in self._bad]
        return sorted(troubled[:NAMED], key=lambda one: natural_key(one.name))

    @property
    def _in_full(self) -> bool:
        return (self.about == OVERVIEW or not self.several) and self.troubled_count <= NAMED

    @property
    def notes(self) -> list[Hypervisor]:
        """Return those about which the page has a note of their own."""
        if self._in_full:
            return self._troubled
        return [one for one in self._first if one.name == self.about and one.condition in self._bad]

    @property
    def elsewhere(self) -> list[Hypervisor]:
        """Return those that a page only names, because it is about none of them."""
        return [] if self._in_full or self.about not in ("", OVERVIEW) else self._troubled

    @property
    def more(self) -> int:
        """Return how many more there are than `elsewhere`."""
        return self.troubled_count - len(self._troubled)


def fleet_of(request: HttpRequest, visible: HypervisorQuerySet) -> Fleet:
    """Return the hypervisors of the page of a request, which are read at most once."""
    if not hasattr(request, "fleet"):
        match = request.resolver_match
        about = (match.kwargs.get("hypervisor") if match else "") or request.GET.get("hypervisor", "")
        request.fleet = Fleet(about or (OVERVIEW if match and match.url_name == "overview" else ""), visible)
    return request.fleet
