"""The page of the address plan, and its files."""

from collections.abc import Iterable, Iterator

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from networks.addresses.blocks import next_free_block, without_wide_routes
from networks.addresses.gaps import Block, first_free
from virterweb.pages.columns import Column
from virterweb.pages.exports import answer
from virterweb.pages.tables import Sorting, natural_key, page_of
from virterweb.people.models import HiddenColumns
from virterweb.people.profile.columns import columns_for

from .choices import SIZES, USUAL, Choices
from .plan import Gap, Used, gaps, host_of, spaces
from .reading import Reading, read

COLUMNS = (
    Column(key="block", title="Block", value=lambda row: row.place),
    Column(key="network", title="Network", value=lambda row: natural_key(row.name)),
    Column(key="hypervisor", title="Hypervisor", value=lambda row: natural_key(row.hypervisor)),
    Column(key="used", title="Used", value=lambda row: (row.percent is not None, row.percent or 0, row.used)),
    Column(key="dhcp", title="DHCP"),
    Column(key="overlaps", title="Overlaps", value=lambda row: (bool(row.overlap), bool(row.elsewhere))),
)
FILE = ("block", "type", "network", "hypervisor", "used", "usable", "dhcp", "overlap", "elsewhere")


@require_GET
def address_plan(request: HttpRequest, suffix: str = "") -> HttpResponse:
    """Show the blocks in use and the free ranges between them, in numeric order; in other orders the blocks in use."""
    choices = Choices(query=request.GET)
    found = read(request.user, choices.hypervisor)
    rows = _rows(found, choices)
    if suffix:
        return answer("addresses", suffix, FILE, _lines(rows))
    several = len(found.hypervisors) > 1
    columns = columns_for(request.user, HiddenColumns.Table.ADDRESSES, COLUMNS)
    table = Sorting(columns if several else columns.without("hypervisor"), request.GET)
    numeric = table.sort in ("", COLUMNS[0].key)
    rows = table.ordered_values(row for row in rows if numeric or isinstance(row, Used))
    context = {
        "table": table,
        "numeric": numeric,
        "choices": choices,
        "chips": choices.chips(found.hypervisors, has_families=len({row.block.version for row in found.rows}) > 1),
        "page": page_of(rows, request.GET) if not choices.whole else None,
        "rows": rows,
        "several": several,
        "sizes": SIZES[4],
        "proposed": list(_proposed(found, choices)),
        "add": f"{reverse('networks:add')}?{urlencode({'hypervisor': choices.hypervisor})}",
        "blocks": sum(isinstance(row, Used) for row in rows),
        "overlaps": sum(bool(row.overlap) for row in found.rows),
        "end": f"?{request.GET.urlencode()}" if request.GET else "",
    }
    template = "portal/addresses/_plan.html" if request.htmx else "portal/addresses/plan.html"
    return render(request, template, context)


def _taken(found: Reading) -> list[Block]:
    return [each.block for each in without_wide_routes(found.taken)]


def _rows(found: Reading, choices: Choices) -> list[Used | Gap]:
    rows: list[Used | Gap] = [row for row in found.rows if row.overlap or not choices.overlaps]
    if not choices.overlaps:
        rows += gaps(_taken(found), USUAL | {4: choices.size})
    family = choices.family
    return sorted((row for row in rows if family in (None, row.place[0])), key=lambda row: row.place)


def _proposed(found: Reading, choices: Choices) -> Iterator[tuple[str, str]]:
    """Yield the next free blocks that all hypervisors shown have: the field of the form for networks, and its value."""
    if choices.family != 6 and (block := next_free_block(found.taken, choices.size)):
        yield "ipv4", block
    used = _taken(found)
    for space in (each for each in spaces(used) if each.version == 6 and choices.family != 4):
        if block := first_free(space, used, USUAL[6]):
            yield "ipv6", host_of(block)
            return


def _lines(rows: Iterable[Used | Gap]) -> Iterator[tuple[object, ...]]:
    """Yield the values of `FILE`: a line for each block in use, and for each free block."""
    for row in rows:
        if isinstance(row, Gap):
            yield from ((str(block), "free", "", "", None, None, [], "", []) for block in row.blocks)
            continue
        what = ("network", row.name) if row.network else ("route", row.device)
        counts = (row.used, row.usable) if row.network else (None, None)
        ranges = [each.replace(" – ", "-") for each in row.ranges]
        yield str(row.block), *what, row.hypervisor, *counts, ranges, row.overlap, list(row.elsewhere)
