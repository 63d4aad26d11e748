"""The page of a network's DNS names: what the database has of them. Asking is the workers' business."""

from functools import partial

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from virterweb.hypervisors.views import leaves_when_gone

from . import dns, tasks
from .models import Network
from .views import get_network


@require_http_methods(["GET", "POST"])
@leaves_when_gone("networks:list")
def network_names(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Each name with what the network's dnsmasq answers; POST has it asked again."""
    network = get_network(hypervisor, name, Network.objects.shown().select_related("dns_answers"))
    if request.method == "POST":
        dns.ask_soon(network)
        transaction.on_commit(partial(tasks.ask_names.delay, network.pk), robust=True)
        return redirect("networks:names", hypervisor, name)
    context = {"network": network, "names": dns.served(network), "unasked": dns.unasked(network)}
    return render(request, "networks/_names.html" if request.htmx else "networks/network_names.html", context)
