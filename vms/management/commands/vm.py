"""`manage.py vm …`: Virter's VM commands with its flags, and commands for NICs of existing VMs."""

import time
from collections.abc import Callable
from functools import partial

from django.core.management.base import CommandError, CommandParser

from virterweb.pages.tables import natural_key
from virterweb.people import rights
from virterweb.people.cli import add_team, history_text, pick_hypervisor, table, team_named, wait_for
from virterweb.people.ends import cli as ends
from virterweb.people.tags import cli as tags
from virterweb.people.verbs import Verb
from vms.addresses import inventory
from vms.guests import configure
from vms.listing import loaded, with_nic_count
from vms.management.arguments import wait_for_ssh
from vms.management.commit_verb import CommitVerb
from vms.management.disk_verbs import DiskVerbs
from vms.management.duplicate_verb import DuplicateVerb
from vms.management.nic_verbs import NICVerbs
from vms.management.power_verbs import PowerVerbs
from vms.management.reach_verbs import ReachVerbs
from vms.management.run_verb import RunVerb
from vms.management.snapshot_verbs import SnapshotVerbs
from vms.models import NIC, VM, GuestRun, NICStatus, Power

STATES = {Power.OFF: "shut off"}  # Virter's word
SORTS = {
    "name": lambda vm: natural_key(vm.name),
    "id": lambda vm: vm.number or 0,
    "network": lambda vm: natural_key(vm.access),
    "state": lambda vm: vm.as_found.status.power == Power.RUNNING,
}


class Command(RunVerb, NICVerbs, PowerVerbs, DiskVerbs, SnapshotVerbs, CommitVerb, DuplicateVerb, ReachVerbs):
    help = "Run, list, start, stop and delete VMs, and change NICs, disks and snapshots of existing VMs."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        for name in ("ls", "list"):
            listing = self.verb(verbs, name, self.ls, "list the VMs, as last observed")
            listing.add_argument("--sort", choices=SORTS, default="name", help="column to sort by; default: name")
            tags.add_flag(listing, "VMs")
        self.verb(
            verbs,
            "exists",
            self.exists,
            "exit with status 0 if a VM that the portal or Virter created has this name, otherwise with 1",
            "name",
        )
        self.verb(verbs, "host-key", self.host_key, "print a VM’s SSH host key as a line of known_hosts", "name")
        ready = self.verb(
            verbs, "wait-ready", self.wait_ready, "wait until SSH works in VMs that were run with --wait-ssh"
        )
        ready.add_argument("names", nargs="+", metavar="name", help="names of the VMs")
        self.add_power_arguments(verbs)
        self.add_run_arguments(verbs)
        remove = self.verb(verbs, "rm", self.rm, "delete VMs, including those created by Virter", waits=True)
        remove.add_argument("names", nargs="+", metavar="name", help="names of the VMs")
        ends.add_extend(self, verbs, self.extend, "VM")
        tags.add_tag(self, verbs, self.tag, "VM")
        self._add_lifecycle_arguments(verbs)
        self.add_nic_arguments(verbs)
        self.add_disk_arguments(verbs)
        self.add_snapshot_arguments(verbs)
        self.add_commit_arguments(verbs)
        self.add_duplicate_arguments(verbs)
        self.add_reach_arguments(verbs)

    def _add_lifecycle_arguments(self, verbs) -> None:
        self.verb(verbs, "configure", self.configure, "apply the network configuration in a running guest now", "name")
        self.verb(verbs, "adopt", self.adopt, "manage a VM from now on; nothing changes in libvirt", "name", waits=True)
        add_team(verbs.choices["adopt"])
        self.verb(verbs, "release", self.release, "stop managing a VM; libvirt keeps it as it is", "name")
        self.verb(verbs, "history", self.history, "show the history of changes, with their results", "name")
        accept = "accept changes from libvirt into the saved definition; nothing changes in libvirt"
        self.verb(verbs, "accept", self.accept, accept, "name", waits=True)
        revert = "revert a VM in libvirt to the saved definition, or recreate it if libvirt no longer has it"
        self.verb(verbs, "revert", self.revert, revert, "name", waits=True)
        adopt_replacement = "manage the VM that replaced a managed one; nothing changes in libvirt"
        self.verb(verbs, "take-over", self.adopt_replacement, adopt_replacement, "name", waits=True)
        persist = "have libvirt store the definition of a transient VM"
        self.verb(verbs, "persist", self.persist, persist, "name", waits=True)

    def ls(self, hypervisor: str | None, sort: str, tag: str | None, **options: object) -> None:
        """Print Virter's table, and warnings about transient VMs."""
        vms = with_nic_count(VM.objects.visible_to(self.user).shown())
        if hypervisor:
            vms = vms.on(pick_hypervisor(self.user, hypervisor))
        first = NICStatus.objects.filter(position=0, kind=NIC.Kind.NETWORK)
        access = dict(first.values_list("vm__desired", "source"))
        listed = loaded(vms, tags.tagged(vms.once_a_name(), tag))
        for vm in listed:
            vm.access = access.get(vm.as_found.pk, "") if vm.removable_by_name else ""
            gone = " (gone)" if vm.status.made_at and not vm.status.present else ""
            vm.shown_name = f"{vm}{' (recreated outside)' if vm.recreated else gone}"
        rows = [
            (
                *(vm.shown_name, vm.number or "", vm.access, STATES.get(power := vm.as_found.status.power, power)),
                *(vm.image or "", vm.as_found.nic_count, ",".join(vm.as_found.addresses)),
            )
            for vm in sorted(listed, key=lambda vm: (SORTS[sort](vm), natural_key(vm.name)))
        ]
        self.stdout.write(table(("Name", "ID", "Access Network", "State", "Image", "NICs", "IP"), rows))
        for vm in listed:
            if vm.as_found.status.transient:
                self.stderr.write(f"{vm} is transient: lost when stopped")

    def exists(self, name: str, hypervisor: str | None, **options: object) -> None:
        """Exit with status 1 unless there is such a VM; print nothing, as Virter does."""
        vms = (
            VM.objects.visible_to(self.user)
            .on(pick_hypervisor(self.user, hypervisor))
            .filter(name=name, status__present=True)
        )
        if not any(vm.removable_by_name for vm in vms):
            raise SystemExit(1)

    def host_key(self, name: str, hypervisor: str | None, **options: object) -> None:
        vm = self.find(name, hypervisor, managed=False, verb=Verb.LIST)
        if not vm.host_key_public:
            raise CommandError(
                f"the SSH host key of {name} is unknown, because neither the portal nor Virter created the VM"
            )
        self.stdout.write(inventory.virters_known_hosts(vm))

    def wait_ready(self, names: list[str], hypervisor: str | None, **options: object) -> None:
        vms = [self.find(name, hypervisor, managed=False, verb=Verb.LIST) for name in names]
        if shut_out := [vm.name for vm in vms if not (vm.managed and vm.wait_ssh)]:
            raise CommandError(
                f"the portal can log in only to VMs that were run with --wait-ssh, not to {', '.join(shut_out)}"
            )
        wait_for(vms, self)
        wait_for_ssh(vms)

    def rm(self, names: list[str], hypervisor: str | None, no_wait: bool, **options: object) -> None:
        """Delete VMs; unknown names are ignored."""
        visible = VM.objects.visible_to(self.user).on(pick_hypervisor(self.user, hypervisor))
        known = set(visible.filter(name__in=names).values_list("name", flat=True))
        there = [name for name in names if name in known]
        self.change_each(there, lambda name: self._removed(name, hypervisor), no_wait)

    def _removed(self, name: str, hypervisor: str | None) -> VM:
        vm = self.find(name, hypervisor, managed=False, verb=Verb.DELETE)
        if not vm.removable_by_name:
            raise CommandError(
                f"neither the portal nor Virter created {name}; adopt it with “vm adopt {name}” before you delete it"
            )
        vm.remove(self.user)
        return vm

    def extend(self, name: str, hypervisor: str | None, days: str, until: str, never: bool, **options: object) -> None:
        ends.extend(self, self.find(name, hypervisor), days, until, never)

    def tag(self, name: str, hypervisor: str | None, changes: list[str], **options: object) -> None:
        tags.tag(self, self.find(name, hypervisor, managed=False, verb=Verb.LIST), changes)

    def configure(self, name: str, hypervisor: str | None, **options: object) -> None:
        """Print the guest's output; CommandError if the configuration fails."""
        vm = self.find(name, hypervisor)
        configure.ask(vm)
        wait_for([vm], self)
        deadline = time.monotonic() + 2 * configure.TIMEOUT
        while (run := GuestRun.objects.get(vm=vm)).done_at is None:
            if time.monotonic() > deadline:
                raise CommandError("the worker has not configured the guest yet; the request is saved")
            time.sleep(0.3)
        if run.code != 0:
            raise CommandError(str(run.reason) or run.output.strip())
        self.stdout.write(str(run.reason) or run.output.strip())

    def adopt(self, name: str, hypervisor: str | None, no_wait: bool, team: str | None, **options: object) -> None:
        vm = self.find(name, hypervisor, managed=False, verb=Verb.ADOPT)
        if vm.managed and not vm.removed_at:
            self.stdout.write(f"The portal already manages {name}.")
            return
        self._tried(partial(vm.adopt, self.user, team_named(self.user, vm.hypervisor, team)))
        self.finish([vm], no_wait)

    def history(self, name: str, hypervisor: str | None, **options: object) -> None:
        self.stdout.write(history_text(self.find(name, hypervisor, managed=False, verb=Verb.SEE), self.user))

    def release(self, name: str, hypervisor: str | None, **options: object) -> None:
        self.find(name, hypervisor, managed=False, verb=Verb.DELETE).release(self.user)

    def accept(self, name: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        vm = self.find(name, hypervisor)
        vm.require_host_rights(self.user)
        self._tried(partial(vm.follow_found, self.user))
        self.finish([vm], no_wait)

    def revert(self, name: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        vm = self.find(name, hypervisor)
        if not vm.status.drift:
            raise CommandError(f"{vm} matches its saved definition, so there is nothing to revert")
        vm.require_host_rights(self.user, revert=True)
        vm.revert(self.user)
        self.finish([vm], no_wait)

    def adopt_replacement(self, name: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        vm = self.find(name, hypervisor, verb=Verb.ADOPT)
        if vm.namesake:
            rights.require(self.user, Verb.ADOPT, vm.namesake)
        self._tried(partial(vm.adopt_replacement, self.user))
        self.finish([vm], no_wait)

    def persist(self, name: str, hypervisor: str | None, no_wait: bool, **options: object) -> None:
        vm = self.find(name, hypervisor)
        if not vm.status.transient:
            raise CommandError(f"{vm} is already persistent")
        vm.persist(self.user)
        self.finish([vm], no_wait)

    def _tried(self, verb: Callable[[], None]) -> None:
        try:
            verb()
        except ValueError as problem:
            raise CommandError(str(problem)) from problem
