"""End dates in lists and on the overview. They are shown only if a listed object has one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from django.db.models import Case, CharField, F, Q, QuerySet, Value, When
from django.urls import reverse
from django.utils import timezone

from virterweb.hypervisors.claims.clock import Now
from virterweb.pages.chips import Property
from virterweb.pages.tables import Column, Table
from virterweb.people import rights
from virterweb.people.models import Team
from virterweb.people.verbs import Verb

from .ending import Ending, ending_models
from .rules import SOON, Rules

CODES = {"ended": "ended", "soon": f"within {SOON.days} days", "later": "later", "never": "none"}
COLUMN = Column(key="ends", title="End date", order=(F("ends_at").asc(nulls_last=True),))
PROPERTY = Property(
    key="ends",
    title="End date",
    columns=("end_code",),
    values=lambda code: {code: CODES[code]},
    having=lambda rows, code: rows.filter(end_code=code),
)
SHOWN = 10  # on the overview, of those that end
AHEAD = timedelta(days=7)  # from now, or have ended
END_CODE = Case(
    When(ends_at=None, then=Value("never")),
    When(ends_at__lte=Now(), then=Value("ended")),
    When(ends_at__lte=Now() + SOON, then=Value("soon")),
    default=Value("later"),
    output_field=CharField(),
)


def with_end_code(rows: QuerySet) -> QuerySet:
    """Add the column `end_code`, by which a list is narrowed."""
    return rows.annotate(end_code=END_CODE)


def has_ends(table: Table) -> bool:
    """Return whether a row that a list shows has an end; otherwise, leave the column out."""
    shown = any(row.ends_at for row in table.rows)
    if not shown:
        table.columns = table.columns.without(COLUMN.key)
    return shown


@dataclass(frozen=True, kw_only=True)
class EndingObject:
    """An object of a user that ends in a few days, or has ended."""

    kind: str
    name: str
    hypervisor: str
    ends_at: datetime
    deleted_from: datetime | None
    page: str
    extend: str

    @classmethod
    def of(cls, model: type[Ending], name: str, hypervisor: str, times: tuple) -> Self:
        ends_at, ended_at, grace = times
        deleted = ended_at + timedelta(days=grace or Rules().grace) if ended_at else None
        address = {"kind": model._meta.verbose_name, "name": name, "hypervisor": hypervisor}
        page, extend = (reverse(f"{model._meta.app_label}:{view}", args=[hypervisor, name]) for view in VIEWS)
        return cls(ends_at=ends_at, deleted_from=deleted, page=page, extend=extend, **address)


VIEWS = ("detail", "extend")
READ = ("kind", "name", "hypervisor__name", "ends_at", "ended_at", "team__grace_days")


def ending_soon(user: rights.Actor) -> tuple[list[EndingObject], int]:
    """Return what of a user, or of a team that the user manages, ends soon or has ended, and how many more there are.

    It is one query for all kinds.
    """
    models = {model._meta.model_name: model for model in ending_models()}
    first, *others = (_of(model, user) for model in models.values())
    rows = list(first.union(*others, all=True).order_by("ends_at", "name")[: SHOWN + 1])
    found = [EndingObject.of(models[kind], name, host, tuple(times)) for kind, name, host, *times in rows]
    return found[:SHOWN], max(0, len(rows) - SHOWN)


def _of(model: type[Ending], user: rights.Actor) -> QuerySet:
    managed = Team.objects.order_by().filter(pk__in=rights.access_of(user).teams(Verb.SHARE))
    mine = Q(owner=user) | Q(owner=None, team__in=managed)
    rows = model.objects.changeable_by(user, Verb.EDIT).filter(mine, managed=True, removed_at=None)
    rows = rows.filter(ends_at__lte=timezone.now() + AHEAD).order_by()
    return rows.annotate(kind=Value(model._meta.model_name, output_field=CharField())).values_list(*READ)
