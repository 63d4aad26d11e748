"""Pages of VMs, NICs and images. They show the database and save definitions; workers access libvirt."""

import hashlib
from functools import partial

from django.contrib import messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from virterweb.activity.choices import Kind
from virterweb.activity.models import Entry
from virterweb.hypervisors.desired.history import latest
from virterweb.hypervisors.desired.progress import InSteps
from virterweb.hypervisors.models import ReadingProblem
from virterweb.pages.forms.typed import TypedNameForm
from virterweb.pages.tables import Table
from virterweb.people import creating, rights
from virterweb.people.ends import listing as ends
from virterweb.people.ends import views as end_views
from virterweb.people.limits import Exceeded
from virterweb.people.models import HiddenColumns
from virterweb.people.profile.columns import columns_for
from virterweb.people.sharing.many import can_hand_over
from virterweb.people.sharing.views import share_page
from virterweb.people.tags.views import tags_page
from virterweb.people.verbs import Verb
from virterweb.web_server.request_body import takes_upload
from vms.attached.rows import nic_rows
from vms.bulk.rows import Action
from vms.definition.snapshots.document import OVERLAY
from vms.hardware.shown import shown as hardware_shown
from vms.images import listing as image_listing
from vms.images.exporting.requests import exportable
from vms.images.form import ImageForm
from vms.images.relations.tree import relations
from vms.images.uploading.views import unfinished
from vms.reach.ssh_line import ssh_line

from .listing import COLUMNS, loaded, narrowed, with_nic_count
from .lookup import get_vm
from .models import LOADING, TAG, VM, Image, PowerVerb, Volume

OFFERED = 100  # volumes that are suggested for an image
LISTED = (
    "name",
    "number",
    "memory",
    "vcpus",
    "managed",
    "generation",
    "removed_at",
    "hypervisor",
    "image__name",
    "team",
    "ends_at",
    "tags",
)
LISTED += (
    "owner__username",
    "power_generation",
    "wait_ssh",
    "ssh_check__since",
    "ssh_check__ready_at",
    "ssh_check__reason",
)
LISTED += tuple(f"snapshot_request__{name}" for name in ("verb", "done_at", *InSteps.NO_STEP))
LISTED_STATUS = ("generation", "error", "tries", "drift", *InSteps.NO_STEP, "present", "power", "power_reason", "saved")
LISTED_STATUS += ("memory", "vcpus", "persistent", "interrupted", "interrupted_power")


@require_GET
def vm_list(request: HttpRequest) -> HttpResponse:
    hypervisors = rights.hypervisor_count(request)
    several = hypervisors > 1
    listed = (
        VM.objects.visible_to(request.user)
        .shown()
        .select_related("owner", "snapshot_request")
        .only(*LISTED, *(f"status__{name}" for name in LISTED_STATUS))
    )
    shown = with_nic_count(listed)
    filtered = narrowed(shown, request.GET, hypervisors)
    count = None if request.htmx else filtered.count  # a fragment has no chips, whose query counts
    columns = columns_for(request.user, HiddenColumns.Table.VMS, COLUMNS)
    columns = columns if several else columns.without("hypervisor")
    table = Table(filtered.rows, columns, request.GET, partial(loaded, shown), count)
    template = "vms/_list.html" if request.htmx else "vms/list.html"
    any_changeable = any(rights.may(request.user, verb, vm) for verb in (Verb.EDIT, Verb.POWER) for vm in table.rows)
    context = {"table": table, "any_changeable": any_changeable}
    context |= {"many_actions": Action.choices, "power_verbs": PowerVerb.choices}
    context |= {
        "has_ends": ends.has_ends(table),
        "narrowed": filtered,
        "can_hand_over": partial(can_hand_over, request.user, table.rows),
    }
    return render(request, template, context)


@require_GET
def vm_detail(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = get_vm(
        request.user,
        hypervisor,
        name,
        VM.objects.alone()
        .with_recipients()
        .with_belonging(request.user)
        .select_related("status__guest_report", "snapshot_request__asked_by"),
    )
    template = "vms/_detail.html" if request.htmx else "vms/detail.html"
    changes = latest(vm.revisions, 3) if rights.may(request.user, Verb.SEE, vm) else []
    nics = nic_rows(vm)
    context = {"vm": vm, "nics": nics, "latest": changes, "ssh": ssh_line(vm, nics)}
    if rights.may(request.user, Verb.SEE, vm):
        context["hardware"] = hardware_shown(vm)
        asked = getattr(vm, "snapshot_request", None)
        context["asked"] = None if asked is None or asked.done_at else asked
    context["began"] = None if vm.done else Entry.objects.about(Kind.VM, vm.pk).in_progress_since()
    return render(request, template, context)


@require_http_methods(["GET", "POST"])
def vm_share(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = get_vm(request.user, hypervisor, name, verb=Verb.SHARE)
    vm.require(managed=True)
    return share_page(request, vm)


@require_http_methods(["GET", "POST"])
def vm_end(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    return end_views.end_page(request, get_vm(request.user, hypervisor, name, verb=Verb.EDIT))


@require_http_methods(["GET", "POST"])
def vm_tags(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    return tags_page(request, get_vm(request.user, hypervisor, name, verb=Verb.EDIT))


@require_POST
def vm_extend(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    return end_views.extend(request, get_vm(request.user, hypervisor, name, verb=Verb.EDIT))


@require_POST
def vm_retry(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = get_vm(request.user, hypervisor, name, verb=Verb.EDIT)
    vm.retry(request.user)
    return redirect(vm)


@require_http_methods(["GET", "POST"])
def vm_remove(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = get_vm(request.user, hypervisor, name, VM.objects.alone().filter(managed=True), verb=Verb.DELETE)
    goes = _what_goes(vm)
    seen = hashlib.sha256(repr((vm.uuid_text, goes)).encode()).hexdigest()[:16]
    changed = request.POST.get("seen", seen) != seen
    sent = request.POST if request.method == "POST" and not changed else None  # what has changed is confirmed again
    form = TypedNameForm(sent, name=vm.name)
    if form.is_valid():
        vm.remove(request.user)
        messages.success(request, f"Deleting {vm}.")
        return redirect("vms:list")
    context = {"vm": vm, "nics": nic_rows(vm), "form": form, "seen": seen, "changed": changed, **goes}
    status = 409 if changed else 422 if form.is_bound else 200
    return render(request, "vms/changes/delete.html", context, status=status)


def _what_goes(vm: VM) -> dict[str, list[str]]:
    """Return the volumes that a deletion removes, and the disks that it keeps because others created them."""
    own = vm.volumes()
    if not vm.host_key:  # run by others
        there = set(Volume.objects.at(vm.hypervisor, own).values_list("pool__name", "name"))
        own = [place for place in own if place in there]
    own = [volume for _, volume in own]
    sources = [disk["source"] for disk in vm.status.disks if disk["source"]]
    overlays = {path for each in vm.snapshots.defer("document") for path in each.files}
    overlays |= {source for source in sources if OVERLAY.search(source)}
    stay = [each for each in sources if each.rpartition("/")[2] not in own and each not in overlays]
    return {"own": own, "overlays": sorted(overlays), "stay": stay}


@require_POST
def vm_adopt(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = get_vm(request.user, hypervisor, name, verb=Verb.ADOPT)
    try:
        vm.adopt(request.user, creating.chosen_team(request, vm.hypervisor))
    except Exceeded as problem:
        messages.error(request, str(problem))
        return redirect(vm)
    except ValueError as problem:
        messages.error(request, f"{problem}.")
        return redirect(vm)
    messages.success(request, f"The portal manages {vm} from now on. Nothing changes in libvirt.")
    return redirect(vm)


@require_POST
def vm_release(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = get_vm(request.user, hypervisor, name, verb=Verb.DELETE)
    vm.release(request.user)
    messages.success(request, f"The portal no longer manages {vm}. libvirt keeps it as it is.")
    return redirect(vm)


@require_http_methods(["GET", "POST"])
@takes_upload
def image_list(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        creating.require(request.user)
    form = ImageForm(request.POST or None, request.FILES or None, user=request.user)
    if request.method == "POST" and form.is_valid() and form.save(request.user):
        return redirect("vms:images")
    images = Image.objects.visible_to(request.user).select_related("status", "hypervisor", "export", "owner")
    images = images.annotate(can_export=Exists(exportable(request.user).filter(pk=OuterRef("pk"))))
    hypervisors = rights.hypervisor_count(request)
    found = image_listing.narrowed(images, request.GET, hypervisors)
    columns = columns_for(request.user, HiddenColumns.Table.IMAGES, image_listing.COLUMNS)
    columns = columns if hypervisors > 1 else columns.without("hypervisor")
    load = partial(image_listing.loaded, images, user=request.user)
    table = Table(found.rows, columns, request.GET, load, None if request.htmx else found.count)
    context = {"table": table, "form": form, "narrowed": found}
    mine = rights.access_of(request.user).hypervisors(at="hypervisor")
    unread = ReadingProblem.objects.filter(mine, kind=ReadingProblem.Kind.POOL)
    context["unread"] = unread.select_related("hypervisor__status")
    if request.htmx and request.method == "GET":
        return render(request, "vms/images/_list.html", context)
    context |= {"uploads": unfinished(request), "volumes": _offered(request.user, form)}
    return render(request, "vms/images/list.html", context, status=422 if form.is_bound else 200)


def _offered(user: rights.Actor, form: ImageForm) -> QuerySet[Volume]:
    """Return volumes that can become images, the first by name: no VM's disk, no image, none of Virter's own."""
    if "volume" not in form.fields:
        return Volume.objects.none()
    usable = form.fields["hypervisor"].widget.hypervisors
    allowed = rights.access_of(user).hypervisors(Verb.CREATE, at="pool__hypervisor")
    named = Image.objects.filter(hypervisor=OuterRef("pool__hypervisor"), volume=OuterRef("name"))
    others = Volume.objects.of_images().filter(allowed, pool__hypervisor__in=usable.order_by())
    others = others.exclude(name__startswith="virter:").exclude(name__startswith=LOADING)
    return others.exclude(Exists(named)).order_by("name").select_related("pool")[:OFFERED]


def _image(request: HttpRequest, hypervisor: str, name: str, verb: Verb, **having: object) -> Image:
    """Return a managed image; 404 if it does not exist for the user, PermissionDenied if the user may not do this."""
    images = Image.objects.visible_to(request.user).filter(managed=True, **having)
    image = get_object_or_404(images, hypervisor__name=hypervisor, name=name)
    rights.require(request.user, verb, image)
    return image


@require_POST
def image_convert(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Copy a flat volume of an earlier version into a layer."""
    image = _image(request, hypervisor, name, Verb.EDIT, removed_at=None)
    if not image.volume.startswith(TAG) and not image.upload:
        image.convert()
    return redirect("vms:images")


@require_POST
def image_retry(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    image = _image(request, hypervisor, name, Verb.EDIT)
    if not image.retry(request.user):
        messages.info(request, f"Nothing has failed for the image {image}, so there is nothing to retry.")
    return redirect("vms:images")


@require_POST
def image_remove(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    image = _image(request, hypervisor, name, Verb.DELETE)
    if reason := relations([image], request.user)[image.pk].refusal(image):
        messages.error(request, str(reason))
    else:
        image.remove()
    return redirect("vms:images")
