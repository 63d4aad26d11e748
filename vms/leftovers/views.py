"""The page of the unused volumes of a pool, and their deletion."""

import hashlib
from collections.abc import Sequence

from django.contrib import messages
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from virterweb.hypervisors.models import Hypervisor, ReadingProblem
from virterweb.pages.exports import answer
from virterweb.pages.tables import Column, Table, natural
from virterweb.people import rights
from virterweb.people.verbs import Verb
from vms.models import Volume
from vms.pools.makers import with_makers

from . import deletion

COLUMNS = (
    Column(key="name", title="Volume", order=(natural("name"),)),
    Column(key="size", title="Capacity", order=(F("capacity"),)),
    Column(key="changed", title="Last changed", order=(F("changed_on").asc(nulls_first=True),)),
    Column(key="unused", title="Unused since", order=(F("unused_since"),)),
)
FILE = ("name", "path", "capacity", "format", "changed_on", "unused_since")


@require_GET
def volume_list(request: HttpRequest, hypervisor: str, suffix: str = "") -> HttpResponse:
    found = _hypervisor(request, hypervisor)
    unused = Volume.objects.visible_to(request.user).unused().of_images(found)
    if suffix:
        return answer(f"{found}-unused-volumes", suffix, FILE, unused.order_by("name").values_list(*FILE))

    def loaded(keys: list[int]) -> Sequence[Volume]:
        return with_makers(list(unused.filter(pk__in=keys).select_related("pool")), request.user)

    table = Table(unused, COLUMNS, request.GET, loaded)
    unread = found.reading_problems.filter(kind=ReadingProblem.Kind.POOL).first()
    context = {"hypervisor": found, "table": table, "unread": unread}
    context["sees"] = rights.access_of(request.user).allows_on(Verb.LIST, found.pk)
    context["operates"] = rights.is_operator(request.user, found)
    template = "vms/leftovers/_list.html" if request.htmx else "vms/leftovers/list.html"
    return render(request, template, context)


@require_POST
def volume_delete(request: HttpRequest, hypervisor: str) -> HttpResponse:
    """Show the chosen volumes; with the token of that page, have them deleted."""
    found = _hypervisor(request, hypervisor)
    rights.require_operator(request.user, found)
    keys = [key for key in request.POST.getlist("volume") if key.isdecimal() and len(key) < 19]
    unused = Volume.objects.unused().of_images(found).filter(pk__in=keys, delete_asked_at=None)
    chosen = list(unused.select_related("pool__hypervisor").order_by("name"))
    token = _token(chosen)
    if not chosen:
        messages.info(request, "Nothing was deleted. Select at least one unused volume.")
        return redirect("vms:leftover_volumes", found)
    if request.POST.get("token") == token:
        gone = deletion.request(chosen, request.user)
        messages.success(request, f"Deleting {gone[0] if len(gone) == 1 else f'{len(gone)} volumes'}.")
        return redirect("vms:leftover_volumes", found)
    changed = "token" in request.POST
    volumes = with_makers(chosen, request.user)
    context = {"hypervisor": found, "volumes": volumes, "token": token, "changed": changed}
    return render(request, "vms/leftovers/delete.html", context, status=409 if changed else 200)


def _hypervisor(request: HttpRequest, name: str) -> Hypervisor:
    return get_object_or_404(rights.visible_hypervisors(request.user).select_related("status"), name=name)


def _token(volumes: list[Volume]) -> str:
    """Return a digest of the volumes that the page shows."""
    shown = [(each.pk, each.path, each.capacity, each.format, each.backing, each.changed_on) for each in volumes]
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]
