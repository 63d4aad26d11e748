"""`manage.py hypervisor …` with `leftovers`, which knows networks and VMs: the rest is the command of the VMs."""

from collections.abc import Iterable
from datetime import datetime

from django.core.management.base import CommandParser
from django.utils import timezone

from networks.models import Network
from virterweb.hypervisors.models import Hypervisor
from virterweb.people.cli import pick_hypervisor, table
from virterweb.people.owned import OwnedQuerySet
from virterweb.portal.attention import Worst
from virterweb.portal.leftovers import found
from vms.management.commands.hypervisor import Command as HypervisorCommand
from vms.models import VM, StoragePool

HEADINGS = ("Type", "Name", "Hypervisor", "Reason")
Line = tuple[str, str, str, str]


class Command(HypervisorCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        text = "list objects that nobody owns or uses any more"
        verb = self.verb(self.verbs, "leftovers", self.leftovers, text, of_hypervisor=True)
        verb.add_argument("name", nargs="?", help="name of the hypervisor; all of them without it")

    def leftovers(self, name: str | None, **options: object) -> None:
        picked = pick_hypervisor(self.user, name) if name else None
        networks, reservations = found.unused_networks(self.user, picked), found.unused_reservations(self.user, picked)
        without_owner = [found.without_owner(_on(model, self.user, picked)) for model in (VM, Network)]
        lines = [line for each in without_owner for line in _without_owner(each)]
        lines += [(*_named(row), f"not used; {_last(row.used_at)}") for row in networks.rows]
        lines += [line for group in reservations.networks for line in _reservations(group)]
        pools = found.pools(self.user, picked)
        lines += [_volumes(pool) for pool in pools.rows]
        self.stdout.write(table(HEADINGS, lines) if lines else "There are no leftovers.")
        if more := sum(each.more for each in (*without_owner, networks, reservations, pools)):
            self.stdout.write(f"{more} more are not shown.")


def _on(model: type[VM | Network], user: object, hypervisor: Hypervisor | None) -> OwnedQuerySet:
    rows = model.objects.visible_to(user)
    return rows.on(hypervisor) if hypervisor else rows


def _named(thing: VM | Network) -> tuple[str, str, str]:
    return thing._meta.verbose_name, thing.name, thing.hypervisor.name


def _without_owner(things: Worst) -> Iterable[Line]:
    for thing in things.rows:
        yield (*_named(thing), f"its owner {thing.owner} is deactivated" if thing.owner else "no owner")


def _reservations(group: found.Reservations) -> Iterable[Line]:
    hypervisor = group.network.hypervisor.name
    for host in group.rows:
        reason = f"not used in {group.network}; {_last(host.leased_at)}"
        yield "DHCP reservation", f"{host.ip} {host.mac}", hypervisor, reason


def _volumes(pool: StoragePool) -> Line:
    unused = f"{pool.unused.count} not used, {pool.unused.size}"
    reason = unused if pool.is_readable else "unknown: the pool could not be read"
    return "volumes", pool.name, pool.hypervisor.name, reason


def _last(lease_end: datetime | None) -> str:
    return f"last lease ended at {timezone.localtime(lease_end):%Y-%m-%d %H:%M}" if lease_end else "no lease known"
