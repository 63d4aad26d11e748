"""`manage.py pool …`: the storage pools of hypervisors, and their volumes."""

import time
from typing import ClassVar

from django.core.management.base import CommandError, CommandParser

from virterweb.enqueue import LOOK, enqueue
from virterweb.hypervisors.models import Hypervisor
from virterweb.people import rights
from virterweb.people.cli import VerbCommand, await_first_poll, need_worker, pick_hypervisor, table
from virterweb.people.hidden.messages import readable
from vms.models import StoragePool, with_totals
from vms.pools.listing import problem_for, sees_volumes, visible

HEADINGS = ("Name", "Type", "State", "Capacity", "Allocated", "Available", "Committed", "Volumes")
VOLUME_HEADINGS = ("Volume", "Format", "Capacity", "Allocated", "Used by")


class Command(VerbCommand):
    help = "Show storage pools with their volumes, and refresh them."
    arguments: ClassVar = {"name": "name of the pool"}

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        self.verb(verbs, "ls", self.ls, "list the pools of a hypervisor")
        self.verb(verbs, "show", self.show, "show a pool with its volumes", "name")
        text = "have libvirt look for volumes that other programs created, changed or deleted"
        self.verb(verbs, "refresh", self.refresh, text, "name", waits=True)

    def ls(self, hypervisor: str | None, **options: object) -> None:
        found = self._hypervisor(hypervisor)
        pools = with_totals(visible(self.user).filter(hypervisor=found))
        self.stdout.write(table(HEADINGS, map(_cells, pools)))

    def show(self, name: str, hypervisor: str | None, **options: object) -> None:
        pool = self._find(name, hypervisor)
        self.stdout.write(table(HEADINGS, [_cells(pool)]))
        if problem := problem_for(self.user, pool):
            self.stdout.write(f"\nThe pool cannot be read completely: {problem}")
        if not sees_volumes(self.user, pool):
            self.stdout.write(f"\nYou may not see the volumes of {pool.hypervisor}. Ask an operator.")
            return
        rows = [
            (each.name, each.format, each.size, each.allocated, readable(each.used_by, self.user))
            for each in pool.volumes.order_by("name")
        ]
        self.stdout.write("\n" + table(VOLUME_HEADINGS, rows))

    def refresh(self, name: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        pool = self._find(name, hypervisor)
        rights.require_operator(self.user, pool.hypervisor)
        pool.request_refresh()
        enqueue(LOOK, pool.pk)
        began = time.time()
        while not no_wait and _is_waiting(pool):
            need_worker(began)
            time.sleep(0.1)
        problem = problem_for(self.user, self._find(name, hypervisor))
        if problem and not no_wait:
            raise CommandError(str(problem))

    def _hypervisor(self, name: str | None) -> Hypervisor:
        found = pick_hypervisor(self.user, name)
        await_first_poll(found)
        return found

    def _find(self, name: str, hypervisor: str | None) -> StoragePool:
        found = self._hypervisor(hypervisor)
        pool = visible(self.user).filter(hypervisor=found, name=name).first()
        if pool is None:
            raise CommandError(f"{found} has no pool {name}")
        return pool


def _cells(pool: StoragePool) -> tuple[object, ...]:
    sizes = pool.sizes
    committed = sizes["committed"]
    if pool.percent_committed is not None:
        committed += f" ({pool.percent_committed} %)"
    shown = sizes["capacity"], sizes["allocation"], sizes["available"]
    return pool.name, pool.kind, pool.state, *shown, committed, pool.totals.count


def _is_waiting(pool: StoragePool) -> bool:
    return StoragePool.objects.filter(pk=pool.pk).exclude(refresh_asked_at=None).exists()
