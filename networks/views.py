"""Pages of networks. They read and write the database; only workers talk to libvirt."""

from collections.abc import Collection
from functools import partial

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from networks.addresses.blocks import next_free_block, taken_blocks
from networks.attachments import attachments
from networks.changes.forms.network import NetworkForm
from networks.copies.terraform import terraform
from networks.copies.virsh import virsh
from networks.copies.virter import virter
from networks.listing import COLUMNS, loaded, narrowed
from networks.lookup import get_managed, get_network
from networks.models import Network
from virterweb.activity.choices import Kind
from virterweb.activity.models import Entry
from virterweb.hypervisors.desired.history import latest
from virterweb.hypervisors.desired.state import State
from virterweb.pages.tables import Table
from virterweb.people import creating, rights
from virterweb.people.ends import listing as ends
from virterweb.people.ends import views as end_views
from virterweb.people.hidden.names import hidden_vms
from virterweb.people.models import HiddenColumns
from virterweb.people.profile.columns import columns_for
from virterweb.people.sharing.many import can_hand_over
from virterweb.people.sharing.views import share_page
from virterweb.people.tags.views import tags_page
from virterweb.people.verbs import Verb


@require_GET
def network_list(request: HttpRequest) -> HttpResponse:
    hypervisors = rights.hypervisor_count(request)
    several = hypervisors > 1
    shown = (
        Network.objects.visible_to(request.user)
        .shown()
        .defer("status__document", "status__stored")
        .select_related("owner")
    )
    found = narrowed(shown, request.GET, hypervisors)
    count = None if request.htmx else found.count  # a fragment has no chips, whose query counts
    columns = columns_for(request.user, HiddenColumns.Table.NETWORKS, COLUMNS)
    columns = columns if several else columns.without("hypervisor")
    table = Table(found.rows, columns, request.GET, partial(loaded, shown), count)
    any_changeable = any(rights.may(request.user, Verb.EDIT, network) for network in table.rows)
    context = {"table": table, "any_changeable": any_changeable, "narrowed": found}
    context["has_ends"] = ends.has_ends(table)
    context["can_hand_over"] = partial(can_hand_over, request.user, table.rows)
    sparks = attachments().traffic([network.pk for network in table.rows])
    for network in table.rows:
        network.spark = sparks.get(network.pk)
    return render(request, "networks/_list.html" if request.htmx else "networks/list.html", context)


@require_http_methods(["GET", "POST"])
def network_add(request: HttpRequest) -> HttpResponse:
    creating.require(request.user)
    proposed = _proposed(request) if request.method == "GET" else None
    if "change" in request.POST:
        return _for_another_hypervisor(request)
    form = NetworkForm(request.POST or None, user=request.user, initial=proposed)
    if request.method == "POST" and form.is_valid() and (network := form.save(request.user)):
        return redirect(network)
    status = 422 if form.is_bound else 200
    facts = form.block_facts() if form.is_bound else form.proposed_facts()
    return render(
        request,
        "networks/changes/add.html",
        {"form": form, "proposed": (proposed or {}).get("ipv4", ""), "facts": facts},
        status=status,
    )


def _proposed(request: HttpRequest) -> dict[str, object] | None:
    """Return what the form begins with: hypervisor and blocks of the query, else the first one and its free block."""
    possible = creating.hypervisors(request.user)
    named = possible.filter(name=request.GET.get("hypervisor", "").replace("\0", "")).first()
    first = named or possible.preselected()
    blocks = {name: text for name in ("ipv4", "ipv6") if (text := request.GET.get(name, ""))}
    if first is None or blocks:
        return {"hypervisor": first, "dhcp": True, **blocks} if blocks else None
    return {"hypervisor": first, "dhcp": True, "ipv4": next_free_block(taken_blocks(first))}


def _for_another_hypervisor(request: HttpRequest) -> HttpResponse:
    """Serve the half-typed form for the hypervisor that was chosen; a proposed block is proposed again."""
    typed = request.POST.dict()
    key = typed.get("hypervisor", "")
    chosen = creating.hypervisors(request.user).filter(pk=key).first() if key.isdecimal() and len(key) < 19 else None
    if chosen and typed.get("ipv4", "") in ("", typed.get("proposed")):
        typed["ipv4"] = next_free_block(taken_blocks(chosen))
    form = NetworkForm(initial={**typed, "hypervisor": chosen}, user=request.user)
    return render(request, "networks/changes/_add_form.html", {"form": form, "proposed": typed.get("ipv4", "")})


@require_POST
def network_preview(request: HttpRequest) -> HttpResponse:
    """Serve the preview of the form that adds a network."""
    creating.require(request.user)
    form = NetworkForm(request.POST, user=request.user)
    facts = form.block_facts()
    typed = {name for name, value in request.POST.items() if value}
    errors = {form[name].label: found for name, found in form.errors.items() if name in typed}
    context = {"form": form, "facts": facts, "problems": errors, "fragment": "networks/changes/_preview.html"}
    return render(request, "pages/forms/_typed.html", context)


@require_GET
def network_detail(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    network = get_network(
        request.user, hypervisor, name, Network.objects.alone().with_recipients().with_belonging(request.user)
    )
    spec = network.definition
    named = network.spec if network.managed else spec  # older libvirts keep neither title nor description
    context = {"network": network, "spec": spec, "named": named}
    if rights.may(request.user, Verb.SEE, network):
        context["latest"] = latest(network.revisions, 3)
    context["began"] = None if network.done else Entry.objects.about(Kind.NETWORK, network.pk).in_progress_since()
    context["on_drift"] = Network.OnDrift.choices
    template = "networks/_detail.html" if request.htmx else "networks/detail.html"
    return render(request, template, context)


@require_GET
def network_copies(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Serve the definition as texts for a ticket or a script: as desired, or of an unmanaged network as found."""
    network = get_network(request.user, hypervisor, name, verb=Verb.SEE)
    document = network.full_document if network.managed else network.status.definition
    autostart = network.autostart if network.managed else network.status.autostart
    copies = (
        ("virter", virter(document)),
        ("virsh", virsh(document, autostart)),
        ("Terraform", terraform(document, autostart)),
    )
    return render(request, "networks/copies/copies.html", {"network": network, "copies": copies})


@require_http_methods(["GET", "POST"])
def network_remove(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    network = get_network(request.user, hypervisor, name, verb=Verb.DELETE)
    attached = attachments().attached([network.pk])
    running = {_key(request.user, nic.vm): nic.vm for nic in attached if nic.running}
    recreated = request.POST.get("uuid", network.uuid_text) != network.uuid_text
    meant = request.POST.get("disconnect") == "yes" and running.keys() <= set(request.POST.getlist("vm"))
    if request.method == "POST" and not recreated and (meant or not running):
        network.remove(allow_disconnect={vm.name for vm in running.values()})
        messages.success(request, f"Deleting {network}.")
        return redirect("networks:list")
    context = {"network": network, "attached": attached, "running": sorted(running), "recreated": recreated}
    context["names"] = _named(request.user, running.values())
    context["refused"] = request.method == "POST"
    return render(request, "networks/changes/delete.html", context, status=409 if request.method == "POST" else 200)


def _key(user: rights.Actor, vm: object) -> str:
    """Return what the page knows a VM by: its name, or its ID in the database if the user may not see it."""
    return vm.name if rights.may(user, Verb.LIST, vm) else f"#{vm.pk}"


def _named(user: rights.Actor, vms: Collection[object]) -> list[str]:
    """Return the names of VMs in order, and at last how many of them the user may not see."""
    names = {vm.name for vm in vms if rights.may(user, Verb.LIST, vm)}
    hidden = sum(not rights.may(user, Verb.LIST, vm) for vm in vms)
    return [*sorted(names), *hidden_vms(hidden)]


@require_http_methods(["GET", "POST"])
def network_share(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    return share_page(request, get_managed(request.user, hypervisor, name, verb=Verb.SHARE))


@require_http_methods(["GET", "POST"])
def network_end(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    return end_views.end_page(request, get_managed(request.user, hypervisor, name))


@require_http_methods(["GET", "POST"])
def network_tags(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    return tags_page(request, get_network(request.user, hypervisor, name, verb=Verb.EDIT))


@require_POST
def network_extend(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    return end_views.extend(request, get_managed(request.user, hypervisor, name))


@require_POST
def network_retry(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    network = get_network(request.user, hypervisor, name, verb=Verb.EDIT)
    if network.state not in (State.FAILED, State.PENDING, State.REMOVING):
        messages.info(request, f"No change of {network} has failed, so there is nothing to retry.")
        return redirect(network)
    network.retry()
    return redirect(network)
