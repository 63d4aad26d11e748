"""Pages that add, change and remove NICs, also of unmanaged VMs, with a preview of what happens to the guest."""

from dataclasses import replace

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from networks.reservations.reservations import Conflict
from virterweb.hypervisors.desired.one_at_a_time import concurrent
from virterweb.people.verbs import Verb
from vms.addresses.reserved_address import fixed
from vms.definition.nics import plan as nic_plan
from vms.definition.nics.slots import free_slots
from vms.definition.nics.spec import NICSpec
from vms.definition.nics.steps import NotAttachable
from vms.lookup import get_vm
from vms.models import VIRTIO, VM, Power

from .form import NICChangeForm
from .stale import as_base, merged


def _vm(request: HttpRequest, hypervisor: str, name: str) -> VM:
    return get_vm(request.user, hypervisor, name, VM.objects.alone().filter(removed_at=None), verb=Verb.EDIT)


def _nic(vm: VM, mac: str) -> NICSpec:
    """Return a NIC as desired or found; 404 if there is none."""
    try:
        return vm.desired_nic(mac)[0]
    except LookupError as missing:
        raise Http404(str(missing)) from missing


@require_http_methods(["GET", "POST"])
def nic_add(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = _vm(request, hypervisor, name)
    initial = {"network": request.GET.get("network", ""), "model": VIRTIO}
    form = NICChangeForm(request.POST or None, vm=vm, initial=initial, user=request.user)
    if form.is_bound and form.is_valid() and _save(request, form):
        return redirect(vm)
    running = vm.status.power != Power.OFF and vm.status.document
    context = {"vm": vm, "form": form, "full": running and free_slots(vm.status.document) == 0}
    context |= _outcome(form, vm)
    return render(request, "vms/nics/add.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
def nic_edit(request: HttpRequest, hypervisor: str, name: str, mac: str) -> HttpResponse:
    vm = _vm(request, hypervisor, name)
    now = _nic(vm, mac)
    form = shown = NICChangeForm(vm=vm, now=now, key=mac, user=request.user)
    notes: list[str] = []
    if request.method == "POST":
        data, notes = merged(request.POST, shown)
        form = NICChangeForm(data, vm=vm, now=now, key=mac, user=request.user, initial=shown.initial)
        if not notes and form.is_valid() and _save(request, form):
            return redirect(vm)
    context = {"vm": vm, "form": form, "mac": mac, "nic": now, **_outcome(form, vm)}
    context |= {"base": as_base(shown), "notes": notes}
    return render(request, "vms/nics/edit.html", context, status=409 if notes else 422 if form.is_bound else 200)


def _save(request: HttpRequest, form: NICChangeForm) -> bool:
    """Save the form; return False, with an error in the form, if the address was taken in the meantime."""
    if form.asks_nothing:
        messages.info(request, "Nothing was changed, because these values are already saved.")
    try:
        form.save()
    except Conflict as problem:
        form.add_error("address", str(problem))
        return False
    return True


@concurrent
@require_POST
def nic_add_preview(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = _vm(request, hypervisor, name)
    form = NICChangeForm(request.POST, vm=vm, user=request.user)
    return _preview(request, form, vm)


@concurrent
@require_POST
def nic_edit_preview(request: HttpRequest, hypervisor: str, name: str, mac: str) -> HttpResponse:
    """Show the preview of the half-filled form."""
    vm = _vm(request, hypervisor, name)
    now = _nic(vm, mac)
    shown = NICChangeForm(vm=vm, now=now, key=mac, user=request.user)
    data, _ = merged(request.POST, shown)
    form = NICChangeForm(data, vm=vm, now=now, key=mac, user=request.user, initial=shown.initial)
    return _preview(request, form, vm)


def _preview(request: HttpRequest, form: NICChangeForm, vm: VM) -> HttpResponse:
    context = {"vm": vm, "form": form, "fragment": "vms/nics/_preview.html", **_outcome(form, vm)}
    return render(request, "pages/forms/_typed.html", context)


def _outcome(form: NICChangeForm, vm: VM) -> dict:
    """Return the preview or the errors of the form; nothing for an unbound form."""
    if form.is_valid():
        replug = not form.cleaned_data["at_shutdown"]
        try:
            live, stored = vm.found_nic(form.key) if form.now else (None, None)
            plan = nic_plan.plan(form.wanted, live, stored, vm.status.running, replug=replug, only=form.only)
        except NotAttachable as problem:
            return {"problems": {"NIC": [str(problem)]}}
        if form.now is None and not form.cleaned_data["mac"]:  # a MAC is chosen when the NIC is added
            steps = [replace(step, mac="") for step in plan.steps]
            plan = replace(plan, steps=tuple(steps))
        return {"plan": plan, "addresses": form.address_change.texts, "guest": form.guest_text}
    return {"problems": {form[name].label: errors for name, errors in form.errors.items() if name in form.fields}}


@require_http_methods(["GET", "POST"])
def nic_remove(request: HttpRequest, hypervisor: str, name: str, mac: str) -> HttpResponse:
    """Request the removal of a NIC; with `at_shutdown` a running guest keeps it until then."""
    vm = _vm(request, hypervisor, name)
    nic = vm.nics.keyed(mac).first() or vm.status.nics.keyed(mac).first() or _nic(vm, mac)
    if request.method == "POST":
        at_shutdown = "at_shutdown" in request.POST and vm.status.power != Power.OFF
        vm.remove_nic(mac, at_shutdown, request.user)
        if at_shutdown:
            messages.success(request, f"NIC {mac} is removed when {vm} is shut down.")
        return redirect(vm)
    context = {"vm": vm, "nic": nic, "access": vm.managed and getattr(nic, "position", 1) == 0}
    context["address"] = fixed(vm, NICSpec(kind=nic.kind, source=nic.source, mac=nic.mac))
    return render(request, "vms/nics/remove.html", context)


@require_POST
def nic_keep(request: HttpRequest, hypervisor: str, name: str, mac: str) -> HttpResponse:
    """Cancel the removal of a NIC."""
    vm = _vm(request, hypervisor, name)
    if not vm.keep_nic(mac, request.user):
        messages.error(request, f"NIC {mac} of {vm} is not being removed.")
    return redirect(vm)
