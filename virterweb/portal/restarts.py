"""VMs that are off although nobody stopped them, for example after a restart of their host."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from django.contrib import messages
from django.db.models import Count, F, Window
from django.db.models.functions import RowNumber
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from virterweb.hypervisors.models import Hypervisor
from virterweb.pages.listed import listed
from virterweb.people import rights
from virterweb.people.verbs import Verb
from vms.models import VM, Interruption

SHOWN = 10  # VMs of a hypervisor
#: What a button did, for one VM and for several.
STARTED = ("Starting 1 VM again: {names}.", "Starting {count} VMs again: {names}.")
LEFT_OFF = ("1 VM stays off: {names}.", "{count} VMs stay off: {names}.")
NOT_CHANGED = (
    "You may not start 1 more VM. Ask its owner or an operator.",
    "You may not start {count} more VMs. Ask their owners or an operator.",
)
HYPERVISORS = 12
COLUMNS = ("name", "hypervisor__name", "managed", "owner", "team", "status__interrupted", "status__desired")


@dataclass(frozen=True, kw_only=True)
class Interrupted:
    """The VMs of a hypervisor that are off for one reason: the first, and how many there are."""

    hypervisor: Hypervisor
    reason: Interruption
    rows: Sequence[VM]
    count: int
    may_change: bool  # the user may change one of them

    @property
    def more(self) -> int:
        return self.count - len(self.rows)


def interrupted_vms(user: rights.Actor) -> list[Interrupted]:
    """Return the first interrupted VMs, in groups by hypervisor and reason."""
    by_reason = {"partition_by": ["hypervisor", "status__interrupted"]}
    order = [F("number").asc(nulls_last=True), "name", "pk"]
    rows = VM.objects.visible_to(user).interrupted().select_related("hypervisor", "status").only(*COLUMNS)
    rows = rows.annotate(total=Window(Count("pk"), **by_reason), place=Window(RowNumber(), **by_reason, order_by=order))
    rows = rows.filter(place__lte=SHOWN).order_by("hypervisor__name", "status__interrupted", "place")
    first = list(rows[: SHOWN * HYPERVISORS])
    if not first:
        return []
    mine = VM.objects.interrupted().changeable_by(user, Verb.POWER).order_by()
    changeable = set(mine.values_list("hypervisor", "status__interrupted").distinct())
    return [_group(list(vms), key in changeable) for key, vms in groupby(first, key=_key)]


def _key(vm: VM) -> tuple[int, str]:
    return vm.hypervisor_id, vm.status.interrupted


def _group(vms: Sequence[VM], may_change: bool) -> Interrupted:
    first = vms[0]
    return Interrupted(
        hypervisor=first.hypervisor,
        reason=Interruption(first.status.interrupted),
        rows=vms,
        count=first.total,
        may_change=may_change,
    )


@require_POST
def end_interruption(request: HttpRequest, hypervisor: str, running: bool) -> HttpResponse:
    """Start the interrupted VMs of a hypervisor again, or leave them off, as far as the user may change them.

    With `reason`, only those that are off for this reason.
    """
    found = get_object_or_404(rights.visible_hypervisors(request.user), name=hypervisor)
    interrupted = VM.objects.visible_to(request.user).on(found).interrupted()
    if reason := request.POST.get("reason"):
        interrupted = interrupted.filter(status__interrupted=reason)
    mine = interrupted.changeable_by(request.user, Verb.POWER).select_related("hypervisor", "status")
    names = [vm.name for vm in mine if vm.end_interruption(running, request.user)]
    if names:
        messages.success(request, _sentence(STARTED if running else LEFT_OFF, len(names), names=listed(names, SHOWN)))
    else:
        messages.info(request, f"No interrupted VM of {hypervisor} is left that you may start.")
    if left := interrupted.count():
        messages.info(request, _sentence(NOT_CHANGED, left))
    return redirect("portal:hypervisors" if request.POST.get("back") == "hypervisors" else "portal:overview")


def _sentence(wording: tuple[str, str], count: int, **params: str) -> str:
    """Return the sentence for one VM or for several."""
    one, several = wording
    return (one if count == 1 else several).format(count=count, **params)
