"""Pages that change a NIC. What a change does to the running guest stands beside the form."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from . import domain_xml
from .models import VM
from .nic_form import NICChangeForm, preview
from .nic_xml import FoundNIC, NICSpec
from .views import get_vm, poked


def _nic(vm: VM, mac: str) -> tuple[NICSpec, FoundNIC | None]:
    """A NIC as it is wished, else as found; and as found. 404 if there is none."""
    nics = domain_xml.parse(vm.status.document).nics if vm.status.document else ()
    found = next((nic for nic in nics if nic.mac == mac), None)
    wish = vm.nics.filter(mac=mac, removed_at=None).first()
    if wish is None and found is None:
        raise Http404(f"{vm} has no NIC {mac}")
    if wish is None or (found and not wish.document):
        return found.spec, found
    return wish.spec(), found


@require_http_methods(["GET", "POST"])
def nic_edit(request: HttpRequest, hypervisor: str, name: str, mac: str) -> HttpResponse:
    vm = get_vm(hypervisor, name, VM.objects.shown().filter(managed=True, removed_at=None))
    now, found = _nic(vm, mac)
    form = NICChangeForm(request.POST or None, hypervisor=vm.hypervisor, now=now)
    if request.method == "POST" and form.is_valid():
        if form.wanted != now:
            vm.change_nic(form.wanted)
        return poked(vm)
    context = {"vm": vm, "form": form, "mac": mac, "nic": now, **_outcome(form, vm, found)}
    return render(request, "vms/nic_edit.html", context, status=422 if form.is_bound else 200)


@require_POST
def nic_edit_preview(request: HttpRequest, hypervisor: str, name: str, mac: str) -> HttpResponse:
    """What saving the half-filled form would do."""
    vm = get_vm(hypervisor, name, VM.objects.shown().filter(managed=True))
    now, found = _nic(vm, mac)
    form = NICChangeForm(request.POST, hypervisor=vm.hypervisor, now=now)
    return render(request, "vms/_nic_preview.html", {"vm": vm, "form": form, **_outcome(form, vm, found)})


def _outcome(form: NICChangeForm, vm: VM, found: FoundNIC | None) -> dict:
    """What saving would do, or what is wrong with what was typed; nothing yet of a form that is only shown."""
    if form.is_valid():
        return {"plan": preview(form.wanted, found, vm.status.power != "off")}
    return {"problems": {form[name].label: errors for name, errors in form.errors.items() if name in form.fields}}
