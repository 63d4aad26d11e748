"""The choice of a pool for a disk, with the room that each pool has."""

from collections.abc import Callable, Iterable

from django import forms

from networks.definition import rules
from virterweb.hypervisors.models import Hypervisor
from virterweb.people import pools, rights
from virterweb.people.verbs import Verb
from vms.models import StoragePool, with_totals

Choices = list[tuple[str, str]]


def pool_choices(user: rights.Actor, hypervisor: Hypervisor) -> Choices:
    """Return the pools of a hypervisor that a user may use, by name with a label; "" is that of the hypervisor."""
    granted = pools.Granted(user, Verb.CREATE)
    found = {pool.name: pool for pool in with_totals(hypervisor.pools.filter(gone_at=None))}
    own = found.pop(hypervisor.pool, None)
    first = ("", label(own) if own else hypervisor.pool)
    allowed = rights.access_of(user).everything
    return [
        first,
        *((name, label(its)) for name, its in found.items() if allowed or granted.names(hypervisor.pk, name)),
    ]


def label(pool: StoragePool) -> str:
    """Return the name of a pool with its free room, its capacity and how much of it is committed to volumes."""
    if not pool.active:
        return f"{pool}: inactive"
    if pool.percent_committed is None:
        return str(pool)
    room = f"{pool.sizes['available']} free of {pool.sizes['capacity']}"
    return f"{pool}: {room}, {pool.percent_committed} % committed"


class PoolField(forms.CharField):
    """The name of a pool, chosen from a list; a pool that is not known yet may be named as well."""

    widget = forms.Select

    def __init__(self) -> None:
        super().__init__(required=False, max_length=100, validators=[rules.validate_printable])
        self.choices: Choices = []

    def offer(self, choices: Callable[[], Choices] | None, default: str, chosen: Iterable[str]) -> None:
        """Offer these pools, and those that are chosen already; without choices only the default."""
        offered = list(choices()) if choices else [("", default)]
        known = {name for name, _ in offered}
        self.choices = offered + [(name, name) for name in chosen if name and name not in known]
        self.widget.choices = self.choices
