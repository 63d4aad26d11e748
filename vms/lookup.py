"""Look-ups of VMs by hypervisor and name, for views."""

from django.db.models import QuerySet
from django.http import Http404

from virterweb.hypervisors import rights

from .models import VM


def get_vm(hypervisor: str, name: str, vms: QuerySet | None = None) -> VM:
    """Return the VM of that name, a managed one first; 404 if there is none."""
    try:
        return (VM.objects if vms is None else vms).on(hypervisor).named(name)
    except VM.DoesNotExist as missing:
        raise Http404(str(missing)) from missing


def get_changeable(user: rights.Actor, hypervisor: str, name: str, vms: QuerySet | None = None) -> VM:
    """Return the VM as `get_vm` does; PermissionDenied, with the reason, unless the user may change it."""
    vm = get_vm(hypervisor, name, vms)
    rights.require(user, vm)
    return vm
