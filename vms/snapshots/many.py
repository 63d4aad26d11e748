"""The page that takes snapshots of many VMs at once, chosen in their list."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from virterweb.hypervisors.desired.refusals import InvalidTransition
from virterweb.pages.listed import listed
from virterweb.people import rights
from virterweb.people.verbs import Verb
from vms.models import VM, VMQuerySet

from . import requests
from .form import ManyForm

SNAPSHOT = "snapshot"  # the action
NAMED = 10  # VMs that a message names


def take_many(request: HttpRequest, vms: VMQuerySet) -> HttpResponse:
    """Ask for a name; then request a snapshot of each chosen VM, and say why others get none."""
    chosen = list(vms.select_related("hypervisor", "status", "owner", "team"))
    form = ManyForm(request.POST if "asked" in request.POST else None)
    if not form.is_valid():
        context = {"form": form, "vms": chosen, "action": SNAPSHOT}
        return render(request, "vms/snapshots/many.html", context, status=422 if form.is_bound else 200)
    asked = [str(vm) for vm in chosen if _asked(request, vm, form)]
    if asked:
        messages.success(request, f"Taking snapshots: {listed(asked, NAMED)}.")
    return redirect("vms:list")


def _asked(request: HttpRequest, vm: VM, form: ManyForm) -> bool:
    """Request the snapshot of one VM; return False, with a message that says why, if it gets none."""
    try:
        rights.require(request.user, Verb.SNAPSHOT, vm)
        requests.take(vm, form.cleaned_data["name"], request.user, **form.about)
    except (InvalidTransition, PermissionDenied) as problem:
        messages.error(request, f"No snapshot of {vm}: {str(problem).rstrip('.')}.")
        return False
    return True
