"""The page of the unused volumes of a pool, and their deletion."""

import hashlib
from collections.abc import Sequence

from django.contrib import messages
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from virterweb.pages.exports import answer
from virterweb.pages.tables import Column, Table, natural
from virterweb.people import rights
from virterweb.people.models import HiddenColumns
from virterweb.people.profile.columns import columns_for
from vms.models import StoragePool, Volume, name_in
from vms.pools.listing import problem_for, sees_volumes, visible
from vms.pools.makers import with_makers

from . import deletion

COLUMNS = (
    Column(key="name", title="Volume", order=(natural("name"),)),
    Column(key="size", title="Capacity", order=(F("capacity"),)),
    Column(key="changed", title="Last changed", order=(F("changed_on").asc(nulls_first=True),)),
    Column(key="unused", title="Unused since", order=(F("unused_since"),)),
    Column(key="made", title="Made for"),
)
FILE = ("name", "path", "capacity", "format", "changed_on", "unused_since")


@require_GET
def volume_list(request: HttpRequest, hypervisor: str, name: str, suffix: str = "") -> HttpResponse:
    pool = _pool(request, hypervisor, name)
    unused = Volume.objects.visible_to(request.user).unused().filter(pool=pool)
    if suffix:
        return answer(f"{hypervisor}-{pool}-unused", suffix, FILE, unused.order_by("name").values_list(*FILE))

    def loaded(keys: list[int]) -> Sequence[Volume]:
        return with_makers(list(unused.filter(pk__in=keys).select_related("pool")), request.user)

    table = Table(unused, columns_for(request.user, HiddenColumns.Table.UNUSED_VOLUMES, COLUMNS), request.GET, loaded)
    context = {"pool": pool, "table": table, "problem": problem_for(request.user, pool)}
    context["waiting"] = pool.volumes.exclude(delete_asked_at=None).count()
    context["sees"] = sees_volumes(request.user, pool)
    context["operates"] = rights.is_operator(request.user, pool.hypervisor)
    template = "vms/leftovers/_list.html" if request.htmx else "vms/leftovers/list.html"
    return render(request, template, context)


@require_POST
def volume_delete(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Show the chosen volumes; with the token of that page, have them deleted."""
    pool = _pool(request, hypervisor, name)
    rights.require_operator(request.user, pool.hypervisor)
    keys = [key for key in request.POST.getlist("volume") if key.isdecimal() and len(key) < 19]
    unused = Volume.objects.unused().filter(pool=pool, pk__in=keys, delete_asked_at=None)
    chosen = list(unused.select_related("pool__hypervisor").order_by("name"))
    token = _token(chosen)
    if not chosen:
        messages.info(request, "Nothing was deleted. Select at least one unused volume.")
        return redirect("vms:unused_volumes", hypervisor, pool.key)
    if request.POST.get("token") == token:
        gone = deletion.request(chosen, request.user)
        messages.success(request, f"Deleting {gone[0] if len(gone) == 1 else f'{len(gone)} volumes'}.")
        return redirect("vms:unused_volumes", hypervisor, pool.key)
    changed = "token" in request.POST
    context = {"pool": pool, "volumes": with_makers(chosen, request.user), "token": token, "changed": changed}
    return render(request, "vms/leftovers/delete.html", context, status=409 if changed else 200)


@require_GET
def of_hypervisor(request: HttpRequest, hypervisor: str, suffix: str = "") -> HttpResponse:
    """Redirect to the unused volumes of the pool that is named, or of that for images and VMs.

    It redirects to the list of pools if the pool was never read.
    """
    found = get_object_or_404(rights.visible_hypervisors(request.user), name=hypervisor)
    pool = visible(request.user).filter(hypervisor=found, name=request.GET.get("pool", found.pool)).first()
    if pool is None:
        return redirect("vms:pools")
    if suffix:
        return redirect("vms:unused_volumes_table", hypervisor, pool.key, suffix)
    return redirect("vms:unused_volumes", hypervisor, pool.key)


def _pool(request: HttpRequest, hypervisor: str, name: str) -> StoragePool:
    return get_object_or_404(visible(request.user), hypervisor__name=hypervisor, name=name_in(name))


def _token(volumes: list[Volume]) -> str:
    """Return a digest of the volumes that the page shows."""
    shown = [(each.pk, each.path, each.capacity, each.format, each.backing, each.changed_on) for each in volumes]
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]
