"""Pages that change a network. What a change does to whom is shown before it happens: see `shown_to`."""

from functools import partial
from itertools import pairwise

from django.contrib import messages
from django.contrib.auth.decorators import user_passes_test
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from . import plan as plans
from . import tasks
from .compare_xml import differences, line_differences, pretty
from .document_form import DocumentForm, check
from .forms import NetworkForm
from .merge import as_base, merged
from .models import Network, Revision
from .views import get_network

operators_only = user_passes_test(lambda user: user.is_staff)


def get_ours(hypervisor: str, name: str) -> Network:
    """The network of that name if it is ours to change; 404 else."""
    return get_network(hypervisor, name, Network.objects.shown().filter(managed=True, removed_at=None))


def shown(network: Network, steps: tuple[plans.Step, ...]) -> dict:
    """What the partial `_plan.html` needs: steps, the VMs that they touch with their owners, the token of it all."""
    vms = {nic.vm.wish.name: nic.vm.wish for nic in network.running_vms()}
    rows = [(step, [vms.get(name, name) for name in step.vms]) for step in steps]
    touched = {name for step in steps for name in step.vms}
    owners = sorted({str(vm.owner) for name, vm in vms.items() if name in touched and vm.owner})
    return {
        "steps": rows,
        "owners": owners,
        "disturbed": plans.worst(steps),
        "token": plans.token(steps, network.found()),
    }


def shown_to(request: HttpRequest, network: Network, steps: tuple[plans.Step, ...]) -> bool:
    """Whether this plan is the one that stood beside the button."""
    return request.POST.get("token") == plans.token(steps, network.found())


def wish(request: HttpRequest, network: Network, what: str, steps: tuple[plans.Step, ...], **values: object) -> None:
    """Change the wish, with the steps that were shown as accepted, and poke a worker."""
    network.change(what, request.user, accepted=[step.as_json() for step in steps], **values)
    poke(network)


def poke(network: Network) -> None:
    transaction.on_commit(partial(tasks.push.delay, network.pk), robust=True)


@require_http_methods(["GET", "POST"])
def network_edit(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    network = get_ours(hypervisor, name)
    data, notes = merged(request.POST, network) if request.method == "POST" else (None, [])
    form = NetworkForm(data, network=network, operator=request.user.is_staff)
    if data is None:
        context = {"form": form, "network": network, "base": as_base(network), **shown(network, ())}
        return render(request, "networks/network_edit.html", context)
    context = {"form": form, "network": network, "base": data.get("base", ""), "notes": notes}
    if not form.is_valid():
        return render(request, "networks/network_edit.html", {**context, **shown(network, ())}, status=422)
    wanted = form.wanted()
    if wanted == network.wanted:
        messages.success(request, f"Nothing of {network} was changed.")
        return redirect(network)
    steps = network.plan(wanted)
    if notes or not shown_to(request, network, steps):
        context |= {**shown(network, steps), "again": True}
        return render(request, "networks/network_edit.html", context, status=409)
    what = f"changed {_fields(network, wanted)}"
    wish(request, network, what, steps, document=wanted.document, autostart=wanted.autostart)
    return redirect(network)


def _fields(network: Network, wanted: plans.Wanted) -> str:
    """Which fields a change touches, for the history."""
    found = differences(wanted.document, network.full_document)
    names = list(dict.fromkeys(one.field for one in found)) or ["how it starts"]
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


@require_POST
def network_edit_preview(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """What saving the half-typed form would do to whom."""
    network = get_ours(hypervisor, name)
    form = NetworkForm(merged(request.POST, network)[0], network=network, operator=request.user.is_staff)
    facts = form.block_facts()
    problems = {form[field].label: found for field, found in form.errors.items() if field != "__all__"}
    steps = () if problems else network.plan(form.wanted())
    context = {"network": network, "facts": facts, "problems": problems, "notes": form.notes}
    context |= shown(network, steps)
    return render(request, "networks/_edit_preview.html", context)


@require_http_methods(["GET", "POST"])
def network_plan(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """What makes libvirt agree with the wish as it stands: for one that was changed outside, or that failed."""
    network = get_ours(hypervisor, name)
    steps = network.plan(exact=True)
    if request.method == "POST" and shown_to(request, network, steps):
        wish(request, network, "ours put back", steps, exact=True)
        return redirect(network)
    found = network.status.definition
    context = {"network": network, "differences": differences(network.full_document, found) if found else ()}
    context |= {**shown(network, steps), "again": request.method == "POST"}
    return render(request, "networks/network_plan.html", context, status=409 if request.method == "POST" else 200)


@require_POST
def network_take(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """The wish follows what libvirt has."""
    network = get_ours(hypervisor, name)
    if network.status.present:
        network.follow("libvirt’s taken", request.user)
        poke(network)
    return redirect(network)


@require_POST
def network_adopt(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    network = get_network(hypervisor, name, Network.objects.shown().filter(managed=False))
    try:
        network.adopt(request.user)
    except ValueError as problem:
        messages.error(request, f"{problem}.")
    else:
        poke(network)
        messages.success(request, f"{network} is the portal’s from now on; nothing changes in libvirt.")
    return redirect(network)


@require_POST
def network_release(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    network = get_ours(hypervisor, name)
    if network.status.present:
        network.release()
        messages.success(request, f"{network} is no longer the portal’s; libvirt keeps it as it is.")
    return redirect(network)


@require_POST
@operators_only
def network_on_drift(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Set what happens by itself when others change this network in libvirt."""
    network = get_ours(hypervisor, name)
    if request.POST.get("on_drift") in Network.OnDrift.values:
        Network.objects.filter(pk=network.pk).update(on_drift=request.POST["on_drift"])
    return redirect(network)


@require_http_methods(["GET", "POST"])
def network_xml(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """The wanted document, the found one, and how they differ; operators edit the wanted one."""
    network = get_network(hypervisor, name, Network.objects.shown())
    if request.method == "POST" and not (request.user.is_staff and network.managed):
        raise PermissionDenied
    form = DocumentForm(request.POST or None, network=network) if network.managed else None
    context = {"network": network, "form": form, **_both_sides(network)}
    if request.method == "GET":
        return render(request, "networks/network_xml.html", context)
    if not form.is_valid():
        return render(request, "networks/network_xml.html", context, status=422)
    wanted = plans.Wanted(document=form.cleaned_data["document"], active=network.active, autostart=network.autostart)
    steps = network.plan(wanted)
    if not shown_to(request, network, steps):
        context |= {**shown(network, steps), "checked": True}
        return render(request, "networks/network_xml.html", context, status=409)
    wish(request, network, f"XML changed: {_fields(network, wanted)}", steps, document=wanted.document)
    return redirect(network)


def _both_sides(network: Network) -> dict:
    """Documents and differences; of a foreign network only the found side."""
    found = network.status.definition
    if not network.managed:
        return {"found": pretty(found) if found else ""}
    wanted = network.full_document
    return {
        "found": pretty(found) if found else "",
        "wanted": pretty(wanted),
        "differences": differences(wanted, found) if found else (),
        "lines": line_differences(found, wanted) if found else (),
    }


@require_GET
def network_history(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    network = get_network(hypervisor, name, Network.objects.shown())
    revisions = Revision.objects.filter(network=network).select_related("by", "network__hypervisor")[:200]
    for newer, older in pairwise(revisions):
        newer.previous = older
    return render(request, "networks/network_history.html", {"network": network, "revisions": revisions})


@require_http_methods(["GET", "POST"])
def network_revision(request: HttpRequest, hypervisor: str, name: str, pk: int) -> HttpResponse:
    """An earlier wish beside today's; it can be made the wish again."""
    network = get_ours(hypervisor, name)
    revision = get_object_or_404(network.revisions.select_related("by"), pk=pk)
    wanted = plans.Wanted(document=revision.document, active=revision.active, autostart=revision.autostart)
    steps, problems = network.plan(wanted), check(revision.document, network)
    if request.method == "POST" and not problems and shown_to(request, network, steps):
        values = {"document": wanted.document, "active": wanted.active, "autostart": wanted.autostart}
        wish(request, network, f"restored as of {revision.at:%Y-%m-%d %H:%M}", steps, **values)
        return redirect(network)
    now = network.full_document
    context = {
        "network": network,
        "revision": revision,
        "problems": problems,
        "differences": differences(revision.document, now),
        "lines": line_differences(now, revision.document),
        "again": request.method == "POST",
        **shown(network, steps),
    }
    return render(request, "networks/network_revision.html", context, status=409 if request.method == "POST" else 200)
