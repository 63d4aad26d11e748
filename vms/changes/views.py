"""Pages for VMs that were changed, deleted or recreated outside the portal: accept, revert, take over, persist."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from networks.changes.views import is_stale
from virterweb.people import rights
from virterweb.people.verbs import Verb
from vms.definition.domain_diff import Aspect
from vms.lookup import get_vm
from vms.models import VM


def _vm(request: HttpRequest, hypervisor: str, name: str, verb: Verb = Verb.EDIT) -> VM:
    return get_vm(request.user, hypervisor, name, verb=verb)


@require_POST
def vm_accept(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Accept libvirt's definition as the saved one."""
    vm = _vm(request, hypervisor, name)
    if is_stale(request, vm):
        return redirect(vm)
    vm.require_host_rights(request.user)
    try:
        vm.follow_found(request.user)
    except ValueError as problem:
        messages.error(request, f"{problem}.")
        return redirect(vm)
    if vm.status.transient:
        said = (
            f"The saved definition of {vm} is now the running one. Make it persistent, because libvirt deletes it "
            "when it stops."
        )
    else:
        said = f"The saved definition of {vm} is now the one that libvirt stores."
        if vm.status.running:
            said += " The running VM differs from it until it stops."
    messages.success(request, said)
    return redirect(vm)


@require_POST
def vm_revert(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Revert the shown differences in libvirt to the saved definition."""
    vm = _vm(request, hypervisor, name)
    if is_stale(request, vm):
        return redirect(vm)
    vm.require_host_rights(request.user, revert=True)
    vm.revert(request.user)
    if vm.status.running and {Aspect.MEMORY, Aspect.VCPUS} & set(vm.asked):
        messages.success(request, f"{vm} gets its saved memory and vCPUs at its next start.")
    return redirect(vm)


@require_POST
def vm_persist(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Make libvirt store the definition of a transient VM."""
    vm = _vm(request, hypervisor, name)
    vm.persist(request.user)
    return redirect(vm)


@require_POST
def vm_adopt_replacement(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Manage the VM that was created outside the portal under the name of a deleted one."""
    vm = _vm(request, hypervisor, name, Verb.ADOPT)
    if vm.namesake:
        rights.require(request.user, Verb.ADOPT, vm.namesake)
    try:
        vm.adopt_replacement(request.user)
    except ValueError as problem:
        messages.error(request, f"{problem}.")
        return redirect(vm)
    messages.success(request, f"{vm} is now managed as it is in libvirt. Nothing changed in libvirt.")
    return redirect(vm)
