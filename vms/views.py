"""Pages of VMs, NICs and images. They show what the database has and write wishes; libvirt is the workers' business."""

from functools import partial

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from virterweb.hypervisors.models import Hypervisor
from virterweb.hypervisors.views import leaves_when_gone
from virterweb.tables import Column, Table

from . import tasks
from .image_form import ImageForm
from .many import Action
from .models import VM, Image, Volume
from .rows import nic_rows, with_access_addresses

COLUMNS = (
    Column(key="name", title="Name", order=lambda row: row.name.lower()),
    Column(key="id", title="ID", order=lambda row: row.number or 0),
    Column(key="state", title="State", order=lambda row: row.status.power),
    Column(key="image", title="Image", order=lambda row: str(row.image or "")),
    Column(key="memory", title="Memory", order=lambda row: row.status.memory),
    Column(key="vcpus", title="vCPUs", order=lambda row: row.status.vcpus),
    Column(key="nics", title="NICs", order=lambda row: row.nic_count),
    Column(key="address", title="IP", order=lambda row: row.addresses),
    Column(key="hypervisor", title="Hypervisor", order=lambda row: row.hypervisor.name),
)

LISTED = ("name", "number", "memory", "vcpus", "managed", "generation", "removed_at", "hypervisor", "image__name")
LISTED += ("wait_ssh", "ssh_check__since", "ssh_check__ready_at", "ssh_check__reason")
LISTED_STATUS = ("generation", "error", "drift", "progress", "power", "memory", "vcpus")


@require_GET
def vm_list(request: HttpRequest) -> HttpResponse:
    several = Hypervisor.objects.count() > 1
    vms = VM.objects.shown().only(*LISTED, *(f"status__{name}" for name in LISTED_STATUS))
    vms = vms.matching(request.GET.get("q", ""))
    vms = vms.annotate(nic_count=Count("status__nics", distinct=True))
    if name := request.GET.get("hypervisor"):
        vms = vms.on(name)
    table = Table(with_access_addresses(vms), COLUMNS if several else COLUMNS[:-1], request.GET)
    template = "vms/_list.html" if request.htmx else "vms/vm_list.html"
    return render(request, template, {"table": table, "several": several, "many_actions": Action.choices})


def get_vm(hypervisor: str, name: str, vms: QuerySet | None = None) -> VM:
    """The VM of that name, ours before another's; 404 without."""
    try:
        return (VM.objects if vms is None else vms).on(hypervisor).named(name)
    except VM.DoesNotExist as missing:
        raise Http404(str(missing)) from missing


@require_GET
@leaves_when_gone("vms:list")
def vm_detail(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = get_vm(hypervisor, name, VM.objects.shown().select_related("status__guest_report"))
    template = "vms/_detail.html" if request.htmx else "vms/vm_detail.html"
    return render(request, template, {"vm": vm, "nics": nic_rows(vm)})


@require_POST
def vm_power(request: HttpRequest, hypervisor: str, name: str, verb: str) -> HttpResponse:
    vm = get_vm(hypervisor, name, VM.objects.filter(managed=True))
    vm.ask_power(running=verb == "start", forced=verb == "destroy")
    return poked(vm)


@require_POST
def vm_retry(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = get_vm(hypervisor, name)
    vm.ask_nics_again()
    return poked(vm)


def poked(vm: VM) -> HttpResponse:
    transaction.on_commit(partial(tasks.push.delay, vm.pk), robust=True)
    return redirect(vm)


@require_http_methods(["GET", "POST"])
def vm_remove(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = get_vm(hypervisor, name, VM.objects.shown().filter(managed=True))
    typed = request.POST.get("name", "")
    if request.method == "POST" and typed == vm.name:
        vm.remove()
        messages.success(request, f"Removing {vm}.")
        poked(vm)
        return redirect("vms:list")
    sent = request.method == "POST"
    context = {"vm": vm, "nics": nic_rows(vm), "wrong": sent, "typed": typed, **_what_goes(vm)}
    return render(request, "vms/vm_remove.html", context, status=422 if sent else 200)


def _what_goes(vm: VM) -> dict[str, list[str]]:
    """The volumes that a removal deletes, and the disks that it leaves, for others made them."""
    there = set(Volume.objects.filter(hypervisor=vm.hypervisor).values_list("name", flat=True))
    own = [volume for _, volume in vm.volumes() if volume in there or vm.host_key]  # without: run by others
    sources = (disk["source"] for disk in vm.status.disks if disk["source"])
    return {"own": own, "stay": [source for source in sources if source.rpartition("/")[2] not in own]}


@require_POST
def vm_adopt(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = get_vm(hypervisor, name, VM.objects.shown().filter(managed=False))
    try:
        vm.adopt(request.user)
    except ValueError as problem:
        messages.error(request, f"{problem}.")
        return redirect(vm)
    messages.success(request, f"{vm} is the portal’s from now on; nothing changes in libvirt.")
    return poked(vm)


@require_POST
def vm_take(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """What libvirt has becomes the wish."""
    vm = get_vm(hypervisor, name, VM.objects.shown().filter(managed=True, removed_at=None, status__present=True))
    vm.follow_found()
    return poked(vm)


@require_POST
def vm_release(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = get_vm(hypervisor, name, VM.objects.shown().filter(managed=True, removed_at=None))
    if vm.status.present:
        vm.release()
        messages.success(request, f"{vm} is no longer the portal’s; libvirt keeps it as it is.")
    return redirect(vm)


@require_http_methods(["GET", "POST"])
def image_list(request: HttpRequest) -> HttpResponse:
    form = ImageForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        form.save()
        return redirect("vms:images")
    images = Image.objects.select_related("hypervisor__status", "status")
    images = images.annotate(vm_count=Count("vms")).order_by("hypervisor", "name")
    volumes = {(volume.hypervisor_id, volume.name): volume for volume in Volume.objects.all()}
    for image in images:
        image.seen = volumes.get((image.hypervisor_id, image.volume))
    context = {"images": images, "form": form, "volumes": _offered(volumes.values(), images)}
    if request.htmx and request.method == "GET":
        return render(request, "vms/_images.html", context)
    return render(request, "vms/image_list.html", context, status=422 if form.is_bound else 200)


def _offered(volumes, images) -> list[Volume]:
    """Volumes that may be named as images: no VM's disk, no image yet, nothing of Virter's own."""
    named = {(image.hypervisor_id, image.volume) for image in images}
    return [
        volume
        for volume in volumes
        if (volume.hypervisor_id, volume.name) not in named and not volume.name.startswith("virter:")
    ]


@require_POST
def image_remove(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    image = get_object_or_404(Image, hypervisor__name=hypervisor, name=name, managed=True)
    image.remove()
    transaction.on_commit(partial(tasks.push_image.delay, image.pk), robust=True)
    return redirect("vms:images")
