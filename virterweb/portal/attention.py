"""What needs attention: objects that failed or drifted, and problems of addresses. The worst come first."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Case, Count, F, Q, QuerySet, Sum, Value, When, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from networks.models import Network, NetworkStatus
from virterweb.hypervisors.desired.models import Desired
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.models import HypervisorStatus, ReadingProblem
from virterweb.people import rights
from virterweb.people.verbs import Verb
from vms.models import VM, VMStatus

from .checks import problems_on, worst_first
from .problems import Kind, Problem

SHOWN = 10  # objects of a kind, and problems
LIVE = 32  # hypervisors that are checked at a time
STATES = (State.FAILED, State.DRIFTED)
COLUMNS = ("name", "hypervisor__name", "managed", "generation", "removed_at", "owner", "team", "status__desired")
STATUS = ("generation", "error", "tries", "drift", "progress", "present", "persistent")
OF_VMS = (*STATUS, "power", "power_reason")


@dataclass(frozen=True, kw_only=True)
class Worst:
    """The worst rows, and how many more there are."""

    rows: Sequence[object]
    more: int

    @classmethod
    def of(cls, rows: QuerySet, shown: int | None = None) -> "Worst":
        found = list(rows.annotate(total=Window(Count("pk")))[: shown or SHOWN])
        return cls(rows=found, more=found[0].total - len(found) if found else 0)


def failed_networks(user: rights.Actor) -> Worst:
    return _failed(Network.objects.visible_to(user), NetworkStatus.objects.all(), STATUS)


def failed_vms(user: rights.Actor) -> Worst:
    return _failed(VM.objects.visible_to(user), VMStatus.objects.all(), OF_VMS)


def unread(user: rights.Actor) -> Worst:
    """Return what the polls could not read."""
    mine = rights.access_of(user).hypervisors(at="hypervisor")
    return Worst.of(ReadingProblem.objects.filter(mine).select_related("hypervisor"))


def _failed(desired: QuerySet[Desired], statuses: QuerySet, columns: Sequence[str]) -> Worst:
    """Return those that failed, then those that drifted."""
    reason = statuses.filter(HAS_REASON).values("desired")
    rows = desired.filter(pk__in=reason).select_related("status", "hypervisor").with_state()
    rows = rows.filter(state_code__in=STATES).only(*COLUMNS, *(f"status__{name}" for name in columns))
    return Worst.of(rows.order_by("-state_code", "name", "pk"))


HAS_REASON = ~Q(error="") | ~Q(drift="")
WORST = (Case(When(address_problems=0, then=1), default=0), "worst_address_problem", "pk")  # hypervisors, worst first
COUNTS = ("address_problems", "all_problems")


@dataclass(frozen=True, kw_only=True)
class AddressProblems:
    """The worst problems of addresses, each with its network, and how many more there are on all hypervisors."""

    rows: Sequence[tuple[Problem, Network | None]]
    more: int


def address_problems(user: rights.Actor) -> AddressProblems:
    """Return the worst problems of all hypervisors on which a user may see everything by name.

    Every problem that is returned exists now. Of more than LIVE hypervisors, only those with the worst known problems
    are checked; workers check the others.
    """
    mine = rights.access_of(user).hypervisors(Verb.LIST, at="hypervisor")
    counted = HypervisorStatus.objects.filter(mine).annotate(all_problems=Window(Sum("address_problems")))
    worst = counted.order_by(*WORST)[:LIVE]
    chosen = {pk: (known, total) for pk, known, total in worst.values_list("hypervisor", *COUNTS)}
    found, networks = problems_on(list(chosen))
    elsewhere = next((total for _, total in chosen.values()), 0) - sum(known for known, _ in chosen.values())
    return _worst(found, networks, elsewhere)


def check_addresses() -> None:
    """Record how many problems hypervisors have, in turn: a chore of workers for more than LIVE hypervisors.

    Those with the worst known problems are checked each time, and as many that were checked longest ago.
    """
    ranked = HypervisorStatus.objects.annotate(
        hypervisors=Window(Count("pk")),
        longest_ago=Window(RowNumber(), order_by=[F("addresses_checked_at").asc(nulls_first=True), "pk"]),
        worst=Window(RowNumber(), order_by=WORST),
    )
    in_turn = Q(longest_ago__lte=LIVE // 2) | Q(worst__lte=LIVE // 2)
    if chosen := list(ranked.filter(in_turn, hypervisors__gt=LIVE).values_list("hypervisor", flat=True)):
        _note(chosen, problems_on(chosen)[0])


def _note(hypervisors: Collection[int], found: Mapping[int, Sequence[Problem]]) -> None:
    """Record how many problems these hypervisors have, for the order in which they are checked again."""
    counts = [When(hypervisor=pk, then=Value(len(its))) for pk, its in found.items() if its]
    kinds = [When(hypervisor=pk, then=Value(min(each.kind.rank for each in its))) for pk, its in found.items() if its]
    HypervisorStatus.objects.filter(hypervisor__in=hypervisors).update(
        addresses_checked_at=timezone.now(),
        address_problems=Case(*counts, default=Value(0)),
        worst_address_problem=Case(*kinds, default=Value(len(Kind))),
    )


def _worst(by_hypervisor: Mapping[int, list[Problem]], networks: list[Network], elsewhere: int = 0) -> AddressProblems:
    known = {network.pk: network for network in networks}
    found = worst_first([problem for its in by_hypervisor.values() for problem in its])
    rows = [(problem, known.get(problem.network)) for problem in found[:SHOWN]]
    return AddressProblems(rows=rows, more=len(found) - len(rows) + elsewhere)
