"""Pages of the snapshots of a VM. They show what was observed and store requests; workers carry these out."""

import hashlib
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from virterweb.hypervisors.desired.refusals import InvalidTransition
from virterweb.pages.exports import answer
from virterweb.pages.tables import page_of
from virterweb.people.limits import Exceeded
from virterweb.people.verbs import Verb
from vms.lookup import get_vm
from vms.models import VM, Snapshot, SnapshotRequest

from . import requests
from .form import TakeForm
from .preview import is_beneath_overlays, preview
from .tree import tree

FILE = ("name", "parent", "current", "taken_at", "state", "kind", "memory", "size", "files", "description")


@require_GET
def snapshot_list(request: HttpRequest, hypervisor: str, name: str, suffix: str = "") -> HttpResponse:
    vm = get_vm(request.user, hypervisor, name, verb=Verb.SEE)
    rows = tree(vm.snapshots.defer("document"))
    if suffix:
        values = ([getattr(row.snapshot, column) for column in FILE] for row in rows)
        return answer(f"{vm}-snapshots", suffix, FILE, values)
    asked = SnapshotRequest.objects.filter(vm=vm).select_related("asked_by").first()
    context = {"vm": vm, "page": page_of(rows, request.GET), "asked": asked}
    return render(request, f"vms/snapshots/{'_list' if request.htmx else 'list'}.html", context)


@require_http_methods(["GET", "POST"])
def snapshot_take(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = get_vm(request.user, hypervisor, name, verb=Verb.SNAPSHOT)
    form = TakeForm(request.POST if request.method == "POST" else None, vm=vm)
    if form.is_valid():
        try:
            requests.take(vm, form.cleaned_data["name"], request.user, **form.about)
        except (InvalidTransition, Exceeded) as problem:
            form.add_error(None, f"{str(problem).rstrip('.')}.")
        else:
            return redirect("vms:snapshots", hypervisor, name)
    return render(request, "vms/snapshots/take.html", {"vm": vm, "form": form}, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
def snapshot_revert(request: HttpRequest, hypervisor: str, name: str, pk: int) -> HttpResponse:
    """Show what reverting does; with the token of that page, request it."""
    vm, snapshot = _snapshot(request, hypervisor, name, pk)
    requests.require_reach(vm, snapshot, request.user)
    shown = preview(vm, snapshot)
    token = shown.token(vm, snapshot)
    changed = request.method == "POST" and request.POST.get("token") != token
    if request.method == "POST" and not changed:
        return _requested(
            request, vm, lambda: requests.revert(vm, snapshot, request.user, start="start" in request.POST)
        )
    context = {"vm": vm, "snapshot": snapshot, "preview": shown, "token": token, "changed": changed}
    context["beneath"] = is_beneath_overlays(vm, snapshot)
    return render(request, "vms/snapshots/revert.html", context, status=409 if changed else 200)


@require_http_methods(["GET", "POST"])
def snapshot_delete(request: HttpRequest, hypervisor: str, name: str, pk: int) -> HttpResponse:
    """Show what deleting a snapshot does; with the token of that page, request it."""
    vm, snapshot = _snapshot(request, hypervisor, name, pk)
    children = list(vm.snapshots.filter(parent=snapshot.name).values_list("name", flat=True))
    seen = (vm.uuid_text, snapshot.name, snapshot.taken_at, snapshot.files, children)
    token = hashlib.sha256(repr(seen).encode()).hexdigest()[:16]
    changed = request.method == "POST" and request.POST.get("token") != token
    if request.method == "POST" and not changed:
        return _requested(request, vm, lambda: requests.delete(vm, snapshot, request.user))
    context = {"vm": vm, "snapshot": snapshot, "children": children, "token": token, "changed": changed}
    return render(request, "vms/snapshots/delete.html", context, status=409 if changed else 200)


@require_POST
def snapshot_cancel(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    vm = get_vm(request.user, hypervisor, name, verb=Verb.SNAPSHOT)
    requests.cancel(vm, request.user)
    return redirect("vms:snapshots", hypervisor, name)


def _snapshot(request: HttpRequest, hypervisor: str, name: str, pk: int) -> tuple[VM, Snapshot]:
    vm = get_vm(request.user, hypervisor, name, verb=Verb.SNAPSHOT)
    return vm, get_object_or_404(vm.snapshots, pk=pk)


def _requested(request: HttpRequest, vm: VM, verb: Callable[[], object]) -> HttpResponse:
    try:
        verb()
    except InvalidTransition as problem:
        messages.error(request, f"{problem}.")
    return redirect("vms:snapshots", vm.hypervisor.name, vm.name)
