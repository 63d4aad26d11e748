"""The page that edits the hardware of a VM."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from virterweb.people.verbs import Verb
from vms.lookup import get_vm
from vms.models import VM
from vms.nics.stale import as_base, merged

from .forms import HardwareForm


@require_http_methods(["GET", "POST"])
def vm_size(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = get_vm(request.user, hypervisor, name, VM.objects.alone().filter(managed=True), verb=Verb.EDIT)
    shown = HardwareForm(vm=vm)
    data, notes = merged(request.POST, shown) if request.method == "POST" else (None, [])
    form = HardwareForm(data, vm=vm)
    if data is not None and not notes and form.is_valid():
        sent = form.cleaned_data
        vm.resize(sent["memory"], sent["vcpus"], request.user, form.changes)
        _say(request, vm)
        return redirect(vm)
    context = {"vm": vm, "form": form, "base": as_base(shown), "notes": notes}
    return render(request, "vms/hardware/edit.html", context, status=409 if notes else 422 if form.is_bound else 200)


def _say(request: HttpRequest, vm: VM) -> None:
    host = vm.hypervisor.status.memory
    if host and vm.memory > host:
        messages.warning(request, f"{vm.hypervisor} has only {host} MiB of memory, so {vm} may fail to start.")
    if vm.status.power != "off":
        messages.success(
            request,
            f"{vm} gets more memory and vCPUs at once if it was started with room for them, and everything else at its "
            "next start.",
        )
