"""The verbs `vm snapshot …`, which list, take, revert to, delete and merge snapshots."""

import time
from collections.abc import Callable

from django.core.management.base import CommandError

from virterweb.people.cli import check, need_worker, table, wait_for
from virterweb.people.hidden.messages import readable
from virterweb.people.verbs import Verb
from vms.definition.snapshots.document import Kind
from vms.management.verbs import VMVerbs
from vms.models import VM, Snapshot, SnapshotRequest
from vms.snapshots import requests
from vms.snapshots.form import TakeForm
from vms.snapshots.preview import preview
from vms.snapshots.tree import tree

HEADINGS = ("Name", "Current", "Taken", "State", "Place", "Size", "Description")


class SnapshotVerbs(VMVerbs):
    def add_snapshot_arguments(self, verbs) -> None:
        """Add the subcommand `snapshot` with its verbs."""
        snapshot = verbs.add_parser("snapshot", help="list, take, revert to, delete and merge snapshots of a VM")
        each = snapshot.add_subparsers(dest="snapshot_verb", required=True, metavar="VERB")
        self.verb(each, "ls", self.snapshot_ls, "list the snapshots of a VM as a tree", "name")
        take = self.verb(each, "take", self.snapshot_take, "take a snapshot of a VM", "name", "snapshot", waits=True)
        take.add_argument("--description", default="", help="what the snapshot is for")
        take.add_argument("--disks-only", action="store_true", help="leave out the memory of a running VM")
        take.add_argument("--external", action="store_true", help="in external files instead of in the disks")
        revert = self.verb(
            each, "revert", self.snapshot_revert, "revert a VM to a snapshot", "name", "snapshot", waits=True
        )
        revert.add_argument("--start", action="store_true", help="start the VM if it was off in the snapshot")
        revert.add_argument("--dry-run", action="store_true", help="print what is lost, and change nothing")
        text = "delete a snapshot; later ones stay, and external files are merged into the disk"
        self.verb(each, "rm", self.snapshot_rm, text, "name", "snapshot", waits=True)
        text = "merge the files of an external snapshot into the disk beneath"
        self.verb(each, "merge", self.snapshot_merge, text, "name", "snapshot", waits=True)

    def snapshot_ls(self, name: str, hypervisor: str | None, **options: object) -> None:
        vm = self.find(name, hypervisor, managed=False, verb=Verb.SEE)
        rows = [
            (
                *("  " * row.depth + row.snapshot.name, "yes" if row.snapshot.current else ""),
                *(f"{row.snapshot.taken_at:%Y-%m-%d %H:%M:%S}", row.snapshot.state_text),
                *("external" if row.snapshot.external else "disks", row.snapshot.shown_size),
                row.snapshot.description.replace("\n", " "),
            )
            for row in tree(vm.snapshots.defer("document"))
        ]
        self.stdout.write(table(HEADINGS, rows))

    def snapshot_take(self, name: str, snapshot: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        vm = self.find(name, hypervisor, managed=False, verb=Verb.SNAPSHOT)
        memory = {} if options["disks_only"] else {"memory": "on"}
        kind = Kind.EXTERNAL if options["external"] else ""
        form = TakeForm({"name": snapshot, "description": options["description"], "kind": kind, **memory}, vm=vm)
        check(form, {"name": "snapshot", "kind": "--external"})
        self._done(vm, lambda: requests.take(vm, form.cleaned_data["name"], self.user, **form.about), no_wait)

    def snapshot_revert(
        self, name: str, snapshot: str, hypervisor: str | None, no_wait: bool, start: bool, dry_run: bool, **_: object
    ) -> None:
        vm, found = self._find(name, snapshot, hypervisor)
        if dry_run:
            shown = preview(vm, found)
            for line in (*shown.lost, *shown.differences, *shown.after):
                self.stdout.write(str(line))
            return
        self._done(vm, lambda: requests.revert(vm, found, self.user, start=start), no_wait)

    def snapshot_rm(self, name: str, snapshot: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        vm, found = self._find(name, snapshot, hypervisor)
        self._done(vm, lambda: requests.delete(vm, found, self.user), no_wait)

    def snapshot_merge(
        self, name: str, snapshot: str, hypervisor: str | None, no_wait: bool, **options: object
    ) -> None:
        vm, found = self._find(name, snapshot, hypervisor)
        self._done(vm, lambda: requests.merge(vm, found, self.user), no_wait)

    def _find(self, name: str, snapshot: str, hypervisor: str | None) -> tuple[VM, Snapshot]:
        vm = self.find(name, hypervisor, managed=False, verb=Verb.SNAPSHOT)
        found = vm.snapshots.filter(name=snapshot).first()
        if found is None:
            raise CommandError(f"{vm} has no snapshot {snapshot}, as last observed")
        return vm, found

    def _done(self, vm: VM, ask: Callable[[], SnapshotRequest], no_wait: bool) -> None:
        """Store the request and wait until a worker has carried it out; CommandError if it fails."""
        asked = ask()
        if no_wait:
            return
        wait_for([vm], self)
        while True:
            now = SnapshotRequest.objects.filter(pk=asked.pk, asked_at=asked.asked_at).first()
            if now is None or now.done_at:
                break
            need_worker(asked.asked_at.timestamp())
            time.sleep(0.2)
        if now and now.error:
            raise CommandError(str(readable(now.error, self.user)))
