"""The page of a network's DNS names, from the database: only workers ask dnsmasq."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from networks.lookup import get_network
from networks.models import Network

from . import sync as dns


@require_http_methods(["GET", "POST"])
def network_names(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Serve each name with the answers of the network's dnsmasq; POST has it asked again."""
    network = get_network(request.user, hypervisor, name, Network.objects.alone().select_related("dns_answers"))
    if request.method == "POST":
        dns.query_now(network)
        return redirect("networks:names", hypervisor, name)
    context = {"network": network, "names": dns.served(network), "unasked": dns.unasked(network)}
    template = "_names.html" if request.htmx else "names.html"
    return render(request, f"networks/dns_names/{template}", context)
