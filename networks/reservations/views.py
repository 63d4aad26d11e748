"""Pages of DHCP reservations: the table, add, change, remove, paste. They write requests into the database."""

import hashlib
from collections import Counter

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from networks.addresses.lease_names import named
from networks.definition.addressing import parse_mac
from networks.definition.spec import lease_text
from networks.lookup import get_network, get_reservable
from networks.models import Network
from virterweb.hypervisors.desired.one_at_a_time import concurrent
from virterweb.pages.columns import Column
from virterweb.pages.exports import answer
from virterweb.pages.tables import Sorting, address_key, natural_key, page_of
from virterweb.people import rights
from virterweb.people.models import HiddenColumns
from virterweb.people.profile.columns import columns_for

from .forms import HostEntryForm, IDsForm, PasteForm
from .pasted import Outcome, Row
from .proposals import propose
from .reservations import Conflict, HostRow, Known, addresses, pasted, remove, reserve, rows

COLUMNS = (
    Column(key="ip", title="IP", value=lambda row: address_key(row.host.ip)),
    Column(key="mac", title="MAC or DUID", value=lambda row: row.host.guest),
    Column(key="name", title="Name", value=lambda row: natural_key(row.host.name)),
    Column(key="vm", title="VM", value=lambda row: natural_key(row.holder.vm if row.holder else "")),
    Column(key="current", title="Current address", value=lambda row: sorted(map(address_key, row.leased))),
    Column(key="state", title="State", value=lambda row: row.state.value),
)
FILE = ("mac", "duid", "ip", "name", "lease", "state", "vm")


@require_GET
def host_list(request: HttpRequest, hypervisor: str, name: str, suffix: str = "") -> HttpResponse:
    network = get_network(request.user, hypervisor, name)
    if suffix:
        return answer(f"{network}-hosts", suffix, FILE, map(_exported, rows(network, user=request.user)))
    columns, unused = columns_for(request.user, HiddenColumns.Table.RESERVATIONS, COLUMNS), request.GET.get("unused")
    table = Sorting(columns, request.GET)
    if unused or table.sort:
        found = table.ordered_values(rows(network, user=request.user))
        page = page_of([row for row in found if not unused or (row.host.mac and not row.holder)], request.GET)
    else:
        page = page_of(addresses(network), request.GET)
        page.object_list = rows(network, [ip for _, ip in page.object_list], request.user)
    context = {"network": network, "rows": page.object_list, "page": page, "table": table}
    context |= {"ids": IDsForm(), "unused": unused}
    template = "_reservations.html" if request.htmx else "reservations.html"
    return render(request, f"networks/reservations/{template}", context)


def _exported(row: HostRow) -> tuple[str, ...]:
    host = row.host
    vm = row.holder.vm if row.holder else ""
    return host.mac, host.duid, host.ip, host.name, lease_text(host.lease), row.state.value, vm


@require_http_methods(["GET", "POST"])
def host_add(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Add a reservation. The URL may name MAC, IP and name; the rest is proposed."""
    network = get_reservable(request.user, hypervisor, name)
    query, known = request.GET, Known(network, request.user)
    if request.method == "POST":
        form = HostEntryForm(request.POST, known=known)
    elif query.get("check"):
        form = HostEntryForm(query, known=known)
    else:
        proposed = propose(known, mac=_normal(query.get("mac", "")), ip=query.get("ip", ""))
        form = HostEntryForm(known=known, initial=HostEntryForm.of(proposed) | query.dict())
    if request.method == "POST" and form.is_valid() and form.save(request.user):
        messages.success(
            request, f"{form.host.ip} is reserved for {form.host.name or form.host.mac or form.host.duid}."
        )
        return redirect("networks:hosts", hypervisor, name)
    template = "networks/reservations/_fields.html" if request.htmx else "networks/reservations/edit.html"
    status = 422 if request.method == "POST" else 200
    return render(request, template, {"network": network, "form": form}, status=status)


def _normal(mac: str) -> str:
    """Return a MAC in the stored format; the form refuses invalid ones."""
    try:
        return parse_mac(mac)
    except ValueError:
        return ""


@require_http_methods(["GET", "POST"])
def host_edit(request: HttpRequest, hypervisor: str, name: str, ip: str) -> HttpResponse:
    network = get_reservable(request.user, hypervisor, name)
    known = Known(network, request.user)
    was = known.entries.get(ip)
    if was is None and request.method == "GET":
        messages.info(request, f"{ip} is no longer reserved, because somebody else removed the reservation.")
        return redirect("networks:hosts", hypervisor, name)
    form = HostEntryForm(request.POST or None, known=known, was=was, initial=request.GET.dict())
    changed = was is not None and request.POST.get("shown", str(was)) != str(was)
    if request.method == "POST" and was and not changed and form.is_valid() and form.save(request.user):
        return redirect("networks:hosts", hypervisor, name)
    context = {"network": network, "form": form, "was": was, "gone": was is None, "changed": changed}
    status = (409 if was is None or changed else 422) if request.method == "POST" else 200
    return render(request, "networks/reservations/edit.html", context, status=status)


@require_POST
def host_remove(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Remove the entries of the chosen addresses, each with its guest as shown; one that is gone already is fine.

    With `ask`, nothing is removed yet: the page names them, and what has them.
    """
    network = get_reservable(request.user, hypervisor, name)
    chosen = request.POST.getlist("ip")
    guests = dict(each.partition(" ")[::2] for each in chosen)
    found = [row for row in rows(network, user=request.user) if row.host.ip in guests] if "ask" in request.POST else []
    if found:
        context = {"network": network, "rows": found, "chosen": chosen}
        return render(request, "networks/reservations/remove.html", context)
    gone = remove(network, guests, request.user, guests)
    if gone:
        named = f"{gone[0].ip} is" if len(gone) == 1 else f"{len(gone)} addresses are"
        messages.success(request, f"{named} no longer reserved.")
    elif guests:
        what = ", ".join(list(guests)[:3])
        messages.info(request, f"{what}: nothing was removed, because somebody else changed this reservation.")
    return redirect("networks:hosts", hypervisor, name)


@concurrent
@require_http_methods(["GET", "POST"])
def host_paste(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Serve the preview of a pasted text, line by line, and carry it out if it is unchanged."""
    network = get_reservable(request.user, hypervisor, name)
    form = PasteForm(request.POST or None)
    if request.method == "GET" or not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, "networks/reservations/paste.html", {"network": network, "form": form}, status=status)
    found = pasted(network, form.cleaned_data["text"])
    token = _token(found)
    wanted = [row.line.host for row in found if row.verb in (Outcome.NEW, Outcome.CHANGED)]
    again = "token" in request.POST and "preview" not in request.POST
    if wanted and again and request.POST["token"] == token:
        try:
            reserve(network, wanted, request.user)
        except Conflict as conflict:
            messages.error(request, str(conflict))
        else:
            messages.success(request, f"{len(wanted)} DHCP reservations are being added or changed.")
            return redirect("networks:hosts", hypervisor, name)
    counts = Counter(row.verb for row in found)
    invalid = [row for row in found if row.verb is Outcome.WRONG]
    valid = _with_holders(network, [row for row in found if row.verb is not Outcome.WRONG], request.user)
    context = {"network": network, "form": form, "invalid": invalid, "valid": valid, "wanted": wanted, "token": token}
    context |= {"counts": {outcome.name.lower(): counts[outcome] for outcome in Outcome}, "again": again}
    return render(request, "networks/reservations/paste.html", context, status=409 if again else 200)


def _with_holders(network: Network, found: list[Row], user: rights.Actor) -> list[tuple[Row, str]]:
    """Return lines, each with the guest that has its address now, if that is another one."""
    leases = (lease for lease in named(network.leases.current(), user) if ":" not in lease.ip)
    held = {lease.ip: (lease.mac, lease.vm or lease.hostname or lease.mac) for lease in leases}
    hosts = ((row, row.line.host) for row in found)
    return [(row, held[host.ip][1] if held.get(host.ip, (host.mac,))[0] != host.mac else "") for row, host in hosts]


def _token(found: tuple[Row, ...]) -> str:
    """Return a token of the preview of a paste that was shown."""
    shown = [(row.line.number, row.line.host, row.verb, row.was) for row in found]
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


@require_POST
def host_ids(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Add or remove the entries of Virter's IDs."""
    network = get_reservable(request.user, hypervisor, name)
    form = IDsForm(request.POST)
    if not form.is_valid():
        problem = next(f"{form.fields[field].label}: {errors[0]}" for field, errors in form.errors.items())
        messages.error(request, problem)
        return redirect("networks:hosts", hypervisor, name)
    first, count = form.cleaned_data["id"], form.cleaned_data["count"]
    try:
        if "remove" in request.POST:
            network.release_ids(first, count, request.user)
        else:
            network.reserve_ids(first, count, request.user)
    except ValueError as problem:
        messages.error(request, f"{str(problem).removesuffix('.')}.")
    return redirect("networks:hosts", hypervisor, name)
