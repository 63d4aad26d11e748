"""Pages of the disks and CD-ROM drives of a VM."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from virterweb.pages.forms.typed import TypedNameForm
from virterweb.people.limits import Exceeded
from virterweb.people.verbs import Verb
from vms.lookup import get_vm
from vms.models import VM, Power

from .forms import GrowForm, MediumForm, NewDiskForm
from .rows import DiskRow, disk_rows, goes_live


@require_GET
def disk_list(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = get_vm(request.user, hypervisor, name, VM.objects.alone(), verb=Verb.SEE)
    template = "vms/disks/_list.html" if request.htmx else "vms/disks/list.html"
    return render(request, template, {"vm": vm, "rows": disk_rows(vm)})


@require_http_methods(["GET", "POST"])
def disk_add(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = _managed(request, hypervisor, name)
    form = NewDiskForm(request.POST or None, vm=vm, user=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            vm.add_disk(form.wanted, request.user)
        except Exceeded as problem:
            form.add_error("size", str(problem))
        else:
            return _back(vm)
    context = {"vm": vm, "form": form, "live": goes_live(vm, form["bus"].value() or "virtio")}
    return render(request, "vms/disks/add.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
def disk_grow(request: HttpRequest, hypervisor: str, name: str, target: str) -> HttpResponse:
    vm = _managed(request, hypervisor, name)
    row = _row(vm, target)
    if not row.can_grow:
        raise Http404
    form = GrowForm(request.POST or None, known=row.capacity)
    if request.method == "POST" and form.is_valid():
        try:
            vm.grow_disk(target, form.cleaned_data["size"], request.user)
        except Exceeded as problem:
            form.add_error("size", str(problem))
        else:
            return _back(vm)
    context = {"vm": vm, "row": row, "form": form, "live": vm.status.power != Power.OFF}
    return render(request, "vms/disks/grow.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
def disk_remove(request: HttpRequest, hypervisor: str, name: str, target: str) -> HttpResponse:
    """Detach a disk; with `delete`, for which its target is typed, delete its volume as well."""
    vm = _managed(request, hypervisor, name)
    row = _row(vm, target)
    if not row.can_go:
        raise Http404
    delete = "delete" in request.POST
    form = TypedNameForm(request.POST if delete else None, name=target, field="target", focused=False)
    if request.method == "POST" and (form.is_valid() or not delete):
        vm.remove_disk(target, delete=delete and row.disk is not None, by=request.user)
        return _back(vm)
    context = {"vm": vm, "row": row, "form": form}
    return render(request, "vms/disks/remove.html", context, status=422 if form.is_bound else 200)


@require_POST
def drive_add(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = _managed(request, hypervisor, name)
    vm.add_drive(request.user)
    if vm.status.power != Power.OFF:
        messages.success(request, f"{vm} gets the CD-ROM drive at its next boot.")
    return _back(vm)


@require_http_methods(["GET", "POST"])
def medium(request: HttpRequest, hypervisor: str, name: str, target: str) -> HttpResponse:
    vm = get_vm(request.user, hypervisor, name, VM.objects.alone(), verb=Verb.EDIT)
    row = _row(vm, target)
    if not row.is_drive or row.is_seed:
        raise Http404
    inserted = row.source.rpartition("/")[2]
    form = MediumForm(request.POST or None, vm=vm, user=request.user, initial={"medium": inserted})
    if request.method == "POST" and form.is_valid():
        vm.change_medium(target, vm.hypervisor.pool, form.cleaned_data["medium"], request.user)
        return _back(vm)
    context = {"vm": vm, "row": row, "form": form}
    return render(request, "vms/disks/medium.html", context, status=422 if form.is_bound else 200)


@require_POST
def request_cancel(request: HttpRequest, hypervisor: str, name: str, request_id: int) -> HttpResponse:
    vm = get_vm(request.user, hypervisor, name, VM.objects.alone(), verb=Verb.EDIT)
    vm.cancel_disk_request(get_object_or_404(vm.disk_requests.exclude(refused=""), pk=request_id), request.user)
    return _back(vm)


def _managed(request: HttpRequest, hypervisor: str, name: str) -> VM:
    vm = get_vm(request.user, hypervisor, name, VM.objects.alone(), verb=Verb.EDIT)
    vm.require(managed=True, present=True)
    return vm


def _row(vm: VM, target: str) -> DiskRow:
    row = next((row for row in disk_rows(vm) if row.target == target), None)
    if row is None:
        raise Http404
    return row


def _back(vm: VM) -> HttpResponse:
    return redirect(reverse("vms:disks", args=[vm.hypervisor.name, vm.name]))
