"""Pages of networks. They show what the database has and write wishes into it; libvirt is the workers' business."""

from functools import partial

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from virterweb.hypervisors.models import Hypervisor
from virterweb.hypervisors.views import leaves_when_gone
from virterweb.tables import Column, Table

from . import copy_as, tasks
from .blocks import next_free_block
from .compare_xml import leaves
from .forms import NetworkForm
from .models import Network

COLUMNS = (
    Column(key="name", title="Name", order=lambda row: row.name.lower()),
    Column(key="forward", title="Forward-Type", order=lambda row: row.facts.forward_mode),
    Column(key="range", title="IP-Range", order=lambda row: row.facts.ip_range),
    Column(key="domain", title="Domain", order=lambda row: row.facts.domain),
    Column(key="dhcp", title="DHCP", order=lambda row: row.facts.dhcp),
    Column(key="bridge", title="Bridge", order=lambda row: row.facts.bridge),
    Column(key="state", title="State", order=lambda row: row.state),
    Column(key="hypervisor", title="Hypervisor", order=lambda row: row.hypervisor.name),
)


@require_GET
def network_list(request: HttpRequest) -> HttpResponse:
    several = Hypervisor.objects.count() > 1
    networks = Network.objects.shown().defer("status__document", "status__stored").matching(request.GET.get("q", ""))
    if name := request.GET.get("hypervisor"):
        networks = networks.on(name)
    columns = COLUMNS if several else COLUMNS[:-1]
    context = {"table": Table(networks, columns, request.GET), "several": several}
    return render(request, "networks/_list.html" if request.htmx else "networks/network_list.html", context)


@require_http_methods(["GET", "POST"])
def network_add(request: HttpRequest) -> HttpResponse:
    first = Hypervisor.objects.select_related("status").first()
    proposed = {"ipv4": next_free_block(first)} if first and request.method == "GET" else None
    form = NetworkForm(request.POST or None, operator=request.user.is_staff, initial=proposed)
    if request.method == "POST" and form.is_valid():
        return redirect(form.save(request.user))
    status = 422 if form.is_bound else 200
    return render(request, "networks/network_add.html", {"form": form}, status=status)


@require_POST
def network_preview(request: HttpRequest) -> HttpResponse:
    """What the half-typed form means: an aside of the page that adds a network."""
    form = NetworkForm(request.POST, operator=request.user.is_staff)
    facts = form.block_facts()
    typed = {name for name, value in request.POST.items() if value}
    errors = {form[name].label: found for name, found in form.errors.items() if name in typed}
    return render(request, "networks/_preview.html", {"form": form, "facts": facts, "problems": errors})


def get_network(hypervisor: str, name: str, networks: QuerySet | None = None) -> Network:
    """The network of that name, ours before another's; 404 without."""
    try:
        return (Network.objects if networks is None else networks).on(hypervisor).named(name)
    except Network.DoesNotExist as missing:
        raise Http404(str(missing)) from missing


@require_GET
@leaves_when_gone("networks:list")
def network_detail(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    network = get_network(hypervisor, name, Network.objects.shown())
    spec = network.definition
    named = network.spec if network.managed else spec  # older libvirts keep neither title nor description
    context = {"network": network, "spec": spec, "named": named}
    context |= {"latest": network.revisions.select_related("by", "network__hypervisor")[:3]}
    context |= {"on_drift": Network.OnDrift.choices, "definition": ()}
    if document := network.status.definition:
        context["definition"] = [leaf for leaf in leaves(document) if leaf.path != "ip dhcp host"]
    template = "networks/_detail.html" if request.htmx else "networks/network_detail.html"
    return render(request, template, context)


@require_GET
def network_copies(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """The definition as texts for a ticket or a script: as wanted, or of a foreign network as found."""
    network = get_network(hypervisor, name, Network.objects.shown())
    document = network.full_document if network.managed else network.status.definition
    autostart = network.autostart if network.managed else network.status.autostart
    copies = (
        ("virter", copy_as.virter(document)),
        ("virsh", copy_as.virsh(document, autostart)),
        ("Terraform", copy_as.terraform(document, autostart)),
    )
    return render(request, "networks/network_copies.html", {"network": network, "copies": copies})


@require_http_methods(["GET", "POST"])
def network_remove(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    network = get_network(hypervisor, name, Network.objects.shown())
    attached = network.nics.select_related("vm__wish__hypervisor")
    cut_off = sorted({nic.vm.wish.name for nic in attached if nic.vm.power != "off"})
    meant = request.POST.get("cut_off") == "yes"
    if request.method == "POST" and (meant or not cut_off):
        network.remove_meaning(meant)
        transaction.on_commit(partial(tasks.push.delay, network.pk), robust=True)
        messages.success(request, f"Removing {network}.")
        return redirect("networks:list")
    context = {"network": network, "attached": attached, "cut_off": cut_off, "refused": request.method == "POST"}
    return render(request, "networks/network_remove.html", context, status=409 if request.method == "POST" else 200)


@require_POST
def network_retry(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    network = get_network(hypervisor, name)
    network.ask_again()
    transaction.on_commit(partial(tasks.push.delay, network.pk), robust=True)
    return redirect(network)
