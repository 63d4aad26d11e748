"""The page of a network's address map. It reads the database."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from networks.lookup import get_network

from .usage import maps


@require_GET
def network_addresses(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Serve the address map: of each block, or of the part that `?block=` names."""
    network = get_network(request.user, hypervisor, name)
    zoom = request.GET.get("block", "")
    try:
        context = {"network": network, "maps": maps(network, zoom, request.user), "zoom": zoom}
    except ValueError as problem:
        messages.error(request, f"This part of the address map cannot be shown: {problem}")
        return redirect("networks:addresses", hypervisor, name)
    template = "networks/addresses/_addresses.html" if request.htmx else "networks/addresses/addresses.html"
    return render(request, template, context)
