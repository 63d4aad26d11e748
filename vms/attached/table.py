"""The table of attached NICs of networks, host bridges and port groups, with filters by state, owner or text.

The number of queries is constant, and columns that the table does not show are not computed.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from django.db.models import QuerySet
from django.utils import timezone

from networks.models import Lease, Network
from virterweb.pages.tables import natural_key
from vms.guests import states as guest_states
from vms.models import NICAddress, NICStatus, Power, VMQuerySet
from vms.observed import attached
from vms.observed.attached import Source

from .filters import OTHERS, Filters
from .nic import AttachedNIC, attached_nic

COLUMNS = ("vm", "mac", "ip", "hostname", "host_device", "sources", "hypervisor", "kind", "source", "bridge")
COLUMNS += ("port_group", "model", "link", "state", "owner", "guest", "guest_problem")
VALUES = ("vm", "vm__desired__name", "vm__desired__managed", "vm__desired__hypervisor", "vm__desired__hypervisor__name")
VALUES += ("vm__power", "vm__desired__owner__username", "network", "network__name", "network__status__bridge")
VALUES += ("network__status__forward_mode", "network__status__dhcp", "kind", "source", "port_group")
NICS = ("target", "model", "vm__present", "vm__persistent")


def rows(vms: VMQuerySet, asked: Filters) -> list[attached.Row]:
    """Return the rows of Virter's list-attached for these VMs' NICs, in domain order; `key` is an AttachedNIC."""
    nics = asked.among(NICStatus.objects.filter(vm__desired__in=vms))
    columns = {*VALUES, *NICS, *guest_states.COLUMNS}
    found = guest_states.known(nics).order_by("vm__desired__name", "vm", "position").values(*columns)
    found = sorted(found, key=lambda nic: natural_key(nic["vm__desired__name"]))
    leases, told = _leases(nics), _reported_addresses(nics)
    by_place: dict[tuple[int, int | None], list[int]] = defaultdict(list)
    for index, nic in enumerate(found):
        by_place[nic["vm__desired__hypervisor"], nic["network"]].append(index)
    placed: dict[int, attached.Row] = {}
    for (hypervisor, network), indexes in by_place.items():
        here = tuple(_nic(found[index]) for index in indexes)
        placed |= zip(indexes, attached.rows(here, leases[network], told[hypervisor]), strict=True)
    now = timezone.now()
    return [_with_addresses(placed[index], found[index], now) for index in range(len(found))]


def _nic(columns: dict) -> attached.NIC:
    return attached.NIC(vm=columns["vm__desired__name"], mac=columns["mac"], target=columns["target"])


def _with_addresses(row: attached.Row, columns: dict, now: datetime) -> attached.Row:
    """Return the row with everything else that is known, which depends on its addresses."""
    guest = guest_states.verdict(columns, row.addresses, now)
    return replace(row, key=attached_nic({**columns, "guest": guest}))


def _leases(nics: QuerySet) -> dict[int | None, tuple[attached.Lease, ...]]:
    """Return the leases of the NICs' networks, by network."""
    found = defaultdict(list)
    networks = Network.objects.filter(nics__in=nics).values("pk")
    rows = Lease.objects.current().filter(network__in=networks)
    for network, mac, ip, hostname, since in rows.values_list("network", "mac", "ip", "hostname", "first_seen"):
        found[network].append(attached.Lease(mac=mac, ip=ip, hostname=hostname, since=since))
    return defaultdict(tuple, {network: tuple(leases) for network, leases in found.items()})


def _reported_addresses(nics: QuerySet) -> dict[int, tuple[attached.Seen, ...]]:
    """Return what agents and the ARP table report by hypervisor, of running VMs only: rows remain for a while."""
    found = defaultdict(list)
    seen = NICAddress.objects.filter(vm__power=Power.RUNNING, vm__in=nics.values("vm"))
    columns = ("vm__desired__hypervisor", "vm__desired__name", "mac", "ip", "source", "seen_at", "as_of")
    for hypervisor, vm, mac, ip, source, since, as_of in seen.values_list(*columns):
        told = attached.Seen(vm=vm, mac=mac, ip=ip, source=Source(source), since=since, as_of=as_of)
        found[hypervisor].append(told)
    return defaultdict(tuple, {hypervisor: tuple(all_) for hypervisor, all_ in found.items()})


@dataclass(frozen=True, kw_only=True)
class Group:
    """The NICs of one VM below its heading, or all NICs without a heading."""

    vm: AttachedNIC | None
    rows: tuple[attached.Row, ...]


def groups(found: list[attached.Row], by_vm: bool) -> list[Group]:
    """Return the groups, in the order given."""
    if not by_vm:
        return [Group(vm=None, rows=tuple(found))]
    together = (tuple(rows) for _, rows in groupby(found, key=lambda row: row.key.vm))
    return [Group(vm=rows[0].key, rows=rows) for rows in together]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A filter with the existing values; `offered` is whether there is more than one value."""

    name: str
    title: str
    value: str
    values: tuple[tuple[str, str], ...]

    @property
    def offered(self) -> bool:
        return bool(self.value) or bool(self.values)


def choices(vms: VMQuerySet, asked: Filters) -> list[Choice]:
    """Return the filters with the values that these VMs' NICs have, and those that are selected."""
    columns = NICStatus.objects.filter(vm__desired__in=vms).order_by().values(*VALUES[2:]).distinct()
    found = [attached_nic({"vm": 0, "vm__desired__name": "", **each}) for each in columns]
    hypervisors = {each.hypervisor for each in found}
    owners = {each.owner for each in found if each.owner} | {OTHERS for each in found if not each.managed}
    existing = (
        ("hypervisor", "Hypervisor", hypervisors if len(hypervisors) > 1 else set()),
        ("network", "Network", {each.network for each in found}),
        ("bridge", "Host bridge", {each.bridge for each in found if each.bridged}),
        ("port_group", "Port group", {each.port_group for each in found}),
        ("state", "State", {each.state.value for each in found}),
        ("owner", "Owner", owners),
    )
    return [_choice(name, title, values, getattr(asked, name)) for name, title, values in existing]


def _choice(name: str, title: str, values: set[str], value: str) -> Choice:
    words = {state.value: state.label.lower() for state in Power} if name == "state" else {}
    listed = sorted((values | {value}) - {""}, key=lambda text: (text == OTHERS, natural_key(text)))
    return Choice(name=name, title=title, value=value, values=tuple((each, words.get(each, each)) for each in listed))


def table(found: Iterable[attached.Row]) -> Iterable[tuple[object, ...]]:
    """Yield the rows as COLUMNS; `sources` are the sources of each address, in order."""
    for row in found:
        nic: AttachedNIC = row.key
        sources = [address.source.value for address in row.addresses]
        virter = (row.vm, row.mac, list(row.ips), row.hostname, row.host_device, sources)
        place = (nic.hypervisor, nic.kind, nic.source, nic.bridge, nic.port_group, nic.model, nic.link)
        yield (*virter, *place, nic.state.value, nic.owner_shown, nic.guest.state.value, nic.guest.problem)
