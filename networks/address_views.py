"""Pages of a network's addresses: the map, the leases it has and had. They read the database and write wishes."""

from functools import partial
from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from virterweb.exports import answer
from virterweb.hypervisors.views import leaves_when_gone

from . import tasks
from .changing import poke
from .history import HistoryForm
from .holders import holders
from .host_forms import HostEntryForm
from .host_views import get_changeable
from .hosts import propose
from .models import Lease, Network
from .usage import maps
from .views import get_network

LEASE_COLUMNS = ("ip", "mac", "hostname", "vm", "client_id", "first_seen", "last_seen", "expires_at")


@require_GET
@leaves_when_gone("networks:list")
def network_addresses(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """The address map: of each block, or of the part that `?block=` names."""
    network = get_network(hypervisor, name, Network.objects.shown())
    zoom = request.GET.get("block", "")
    try:
        context = {"network": network, "maps": maps(network, zoom), "zoom": zoom}
    except ValueError as problem:
        messages.error(request, f"There is no such part to be drawn: {problem}")
        return redirect("networks:addresses", hypervisor, name)
    template = "networks/_addresses.html" if request.htmx else "networks/network_addresses.html"
    return render(request, template, context)


@require_GET
@leaves_when_gone("networks:list")
def network_leases(request: HttpRequest, hypervisor: str, name: str, suffix: str = "") -> HttpResponse:
    """The leases as they are; with a question in the URL also those that were."""
    network = get_network(hypervisor, name, Network.objects.shown())
    form = HistoryForm(request.GET)
    if not form.is_valid() and suffix:
        return HttpResponseBadRequest(form.errors.as_text(), content_type="text/plain; charset=utf-8")
    asked = form.is_valid() and form.asked
    leases = form.among(network.leases) if asked else network.leases.current().order_by("place")
    if suffix:
        return answer(f"{network}-leases", suffix, LEASE_COLUMNS, leases.values_list(*LEASE_COLUMNS))
    context = {"network": network, "leases": _shown(network, leases), "form": form, "asked": asked}
    return render(request, "networks/_leases.html" if request.htmx else "networks/network_leases.html", context)


def _shown(network: Network, leases: object) -> list[Lease]:
    """Leases with the VM that has the MAC now, and what is reserved for it."""
    known = holders(network.hypervisor)
    reserved = dict(network.found_hosts.exclude(mac="").values_list("mac", "ip"))
    found = list(leases)
    for lease in found:
        lease.holder, lease.reserved = known.get(lease.mac), reserved.get(lease.mac, "")
    return found


@require_POST
def lease_reserve(request: HttpRequest, hypervisor: str, name: str, pk: int) -> HttpResponse:
    """One click: whoever has this address keeps it. What speaks against it is said by the form."""
    network = get_changeable(hypervisor, name)
    lease = get_object_or_404(network.leases, pk=pk)
    entry = propose(network, mac=lease.mac, ip=lease.ip, client_id=lease.client_id)
    typed = HostEntryForm.of(entry)
    form = HostEntryForm(typed, network=network)
    if not (form.is_valid() and form.save(request.user)):
        query = urlencode({**typed, "check": 1})
        return redirect(f"{reverse('networks:host_add', args=[hypervisor, name])}?{query}")
    messages.success(request, f"{lease.ip} is reserved for {entry.name or lease.mac} from now on.")
    poke(network)
    return redirect(network)


@require_POST
def lease_release(request: HttpRequest, hypervisor: str, name: str, pk: int) -> HttpResponse:
    """Have the network's dnsmasq forget a lease."""
    network = get_changeable(hypervisor, name)
    asked = {"release_asked_at": timezone.now(), "release_problem": ""}
    if network.leases.current().filter(pk=pk).update(**asked):
        transaction.on_commit(partial(tasks.release_leases.delay, network.pk), robust=True)
        messages.success(request, "The lease is being released.")
    else:
        messages.info(request, "The lease has ended already.")
    return redirect(network)
