"""Shared parts of the verbs of the command `vm`: look-up of a VM, and waiting for the worker."""

from typing import ClassVar

from django.core.management.base import CommandError

from virterweb.hypervisors import rights
from virterweb.hypervisors.cli import VerbCommand, pick_hypervisor, wait_for
from vms.models import VM


class VMVerbs(VerbCommand):
    """A group of verbs of the command `vm`."""

    arguments: ClassVar = {"name": "name of the VM", "mac": "MAC of the NIC", "image": "name of the image"}

    def finish(self, vms: list[VM], no_wait: bool) -> None:
        if not no_wait:
            wait_for(vms, self)

    def find(self, name: str, hypervisor: str | None, managed: bool = True, change: bool = True) -> VM:
        """Return the VM of that name; `managed` refuses an unmanaged one, `change` checks the rights of the user."""
        try:
            vm = VM.objects.on(pick_hypervisor(hypervisor)).select_related("hypervisor__status", "status").named(name)
        except VM.DoesNotExist as problem:
            raise CommandError(str(problem)) from problem
        if change:
            rights.require(self.user, vm)
        if managed and not vm.managed:
            raise CommandError(f"{name} is unmanaged, so the portal does not change it")
        return vm
