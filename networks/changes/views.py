"""Pages that change a network. The effects on VMs are shown before the change: see `shown_to`."""

import hashlib

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from networks.changes.forms.initial import initial_of
from networks.changes.forms.network import NetworkForm
from networks.definition.document.compare import differences, line_differences, pretty
from networks.definition.document.leaves import leaves
from networks.definition.document.parse import parse
from networks.definition.events import Event
from networks.definition.plans.steps import Step, Wanted, token
from networks.lookup import get_managed, get_network
from networks.models import Network
from networks.xml_editor.form import DocumentForm
from virterweb.activity.choices import Result
from virterweb.hypervisors.desired.history import history_page, revision_page
from virterweb.hypervisors.desired.models import Desired
from virterweb.hypervisors.desired.one_at_a_time import concurrent
from virterweb.hypervisors.desired.refusals import InvalidTransition, Refusal
from virterweb.hypervisors.desired.revisions import note_activity
from virterweb.people import creating, rights
from virterweb.people.limits import Exceeded
from virterweb.people.verbs import Verb

from .accepted import accepted
from .merge import as_base, merged
from .restore import NetworkRestoration
from .shown import shown


def shown_to(request: HttpRequest, network: Network, steps: tuple[Step, ...]) -> bool:
    """Return whether this plan is the one that was shown beside the button."""
    return request.POST.get("token") == token(steps, network.found_alone())


def save_change(
    request: HttpRequest, network: Network, event: Event, steps: tuple[Step, ...], **values: object
) -> None:
    """Change the desired configuration, with the shown steps as accepted; `values` as of `change`."""
    network.change(event, request.user, accepted=[step.as_json() for step in steps], **values)


def is_stale(request: HttpRequest, thing: Desired) -> bool:
    """Return whether the object has changed in libvirt since its differences were shown, and say so."""
    stale = request.POST.get("seen", thing.status.drift_digest) != thing.status.drift_digest
    if stale:
        messages.error(
            request, f"{thing} has been changed in libvirt since you opened this page. Check the differences again."
        )
    return stale


@require_http_methods(["GET", "POST"])
def network_edit(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    network = get_managed(request.user, hypervisor, name)
    data, notes = merged(request.POST, network) if request.method == "POST" else (None, [])
    form = NetworkForm(data, network=network, user=request.user)
    if data is None:
        base = as_base(form)
        if network.status.draft:  # the last change was refused: to be corrected
            typed = initial_of(parse(network.status.draft))
            form = NetworkForm(network=network, user=request.user, initial=typed)
        context = {"form": form, "network": network, "base": base, **shown(network, (), request.user)}
        return render(request, "networks/changes/edit.html", context)
    context = {"form": form, "network": network, "base": data.get("base", ""), "notes": notes}
    if not form.is_valid():
        return render(
            request, "networks/changes/edit.html", {**context, **shown(network, (), request.user)}, status=422
        )
    wanted = form.wanted()
    if wanted == network.wanted:
        messages.success(request, f"{network} was not changed.")
        return redirect(network)
    steps = network.plan(wanted)
    if notes or not shown_to(request, network, steps):
        context |= {**shown(network, steps, request.user), "again": True}
        return render(request, "networks/changes/edit.html", context, status=409)
    values = {"document": wanted.document, "autostart": wanted.autostart}
    save_change(request, network, Event.CHANGED_FIELDS, steps, about=_fields(network, wanted), **values)
    return redirect(network)


@require_POST
def network_discard_draft(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Forget the last change, which libvirt refused."""
    network = get_managed(request.user, hypervisor, name)
    with transaction.atomic():
        network.status.forget_draft()
        note_activity(network, Event.DRAFT_DISCARDED, request.user, result=Result.DONE)
    messages.success(request, f"The refused change of {network} was discarded.")
    return redirect(network)


def _fields(network: Network, wanted: Wanted) -> dict[str, list]:
    """Return which fields a change touches, for the history."""
    found = differences(wanted.document, network.full_document)
    return {"fields": list(dict.fromkeys(one.field for one in found))}


@concurrent
@require_POST
def network_edit_preview(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Serve the preview of what saving the form would change."""
    network = get_managed(request.user, hypervisor, name)
    form = NetworkForm(merged(request.POST, network)[0], network=network, user=request.user)
    facts = form.block_facts()
    problems = {form[field].label: found for field, found in form.errors.items() if field != "__all__"}
    steps = () if problems else network.plan(form.wanted())
    context = {"network": network, "form": form, "facts": facts, "problems": problems, "notes": form.notes}
    context |= {"fragment": "networks/changes/_edit_preview.html", **shown(network, steps, request.user)}
    return render(request, "pages/forms/_typed.html", context)


@require_http_methods(["GET", "POST"])
def network_plan(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Show the plan that reverts a drifted or failed network to its saved definition."""
    network = get_managed(request.user, hypervisor, name)
    if network.namesake:
        return redirect("networks:recreate", hypervisor, name)
    steps = network.plan(overwrite=True)
    if request.method == "POST" and shown_to(request, network, steps):
        save_change(request, network, Event.REVERTED, steps, overwrite=True)
        return redirect(network)
    context = {"network": network, "differences": network.differences}
    context |= {**shown(network, steps, request.user), "again": request.method == "POST"}
    return render(request, "networks/changes/plan.html", context, status=409 if request.method == "POST" else 200)


@require_POST
def network_accept(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Accept changes from libvirt: the saved definition follows them."""
    network = get_managed(request.user, hypervisor, name)
    if is_stale(request, network):
        return redirect(network)
    network.accept_found(request.user)
    messages.success(request, accepted(network))
    return redirect(network)


@require_POST
def network_adopt_replacement(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Adopt the network that replaced this one outside the portal."""
    network = get_managed(request.user, hypervisor, name, verb=Verb.ADOPT)
    network.adopt_replacement(request.user)
    messages.success(request, f"{network} is now managed as it is in libvirt. Nothing changed in libvirt.")
    return redirect(network)


@require_http_methods(["GET", "POST"])
def network_recreate(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Replace the network that was recreated or renamed outside by the saved definition; show the plan first."""
    network = get_managed(request.user, hypervisor, name, verb=Verb.ADMINISTER)
    if not network.replaced:
        raise InvalidTransition(network, Refusal.NOT_REPLACED)
    other, steps = network.namesake or network, network.recreation()
    if request.method == "POST" and shown_to(request, other, steps):
        network.recreate(steps, request.user)
        return redirect(network)
    context = {"network": network, "recreate": True, "other": other, **shown(other, steps, request.user)}
    context["again"] = request.method == "POST"
    return render(request, "networks/changes/plan.html", context, status=409 if context["again"] else 200)


@require_POST
def network_persist(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Make libvirt store the definition of a transient network, as it runs."""
    network = get_managed(request.user, hypervisor, name)
    if network.status.persistent:
        messages.info(request, f"{network} is already persistent.")
        return redirect(network)
    requested = ("persistent",)
    save_change(request, network, Event.PERSISTENT, network.plan(requested=requested), requested=requested)
    return redirect(network)


@require_POST
def network_adopt(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    networks = Network.objects.alone().order_by("managed")
    network = get_network(request.user, hypervisor, name, networks, verb=Verb.ADOPT)
    try:
        network.adopt(request.user, creating.chosen_team(request, network.hypervisor))
    except Exceeded as problem:
        messages.error(request, str(problem))
        return redirect(network)
    messages.success(request, f"The portal manages {network} from now on. Nothing changes in libvirt.")
    return redirect(network)


@require_POST
def network_release(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    network = get_network(request.user, hypervisor, name, verb=Verb.DELETE)
    network.release(request.user)
    messages.success(request, f"The portal no longer manages {network}. libvirt keeps it as it is.")
    return redirect(network)


@require_POST
def network_on_drift(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Set the automatic reaction to changes of this network outside the portal."""
    network = get_managed(request.user, hypervisor, name, verb=Verb.ADMINISTER)
    if request.POST.get("on_drift") in Network.OnDrift.values:
        with transaction.atomic():
            Network.objects.filter(pk=network.pk).update(on_drift=request.POST["on_drift"])
            note_activity(network, Event.ON_DRIFT, request.user, result=Result.DONE)
        messages.success(
            request, f"When {network} is changed outside the portal: {Network.OnDrift(request.POST['on_drift']).label}."
        )
    else:
        messages.error(request, f"Choose what happens when {network} is changed outside the portal.")
    return redirect(network)


@require_http_methods(["GET", "POST"])
def network_xml(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Serve the saved document, the found one and their differences; operators edit the saved one."""
    network = get_network(request.user, hypervisor, name, verb=Verb.SEE)
    if request.method == "POST":
        rights.require(request.user, Verb.ADMINISTER, network)
        network.require(managed=True)
    form = DocumentForm(request.POST or None, network=network, user=request.user) if network.managed else None
    context = {"network": network, "form": form, **_both_sides(network)}
    context["base"] = hashlib.sha256(network.full_document.encode()).hexdigest()[:16] if network.managed else ""
    context["changed"] = request.POST.get("base", context["base"]) != context["base"]
    if request.method == "GET":
        return render(request, "networks/xml_editor/xml.html", context)
    if not form.is_valid():
        return render(request, "networks/xml_editor/xml.html", context, status=422)
    wanted = Wanted(document=form.cleaned_data["document"], active=network.active, autostart=network.autostart)
    steps = network.plan(wanted)
    if context["changed"] or not shown_to(request, network, steps):
        context |= {**shown(network, steps, request.user), "checked": True}
        return render(request, "networks/xml_editor/xml.html", context, status=409)
    about = _fields(network, wanted)
    save_change(request, network, Event.XML_FIELDS, steps, about=about, document=wanted.document)
    return redirect(network)


def _both_sides(network: Network) -> dict:
    """Return documents and differences; of an unmanaged network only the found side."""
    found = network.status.definition
    shown = {
        "found": pretty(found) if found else "",
        "definition": [leaf for leaf in leaves(found) if leaf.path != "ip dhcp host"] if found else (),
    }
    if not network.managed:
        return shown
    wanted = network.full_document
    return {
        **shown,
        "wanted": pretty(wanted),
        "differences": network.differences,
        "lines": line_differences(found, wanted) if found else (),
    }


@require_GET
def network_history(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    return history_page(request, get_network(request.user, hypervisor, name, verb=Verb.SEE))


@require_http_methods(["GET", "POST"])
def network_revision(request: HttpRequest, hypervisor: str, name: str, pk: int) -> HttpResponse:
    network = get_network(request.user, hypervisor, name, verb=Verb.SEE)
    refusal = rights.refusal(request.user, Verb.EDIT, network)
    return revision_page(request, network, pk, NetworkRestoration, refusal)
