"""The table of attached NICs of networks, host bridges and port groups, with filters by state, owner or text.

The number of queries is constant, and columns that the table does not show are not computed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from django.core.paginator import Page
from django.db.models import Count, Exists, F, OuterRef, QuerySet, Value
from django.http import QueryDict
from django.utils import timezone

from virterweb.pages.chips import OFFERED, Chip, Option
from virterweb.pages.columns import Column
from virterweb.pages.tables import ROWS, Table, natural, natural_key, page_of
from vms.addresses.nic_addresses import addresses_of
from vms.definition.nics.spec import key_of
from vms.guests import states as guest_states
from vms.models import NICStatus, Power, VMQuerySet
from vms.nics.sparklines import Sparklines
from vms.observed.addresses import NICAddresses
from vms.observed.charts import Sparkline

from .filters import OTHERS, Filters
from .nic import AttachedNIC, attached_nic, bridge_of, is_bridged

COLUMNS = (
    Column(key="vm", title="VM", order=(natural("vm__desired__name"), F("vm"), F("position"))),
    Column(key="mac", title="MAC", order=(F("mac"),)),
    Column(key="ip", title="IP"),
    Column(key="hostname", title="Hostname"),
    Column(key="host_device", title="Host Device", order=(natural("target"),)),
    Column(key="source", title="Attached to", order=(natural("source"),)),
    Column(key="model", title="Model", order=(F("model"),)),
    Column(key="link", title="Link", order=(F("link"),)),
    Column(key="state", title="State", order=(F("vm__power"),)),
    Column(key="owner", title="Owner", order=(F("vm__desired__owner__username").asc(nulls_first=True),)),
    Column(key="traffic", title="Traffic"),
)
ELSEWHERE = ("source", "model", "link", "state", "owner")  # columns that only the table of all networks has
OF_HEADING = ("state", "owner")  # columns that are in the heading of a VM, if rows are grouped: these do not sort
BY_VM = tuple(replace(each, order=()) for each in COLUMNS if each.key not in OF_HEADING)
FILE = ("vm", "mac", "ip", "hostname", "host_device", "sources", "hypervisor", "kind", "source", "bridge")
FILE += ("port_group", "model", "link", "state", "owner", "guest", "guest_problem")
OF_VM = ("managed", "status__power", "owner__username", "hypervisor__name")
OF_SOURCE = ("kind", "source", "port_group", "network__name", "network__status__bridge")
OF_SOURCE += ("network__status__forward_mode",)
VALUES = ("vm", "vm__desired__name", "vm__desired__managed", "vm__desired__hypervisor", "vm__desired__hypervisor__name")
VALUES += ("vm__power", "vm__desired__owner__username", "network", "network__status__dhcp", *OF_SOURCE)
NICS = ("pk", "target", "model", "vm__present", "vm__persistent")


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of Virter's list-attached, with further data of the NIC."""

    nic: AttachedNIC
    mac: str
    known: NICAddresses
    host_device: str
    spark: Sparkline | None = None  # only on pages

    @property
    def vm(self) -> str:
        return self.nic.vm_name


def rows(vms: VMQuerySet, filters: Filters) -> list[Row]:
    """Return the rows of these VMs' NICs, in domain order."""
    return _rows(_nics(vms, filters))


def _nics(vms: VMQuerySet, filters: Filters) -> QuerySet[NICStatus]:
    query = QueryDict(mutable=True)
    query["sort"] = "" if filters.group else filters.sort
    return Table(filters.among(_of(vms)), COLUMNS, query).ordered


def _of(vms: VMQuerySet) -> QuerySet[NICStatus]:
    """Return the NICs of VMs, without a join if these are all VMs."""
    return NICStatus.objects.filter(vm__desired__in=vms) if vms.query.where else NICStatus.objects.all()


def _rows(nics: QuerySet[NICStatus]) -> list[Row]:
    found, known, now = guest_states.known(nics, *VALUES, *NICS), addresses_of(nics), timezone.now()
    return [_row(nic, known[nic["pk"]], now) for nic in found]


@dataclass(frozen=True, kw_only=True)
class RowsOfPage:
    """One page of the table, with the number of VMs on all its pages."""

    page: Page
    vms: int

    @property
    def rows(self) -> list[Row]:
        return self.page.object_list


def rows_of_page(vms: VMQuerySet, filters: Filters, query: QueryDict) -> RowsOfPage:
    """Return the rows of the page that `?page=` asks for."""
    nics = _nics(vms, filters)
    whole = nics.order_by().aggregate(nics=Count("pk"), vms=Count("vm", distinct=True))
    keys = nics.values_list("pk", flat=True)
    if whole["nics"] <= ROWS:  # a single page is sorted when it is read
        keys = list(keys.order_by())
    page = page_of(keys, query, whole["nics"])
    found = _rows(nics.filter(pk__in=list(page.object_list)))
    sparks = Sparklines({row.nic.vm for row in found})
    page.object_list = [replace(row, spark=sparks.of(row.nic.vm, key_of(row.mac, row.nic.at))) for row in found]
    return RowsOfPage(page=page, vms=whole["vms"])


def _row(columns: dict, known: NICAddresses, now: datetime) -> Row:
    guest = guest_states.verdict(columns, known, now)
    nic = attached_nic({**columns, "guest": guest})
    return Row(nic=nic, mac=columns["mac"], known=known, host_device=columns["target"])


@dataclass(frozen=True, kw_only=True)
class Group:
    """The NICs of one VM below its heading, or all NICs without a heading."""

    vm: AttachedNIC | None
    rows: tuple[Row, ...]


def groups(found: list[Row], by_vm: bool) -> list[Group]:
    """Return the groups, in the order given."""
    if not by_vm:
        return [Group(vm=None, rows=tuple(found))]
    together = (tuple(rows) for _, rows in groupby(found, key=lambda row: row.nic.vm))
    return [Group(vm=rows[0].nic, rows=rows) for rows in together]


def chips(vms: VMQuerySet, filters: Filters, hypervisors: int = 1) -> list[Chip]:
    """Return the chips that narrow the table to a value that these VMs' NICs have, or clear a chosen one.

    With too many hypervisors to choose from, a chip leads to the list of them.
    """
    unlisted = hypervisors if hypervisors > OFFERED else 0
    of_vms, of_sources = _existing(vms, OF_VM[:-1] if unlisted else OF_VM)
    names = {each.get("hypervisor__name", "") for each in of_vms}
    owners = {each["owner__username"] or "" for each in of_vms} | {OTHERS for each in of_vms if not each["managed"]}
    existing = (
        ("hypervisor", "Hypervisor", names if len(names) > 1 else set()),
        ("network", "Network", {each["network__name"] or "" for each in of_sources}),
        ("bridge", "Host bridge", {bridge_of(each) for each in of_sources if is_bridged(each)}),
        ("port_group", "Port group", {each["port_group"] for each in of_sources}),
        ("state", "State", {each["status__power"] for each in of_vms}),
        ("owner", "Owner", owners),
    )
    made = [_chip(filters, name, title, values) for name, title, values in existing]
    made[0] = replace(made[0], more=unlisted or made[0].more)
    return [chip for chip in made if chip.chosen or chip.options or chip.more]


def _existing(vms: VMQuerySet, of_vm: tuple[str, ...]) -> tuple[list[dict], list[dict]]:
    """Return the different values of columns that VMs with NICs have, and those of OF_SOURCE of their NICs.

    One query reads both, one below the other: a join would list each combination of them.
    """
    with_nics = vms.filter(Exists(NICStatus.objects.filter(vm=OuterRef("status")))).order_by()
    no_vm, no_source = (Value(False), *[Value("")] * (len(of_vm) - 1)), [Value("")] * len(OF_SOURCE)
    of_vms = with_nics.values_list(Value(True), *of_vm, *no_source).distinct()
    of_sources = _of(vms).order_by().values_list(Value(False), *no_vm, *OF_SOURCE).distinct()
    found = list(of_vms.union(of_sources, all=True))
    return (
        [dict(zip(of_vm, row[1:], strict=False)) for row in found if row[0]],
        [dict(zip(OF_SOURCE, row[1 + len(of_vm) :], strict=True)) for row in found if not row[0]],
    )


def _chip(filters: Filters, name: str, title: str, values: set[str]) -> Chip:
    words = {state.value: state.label.lower() for state in Power} if name == "state" else {}
    listed = sorted(values - {""}, key=lambda text: (text == OTHERS, natural_key(text)))
    options = tuple(Option(text=words.get(each, each), href=filters.query(**{name: each})) for each in listed[:OFFERED])
    chosen, more = getattr(filters, name), max(0, len(listed) - OFFERED)
    clear = filters.query(name)
    return Chip(
        key=name, title=title, chosen=chosen, text=words.get(chosen, chosen), clear=clear, options=options, more=more
    )


def table(found: Iterable[Row]) -> Iterable[tuple[object, ...]]:
    """Yield the rows as FILE; `sources` are the sources of each address, in order."""
    for row in found:
        nic = row.nic
        sources = [address.source.value for address in row.known.addresses]
        virter = (row.vm, row.mac, list(row.known.ips), row.known.hostname, row.host_device, sources)
        place = (nic.hypervisor, nic.kind, nic.source, nic.bridge, nic.port_group, nic.model, nic.link)
        yield (*virter, *place, nic.state.value, nic.owner_shown, nic.guest.state.value, nic.guest.problem)
