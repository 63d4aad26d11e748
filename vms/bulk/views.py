"""Pages that change many VMs at once: selection, preview, confirmation and progress."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from virterweb.hypervisors.desired.one_at_a_time import of_all_hypervisors
from virterweb.people import rights
from virterweb.people.ends.views import EXTEND, extend_many
from virterweb.people.sharing.many import HAND_OVER, hand_over_many
from virterweb.people.tags import many as tags
from vms.listing import narrowed
from vms.models import VM, PowerVerb, VMQuerySet
from vms.snapshots.many import SNAPSHOT, take_many

from . import nics, power, results, save
from .form import form_for
from .rows import MAX_VMS, Action, Change, Row, fingerprint

MANY = {HAND_OVER: hand_over_many, EXTEND: extend_many, SNAPSHOT: take_many} | dict.fromkeys(tags.TITLES, tags.tag_many)


@of_all_hypervisors
@require_http_methods(["GET", "POST"])
def vm_many(request: HttpRequest) -> HttpResponse:
    """GET: show the results for the chosen VMs. POST: show the plan for all; with `go` and its token, carry it out."""
    if request.method == "GET":
        return _progress(request)
    keys, vms = _chosen(request)
    action = request.POST.get("action", "")
    known = {*Action.values, *PowerVerb.values, *MANY, "retry"}
    if not keys or len(keys) > MAX_VMS or action not in known:
        messages.error(request, _wrong(len(keys)))
        return redirect("vms:list")
    if action in MANY:
        return MANY[action](request, vms)
    if action == "retry":
        save.again(vms, request.user)
        return redirect(_address(keys, request.POST.get("did", ""), request.POST.get("where", "")))
    return _plan(request, _action(action), keys, vms)


def _action(code: str) -> Action | PowerVerb:
    return Action(code) if code in Action.values else PowerVerb(code)


def _wrong(count: int) -> str:
    return f"Choose at most {MAX_VMS} VMs." if count > MAX_VMS else "Choose VMs and an action."


def _chosen(request: HttpRequest) -> tuple[list[str], VMQuerySet]:
    """Return the keys of the chosen VMs, and the VMs that still exist; `all` chooses the whole list."""
    data = request.POST if request.method == "POST" else request.GET
    visible = VM.objects.visible_to(request.user)
    if request.method == "POST" and "all" in data:
        keys = list(map(str, narrowed(visible, request.POST).rows.values_list("pk", flat=True)))
    else:
        keys = list(dict.fromkeys(key for key in data.getlist("vm") if key.isdecimal() and len(key) < 19))
    return keys, visible.filter(pk__in=keys)


def _plan(request: HttpRequest, action: Action | PowerVerb, keys: list[str], vms: VMQuerySet) -> HttpResponse:
    form = form_for(action, request.POST if "asked" in request.POST else None, vms, request.user)
    change = form.change() if form.is_valid() else None
    rows = _rows(vms, change, request.user) if change else []
    token = fingerprint(change, rows) if change else ""
    said_yes = "go" in request.POST and change
    if said_yes and request.POST.get("token") == token:
        if gone := save.save(rows, request.user):
            messages.warning(request, f"No longer there: {', '.join(gone)}.")
        return redirect(_address([str(row.vm.pk) for row in rows if row.changes] or keys, action, change.where))
    doing = [row for row in rows if row.changes]
    context = {"form": form, "action": action, "keys": keys, "rows": rows, "doing": doing, "token": token}
    context |= {"changed": said_yes, "gone": len(keys) - vms.count(), "planned": change is not None}
    status = 409 if said_yes else 422 if form.errors and not request.htmx else 200
    return render(request, "vms/bulk/_plan.html" if request.htmx else "vms/bulk/bulk.html", context, status=status)


def _rows(vms: VMQuerySet, change: Change, user: rights.Actor) -> list[Row]:
    if isinstance(change.action, PowerVerb):
        return power.rows(vms, change.action, user)
    return nics.rows(vms, change, user)


def _address(keys: list[str], did: str, where: str) -> str:
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in (("did", did), ("where", where)) if value})
    query.setlist("vm", keys)
    return f"{reverse('vms:many')}?{query.urlencode()}"


def _progress(request: HttpRequest) -> HttpResponse:
    keys, vms = _chosen(request)
    if not keys:
        messages.error(request, _wrong(0))
        return redirect("vms:list")
    did, where = request.GET.get("did", ""), request.GET.get("where", "")[:255]
    found = results.results(vms, where)
    of = {name: [each for each in found if each.outcome == name] for name in ("done", "failed", "pending")}
    known = did in Action.values or did in PowerVerb.values
    context = {"results": found, "keys": keys, "did": did, "where": where, **of}
    context |= {"title": _action(did).label if known else "Bulk changes", "of_nics": did not in PowerVerb.values}
    context |= {"gone": len(keys) - len(found)}
    return render(request, "vms/bulk/_bulk.html" if request.htmx else "vms/bulk/progress.html", context)
