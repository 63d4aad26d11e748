"""Pages that add, change and remove NICs, also of VMs that others made. What happens to the guest stands beside."""

from dataclasses import replace

from django.contrib import messages
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from networks.hosts import Conflict

from .models import VIRTIO, VM, Power
from .nic_address import fixed
from .nic_form import NICChangeForm, preview
from .nic_plan import free_slots
from .nic_xml import FoundNIC, NICSpec
from .views import get_vm, poked


def _vm(hypervisor: str, name: str) -> VM:
    return get_vm(hypervisor, name, VM.objects.shown().filter(removed_at=None))


def _nic(vm: VM, mac: str) -> tuple[NICSpec, FoundNIC | None]:
    """As `VM.nic_as_wished`; 404 if there is none."""
    try:
        return vm.nic_as_wished(mac)
    except LookupError as missing:
        raise Http404(str(missing)) from missing


@require_http_methods(["GET", "POST"])
def nic_add(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = _vm(hypervisor, name)
    initial = {"network": request.GET.get("network", ""), "model": VIRTIO}
    form = NICChangeForm(request.POST or None, vm=vm, initial=initial)
    if form.is_bound and form.is_valid() and _wish(request, form):
        return poked(vm)
    running = vm.status.power != Power.OFF and vm.status.document
    context = {"vm": vm, "form": form, "full": running and free_slots(vm.status.document) == 0}
    context |= _outcome(form, vm, None)
    return render(request, "vms/nic_add.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
def nic_edit(request: HttpRequest, hypervisor: str, name: str, mac: str) -> HttpResponse:
    vm = _vm(hypervisor, name)
    now, found = _nic(vm, mac)
    form = NICChangeForm(request.POST or None, vm=vm, now=now)
    if form.is_bound and form.is_valid() and _wish(request, form):
        return poked(vm)
    context = {"vm": vm, "form": form, "mac": mac, "nic": now, **_outcome(form, vm, found)}
    return render(request, "vms/nic_edit.html", context, status=422 if form.is_bound else 200)


def _wish(request: HttpRequest, form: NICChangeForm) -> bool:
    """Write what the form says; False if somebody has taken the address meanwhile, which the form then says."""
    try:
        form.wish(request.user)
    except Conflict as problem:
        form.add_error("address", str(problem))
        return False
    except IntegrityError:
        form.add_error("mac" if "mac" in form.fields else None, "Somebody has just added a NIC with this MAC.")
        return False
    return True


@require_POST
def nic_add_preview(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = _vm(hypervisor, name)
    form = NICChangeForm(request.POST, vm=vm)
    return render(request, "vms/_nic_preview.html", {"vm": vm, "form": form, **_outcome(form, vm, None)})


@require_POST
def nic_edit_preview(request: HttpRequest, hypervisor: str, name: str, mac: str) -> HttpResponse:
    """What saving the half-filled form would do."""
    vm = _vm(hypervisor, name)
    now, found = _nic(vm, mac)
    form = NICChangeForm(request.POST, vm=vm, now=now)
    return render(request, "vms/_nic_preview.html", {"vm": vm, "form": form, **_outcome(form, vm, found)})


def _outcome(form: NICChangeForm, vm: VM, found: FoundNIC | None) -> dict:
    """What saving would do, or what is wrong with what was typed; nothing yet of a form that is only shown."""
    if form.is_valid():
        replug = not form.cleaned_data["at_shutdown"]
        plan = preview(form.wanted, found, vm.status.power != Power.OFF, replug=replug)
        if form.now is None and not form.cleaned_data["mac"]:  # one is chosen as it is added
            steps = [replace(step, text=step.text.replace(f"NIC {step.mac}", "a NIC")) for step in plan.steps]
            plan = replace(plan, steps=tuple(steps))
        return {"plan": plan, "addresses": form.address_change.texts, "guest": form.guest_text}
    return {"problems": {form[name].label: errors for name, errors in form.errors.items() if name in form.fields}}


@require_http_methods(["GET", "POST"])
def nic_remove(request: HttpRequest, hypervisor: str, name: str, mac: str) -> HttpResponse:
    """Wish a NIC away; with `at_shutdown` a running guest is not asked to release it."""
    vm = _vm(hypervisor, name)
    nic = vm.nics.filter(mac=mac).first() or vm.status.nics.filter(mac=mac).first()
    if nic is None:
        raise Http404(f"{vm} has no NIC {mac}")
    if request.method == "POST":
        at_shutdown = "at_shutdown" in request.POST and vm.status.power != Power.OFF
        vm.remove_nic(mac, at_shutdown)
        if at_shutdown:
            messages.success(request, f"NIC {mac} goes when {vm} is shut down.")
        return poked(vm)
    context = {"vm": vm, "nic": nic, "access": nic.position == 0 and vm.managed}
    context["address"] = fixed(vm, NICSpec(kind=nic.kind, source=nic.source, mac=mac))
    return render(request, "vms/nic_remove.html", context)


@require_POST
def nic_keep(request: HttpRequest, hypervisor: str, name: str, mac: str) -> HttpResponse:
    """Take back that a NIC shall go."""
    vm = _vm(hypervisor, name)
    vm.keep_nic(mac)
    return poked(vm)
