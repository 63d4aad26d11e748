"""The verbs `vm snapshot …`, which list, take, revert to, delete and merge snapshots."""

import time

from django.core.exceptions import PermissionDenied
from django.core.management.base import CommandError

from virterweb.hypervisors.desired.refusals import InvalidTransition
from virterweb.people.cli import check, need_worker, table, wait_for
from virterweb.people.hidden.messages import readable
from virterweb.people.tags import cli as tags
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
        text = "take a snapshot of a VM, or of all VMs with a tag"
        take = self.verb(each, "take", self.snapshot_take, text, waits=True)
        take.add_argument("name", nargs="?", help=self.arguments["name"])
        take.add_argument("snapshot", help=self.arguments["snapshot"])
        tags.add_flag(take, "VMs")
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

    def snapshot_take(
        self, name: str | None, snapshot: str, hypervisor: str | None, no_wait: bool, **options: object
    ) -> None:
        """Request all snapshots before waiting for one; a VM without one does not stop the others."""
        asked, problems = [], []
        for each in self.chosen(filter(None, [name]), options["tag"], hypervisor):
            try:
                asked.append(self._take(each, snapshot, hypervisor, options))
            except (CommandError, InvalidTransition, PermissionDenied) as problem:
                problems.append(str(problem))
        for each in [] if no_wait else asked:
            try:
                self._await(each)
            except CommandError as problem:
                problems.append(str(problem))
        if problems:
            raise CommandError("\n".join(problems))

    def _take(self, name: str, snapshot: str, hypervisor: str | None, options: dict) -> SnapshotRequest:
        vm = self.find(name, hypervisor, managed=False, verb=Verb.SNAPSHOT)
        memory = {} if options["disks_only"] else {"memory": "on"}
        kind = Kind.EXTERNAL if options["external"] else ""
        form = TakeForm({"name": snapshot, "description": options["description"], "kind": kind, **memory}, vm=vm)
        check(form, {"name": "snapshot", "kind": "--external"})
        return requests.take(vm, form.cleaned_data["name"], self.user, **form.about)

    def snapshot_revert(
        self, name: str, snapshot: str, hypervisor: str | None, no_wait: bool, start: bool, dry_run: bool, **_: object
    ) -> None:
        vm, found = self._find(name, snapshot, hypervisor)
        if dry_run:
            shown = preview(vm, found)
            for line in (*shown.lost, *shown.differences, *shown.after):
                self.stdout.write(str(line))
            return
        asked = requests.revert(vm, found, self.user, start=start)
        if not no_wait:
            self._await(asked)

    def snapshot_rm(self, name: str, snapshot: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        vm, found = self._find(name, snapshot, hypervisor)
        asked = requests.delete(vm, found, self.user)
        if not no_wait:
            self._await(asked)

    def snapshot_merge(
        self, name: str, snapshot: str, hypervisor: str | None, no_wait: bool, **options: object
    ) -> None:
        vm, found = self._find(name, snapshot, hypervisor)
        asked = requests.merge(vm, found, self.user)
        if not no_wait:
            self._await(asked)

    def _find(self, name: str, snapshot: str, hypervisor: str | None) -> tuple[VM, Snapshot]:
        vm = self.find(name, hypervisor, managed=False, verb=Verb.SNAPSHOT)
        found = vm.snapshots.filter(name=snapshot).first()
        if found is None:
            raise CommandError(f"{vm} has no snapshot {snapshot}, as last observed")
        return vm, found

    def _await(self, asked: SnapshotRequest) -> None:
        """Wait until a worker has carried out a request; CommandError if it, or a change before it, fails."""
        vm = VM.objects.select_related("status").filter(pk=asked.vm_id).first()
        if vm and not vm.done:  # an error of an earlier change does not matter
            wait_for([vm], self)
        while True:
            now = SnapshotRequest.objects.filter(pk=asked.pk, asked_at=asked.asked_at).first()
            if now is None or now.done_at:
                break
            need_worker(asked.asked_at.timestamp())
            time.sleep(0.2)
        if now and now.error:
            raise CommandError(str(readable(now.error, self.user)))
