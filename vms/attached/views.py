"""Pages of attached NICs: of one network, as a part of its page, and of everything else, with filters."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from networks.lookup import get_network
from virterweb.pages import exports
from virterweb.pages.tables import Table
from virterweb.people import rights
from virterweb.people.models import HiddenColumns
from virterweb.people.profile.columns import columns_for
from vms.models import VM, NICStatus

from .filters import FLAT, GROUPED, Filters
from .table import BY_VM, COLUMNS, ELSEWHERE, FILE, chips, groups, rows, rows_of_page, table

OF_THE_PATH = ("hypervisor", "network")


@require_GET
@vary_on_headers("Accept", "HX-Request")
def attached(request: HttpRequest, hypervisor: str, name: str) -> HttpResponse:
    """Show the attached VMs of a network: a fragment of the network's page, or without htmx a page of its own."""
    if suffix := exports.wanted_suffix(request):
        return attached_table(request, hypervisor, name, suffix)
    network = get_network(request.user, hypervisor, name)
    filters = Filters.of(request.GET, hypervisor=hypervisor, network=name)
    context = {"network": network, "end": filters.query(*OF_THE_PATH), **_context(request, filters, of_network=True)}
    return render(request, "vms/attached/_attached.html" if request.htmx else "vms/attached/attached.html", context)


@require_GET
def attached_table(request: HttpRequest, hypervisor: str, name: str, suffix: str) -> HttpResponse:
    network = get_network(request.user, hypervisor, name)
    filters = Filters.of(request.GET, hypervisor=hypervisor, network=name)
    return _file(request, f"{hypervisor}-{network}-attached", suffix, filters)


@require_GET
@vary_on_headers("Accept", "HX-Request")
def nic_list(request: HttpRequest) -> HttpResponse:
    """Show all NICs that match the filters; the table polls with the current filters."""
    if suffix := exports.wanted_suffix(request):
        return nic_table(request, suffix)
    filters = Filters.of(request.GET)
    context = {"end": filters.end, **_context(request, filters)}
    context["switch"] = filters.query(group=FLAT if filters.group else GROUPED)
    if request.htmx:
        return render(request, "vms/attached/_nic_list.html", context)
    context["chips"] = chips(VM.objects.visible_to(request.user), filters, rights.hypervisor_count(request))
    return render(request, "vms/attached/nic_list.html", context)


@require_GET
def nic_table(request: HttpRequest, suffix: str) -> HttpResponse:
    filters = Filters.of(request.GET)
    return _file(request, "-".join(["attached", *filters.filters.values()]), suffix, filters)


@require_GET
def bridge_attached(request: HttpRequest, hypervisor: str, name: str, end: str) -> HttpResponse:
    """Show what is attached to a bridge of the host, at a predictable URL."""
    host = get_object_or_404(rights.visible_hypervisors(request.user), name=hypervisor)
    return _filtered(request, end, hypervisor=host.name, bridge=name)


@require_GET
def group_attached(request: HttpRequest, hypervisor: str, name: str, group: str, end: str) -> HttpResponse:
    """Show the NICs that use a port group of a network."""
    network = get_network(request.user, hypervisor, name)
    return _filtered(request, end, hypervisor=hypervisor, network=network.name, port_group=group)


def _filtered(request: HttpRequest, end: str, **fixed: str) -> HttpResponse:
    filters = Filters.of(request.GET, **fixed)
    path = reverse("vms:nic_table", args=[end.lstrip(".")]) if end.startswith(".") else reverse("vms:nic_list")
    return redirect(f"{path}{filters.end}")


def _context(request: HttpRequest, filters: Filters, *, of_network: bool = False) -> dict:
    found = rows_of_page(VM.objects.visible_to(request.user), filters, request.GET)
    number = str(found.page.number) if found.page.number > 1 else ""
    which = HiddenColumns.Table.ATTACHED if of_network else HiddenColumns.Table.NICS
    columns = columns_for(request.user, which, BY_VM if filters.group else COLUMNS)
    columns = columns.without(*ELSEWHERE) if of_network else columns
    return {
        "filters": filters,
        "table": Table(NICStatus.objects.none(), columns, request.GET),
        "page": found.page,
        "groups": groups(found.rows, by_vm=bool(filters.group)),
        "count": found.vms,
        "several": not filters.hypervisor and rights.hypervisor_count(request) > 1,
        "here": filters.query(*(OF_THE_PATH if of_network else ()), page=number),
        "switch": filters.query(*OF_THE_PATH, group=FLAT if filters.group else GROUPED),
        "everywhere": filters.end,
    }


def _file(request: HttpRequest, name: str, suffix: str, filters: Filters) -> HttpResponse:
    return exports.answer(name, suffix, FILE, table(rows(VM.objects.visible_to(request.user), filters)))
