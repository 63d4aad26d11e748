"""Pages of the leases that a network has and had. They read and write the database."""

from collections.abc import Iterable
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import F
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from networks.addresses.lease_names import named
from networks.addresses.reserved import reserved_columns
from networks.attachments import attachments
from networks.lookup import get_network, get_reservable
from networks.models import Lease, Network
from networks.reservations.forms import HostEntryForm
from networks.reservations.proposals import propose
from networks.reservations.reservations import Known
from virterweb.hypervisors.models import ReadingProblem
from virterweb.pages.columns import Column
from virterweb.pages.exports import answer
from virterweb.pages.tables import Table, natural, page_of
from virterweb.people import rights
from virterweb.people.models import HiddenColumns
from virterweb.people.profile.columns import columns_for

from .history_form import HistoryForm
from .sync import ask_release

COLUMNS = (
    Column(key="ip", title="IP", order=(F("sort_key"),)),
    Column(key="mac", title="MAC", order=(F("mac"),)),
    Column(key="hostname", title="Hostname", order=(natural("hostname"),)),
    Column(key="vm", title="VM"),
)
OF_CURRENT = (
    *COLUMNS,
    Column(key="since", title="Since", order=(F("first_seen"),)),
    Column(key="until", title="Expires", order=(F("expires_at").asc(nulls_last=True),)),
)
OF_HISTORY = (
    *COLUMNS,
    Column(key="since", title="From", order=(F("first_seen"),)),
    Column(key="until", title="To", order=(F("last_seen").asc(nulls_last=True),)),
)
LATEST_FIRST = ("-first_seen", "-pk")
LEASE_COLUMNS = ("ip", "mac", "hostname", "vm", "client_id", "first_seen", "last_seen", "expires_at")


@require_GET
def network_leases(request: HttpRequest, hypervisor: str, name: str, suffix: str = "") -> HttpResponse:
    """Serve the current leases; with a query in the URL, also earlier ones."""
    network = get_network(request.user, hypervisor, name)
    form = HistoryForm(request.GET)
    if not form.is_valid() and suffix:
        return HttpResponseBadRequest(form.errors.as_text(), content_type="text/plain; charset=utf-8")
    searched = form.is_valid() and form.is_filled_in
    leases = form.among(network.leases, request.user) if searched else network.leases.current().order_by("sort_key")
    if suffix:
        table = ([getattr(lease, column) for column in LEASE_COLUMNS] for lease in named(leases, request.user))
        return answer(f"{network}-leases", suffix, LEASE_COLUMNS, table)
    columns = columns_for(request.user, HiddenColumns.Table.LEASES, OF_HISTORY if searched else OF_CURRENT)
    found = leases.annotate(reserved=reserved_columns()["reserved_found"])
    table = Table(found, columns, request.GET, usual=LATEST_FIRST if searched else ())
    page = page_of(table.ordered, request.GET)
    context = {
        "network": network,
        "table": table,
        "leases": _shown(network, page, request.user),
        "page": page,
        "form": form,
        "searched": searched,
    }
    context["unread"] = network.reading_problems.filter(kind=ReadingProblem.Kind.LEASES).first()
    return render(request, "networks/leases/_leases.html" if request.htmx else "networks/leases/leases.html", context)


def _shown(network: Network, leases: Iterable[Lease], user: rights.Actor) -> list[Lease]:
    """Return leases with the VM that has the MAC now, and the address that libvirt has reserved for it."""
    known = attachments().holders(network.hypervisor, user)
    found = named(leases, user)
    for lease in found:
        lease.holder, lease.reserved = known.get(lease.mac), lease.reserved or ""
    return found


@require_POST
def lease_reserve(request: HttpRequest, hypervisor: str, name: str, pk: int) -> HttpResponse:
    """Reserve the address of a lease for the guest that has it; the form shows why this is impossible."""
    network = get_reservable(request.user, hypervisor, name)
    lease = get_object_or_404(network.leases, pk=pk)
    known = Known(network, request.user)
    entry = propose(known, mac=lease.mac, ip=lease.ip, client_id=lease.client_id)
    typed = HostEntryForm.of(entry)
    form = HostEntryForm(typed, known=known)
    if not (form.is_valid() and form.save(request.user)):
        query = urlencode({**typed, "check": 1})
        return redirect(f"{reverse('networks:host_add', args=[hypervisor, name])}?{query}")
    messages.success(request, f"{lease.ip} is now reserved for {entry.name or lease.mac}.")
    return redirect(network)


@require_POST
def lease_release(request: HttpRequest, hypervisor: str, name: str, pk: int) -> HttpResponse:
    """Make the network's dnsmasq release a lease."""
    network = get_reservable(request.user, hypervisor, name)
    if ask_release(network, pk):
        messages.success(request, "The lease is being released.")
    else:
        messages.info(request, "The lease has already ended.")
    return redirect(network)
