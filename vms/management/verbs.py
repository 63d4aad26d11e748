"""Shared parts of the verbs of the command `vm`: look-up of a VM, and waiting for the worker."""

from collections.abc import Callable, Iterable
from typing import ClassVar

from django.core.exceptions import PermissionDenied
from django.core.management.base import CommandError, CommandParser

from virterweb.hypervisors.desired.refusals import InvalidTransition
from virterweb.people import rights
from virterweb.people.cli import VerbCommand, pick_hypervisor, wait_for
from virterweb.people.tags import cli as tags
from virterweb.people.verbs import Verb
from vms.models import VM


class VMVerbs(VerbCommand):
    """A group of verbs of the command `vm`."""

    arguments: ClassVar = {"name": "name of the VM", "mac": "MAC of the NIC", "image": "name of the image"}
    arguments |= {"snapshot": "name of the snapshot"}

    def finish(self, vms: list[VM], no_wait: bool) -> None:
        if not no_wait:
            wait_for(vms, self)

    def add_names(self, parser: CommandParser) -> None:
        """Add the arguments that choose several VMs: their names, or a tag."""
        parser.add_argument("names", nargs="*", metavar="name", help="names of the VMs")
        tags.add_flag(parser, "VMs")

    def chosen(self, names: Iterable[str], tag: str | None, hypervisor: str | None) -> list[str]:
        """Return the names of the VMs that the arguments choose; CommandError if there are none."""
        given = list(names)
        if bool(given) == (tag is not None):
            raise CommandError("choose the VMs by their names or by --tag")
        if tag is None:
            return given
        visible = VM.objects.visible_to(self.user).on(pick_hypervisor(self.user, hypervisor)).once_a_name()
        if not (found := list(tags.tagged(visible, tag).values_list("name", flat=True))):
            raise CommandError(f"no VM has the tag {tag}")
        return found

    def change_each(self, names: Iterable[str], request: Callable[[str], VM], no_wait: bool) -> None:
        """Request a change of each VM by name and wait; one that cannot be changed does not stop the others."""
        changed, problems = [], []
        for name in dict.fromkeys(names):
            try:
                changed.append(request(name))
            except (CommandError, InvalidTransition, PermissionDenied) as problem:
                problems.append(str(problem))
        try:
            self.finish(changed, no_wait)
        except CommandError as problem:
            problems.append(str(problem))
        if problems:
            raise CommandError("\n".join(problems))

    def find(self, name: str, hypervisor: str | None, managed: bool = True, verb: Verb = Verb.EDIT) -> VM:
        """Return the VM of that name, with which the user may do this; `managed` refuses an unmanaged one."""
        try:
            visible = VM.objects.visible_to(self.user).on(pick_hypervisor(self.user, hypervisor))
            vm = visible.select_related("hypervisor__status", "status").named(name)
        except VM.DoesNotExist as problem:
            raise CommandError(str(problem)) from problem
        rights.require(self.user, verb, vm)
        if managed and not vm.managed:
            raise CommandError(f"{name} is unmanaged, so the portal does not change it")
        return vm
