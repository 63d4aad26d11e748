"""The page of the topology, and its files."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header, urlencode
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from networks.models import Network
from virterweb.pages.tables import natural
from virterweb.people import rights
from virterweb.people.verbs import Verb
from vms.models import VM

from . import texts
from .layout import drawn
from .reading import Topology, read
from .svg import svg

ABOUT = {"network": "Network", "vm": "VM", "team": "Team"}  # names that the URL narrows the page to
CHOICES = 500  # VMs and networks each that can be connected here
FILES = {"svg": "SVG", "mmd": "Mermaid", "dot": "DOT (Graphviz)", "drawio": "draw.io"}
TEXTS = {
    "mmd": (texts.mermaid, "text/plain; charset=utf-8"),
    "dot": (texts.dot, "text/vnd.graphviz; charset=utf-8"),
    "drawio": (texts.drawio, "application/xml"),
}


@require_GET
def topology(request: HttpRequest) -> HttpResponse:
    """Show the topology of everything that the filters leave."""
    hypervisors = rights.hypervisor_count(request)
    found = read(request.user, request.GET, hypervisors)
    context = {
        "found": found,
        "graph": found.graph,
        "picture": SafeString(svg(drawn(found.graph))),
        "several": hypervisors > 1,
    }
    context |= {"files": FILES.items(), "end": f"?{request.GET.urlencode()}" if request.GET else ""}
    if not request.htmx:
        context |= _choices(request, found)
        context["about"] = [(title, name) for key, title in ABOUT.items() if (name := request.GET.get(key, ""))]
    template = "portal/topology/_topology.html" if request.htmx else "portal/topology/topology.html"
    return render(request, template, context)


def _choices(request: HttpRequest, found: Topology) -> dict:
    """Return the VMs and networks that the user may connect, by ID."""
    place = request.GET.get("hypervisor", "")
    networks = Network.objects.visible_to(request.user).shown().once_a_name().filter(removed_at=None)
    networks = networks.filter(hypervisor__name=place) if place else networks
    networks = networks.order_by(natural("name")).values_list("pk", "name", "hypervisor__name")
    vms = [(vm.pk, vm.name, vm.hypervisor.name) for vm in found.changeable[:CHOICES]]
    return {"vms_to_connect": vms, "networks_to_connect": list(networks[:CHOICES])}


@require_GET
def connect(request: HttpRequest) -> HttpResponse:
    """Lead to the form that adds a NIC to the VM `vm` on the network `network`, both IDs."""
    network = Network.objects.visible_to(request.user).filter(pk=_number(request, "network")).first()
    vm = VM.objects.changeable_by(request.user, Verb.EDIT).filter(pk=_number(request, "vm")).first()
    if not network or not vm:
        messages.error(request, "Choose a VM and a network.")
        return redirect("portal:topology")
    if network.hypervisor_id != vm.hypervisor_id:
        messages.error(request, f"{vm} and {network} are on different hypervisors.")
        return redirect("portal:topology")
    form = reverse("vms:nic_add", args=[vm.hypervisor.name, vm.name])
    return redirect(f"{form}?{urlencode({'network': network.name})}")


def _number(request: HttpRequest, name: str) -> int:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


@require_GET
def topology_file(request: HttpRequest, suffix: str) -> HttpResponse:
    """Serve the topology as svg, or as text: mmd for Mermaid, dot, drawio."""
    graph = read(request.user, request.GET, rights.hypervisor_count(request)).graph
    if suffix == "svg":
        text, kind = svg(drawn(graph)), "image/svg+xml"
    else:
        write, kind = TEXTS[suffix]
        text = write(graph)
    response = HttpResponse(text, content_type=kind)
    response["Content-Disposition"] = content_disposition_header(True, f"topology.{suffix}")
    return response
