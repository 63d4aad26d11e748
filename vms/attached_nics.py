"""The attached table of whatever is asked for: of networks, host bridges, port groups; by state, owner or any text.

As many queries however many NICs, and no column that the table does not show.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from functools import lru_cache
from itertools import groupby

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from networks.models import Lease, Network

from . import attached, guest_states
from .attached import Source
from .guest_seen import State, Verdict
from .models import NIC, NICAddress, NICStatus, Power, VMQuerySet

OTHERS = "others"  # the owner of what others than the portal made
GROUPED, FLAT = "vm", "flat"
COLUMNS = ("vm", "mac", "ip", "hostname", "host_device", "sources", "hypervisor", "kind", "source", "bridge")
COLUMNS += ("port_group", "model", "link", "state", "owner", "guest", "guest_problem")
VALUES = ("vm", "vm__wish__name", "vm__wish__managed", "vm__wish__hypervisor", "vm__wish__hypervisor__name")
VALUES += ("vm__power", "vm__wish__owner__username", "network", "network__name", "network__status__bridge")
VALUES += ("network__status__forward_mode", "network__status__dhcp", "kind", "source", "port_group")
NICS = ("target", "model")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the address asks for; empty is everything. Names are hypervisor's, network's, bridge's, port group's.

    `state` is one of Power, `owner` a user's name or OTHERS, `q` any part of a name or MAC, `group` GROUPED or FLAT.
    """

    hypervisor: str = ""
    network: str = ""
    bridge: str = ""
    port_group: str = ""
    state: str = ""
    owner: str = ""
    q: str = ""
    group: str = ""

    @classmethod
    def of(cls, query: QueryDict, **fixed: str) -> "Asked":
        typed = {each.name: query.get(each.name, "").strip()[:255] for each in fields(cls)}
        typed["group"] = GROUPED if typed["group"] == GROUPED else ""
        return cls(**{**typed, **fixed})

    @property
    def filters(self) -> dict[str, str]:
        """What narrows the table."""
        return {name: value for name, value in asdict(self).items() if value and name != "group"}

    def query(self, *leave_out: str, **other: str) -> str:
        """As the end of an address, `?…` or empty."""
        values = {**asdict(self), **other}
        query = QueryDict(mutable=True)
        query.update({name: value for name, value in values.items() if value and name not in leave_out})
        return f"?{query.urlencode()}" if query else ""

    @property
    def end(self) -> str:
        return self.query()

    def among(self, nics: QuerySet) -> QuerySet:
        """Those NICs that are asked for."""
        wanted = {
            "vm__wish__hypervisor__name": self.hypervisor,
            "network__name": self.network,
            "port_group": self.port_group,
            "vm__power": self.state,
        }
        nics = nics.filter(**{name: value for name, value in wanted.items() if value})
        if self.bridge:
            nics = nics.filter(Q(kind=NIC.Kind.BRIDGE, source=self.bridge) | Q(network__status__bridge=self.bridge))
        if self.owner:
            theirs = Q(vm__wish__managed=False) if self.owner == OTHERS else Q()
            nics = nics.filter(Q(vm__wish__owner__username=self.owner) | theirs)
        columns = ("vm__wish__name", "mac", "source", "target", "port_group") if self.q else ()
        text = Q()
        for column in columns:
            text |= Q(**{f"{column}__icontains": self.q})
        return nics.filter(text)


@dataclass(frozen=True, kw_only=True)
class Hanging:
    """What is known of a NIC beside Virter's columns."""

    vm: int  # the status's key
    vm_name: str
    managed: bool
    hypervisor: str
    state: Power
    owner: str
    kind: str
    source: str
    network: str  # empty on something else, and while the network is not known
    bridge: str
    bridged: bool  # by a network in bridge mode, or plainly
    port_group: str
    dhcp: bool
    model: str = ""
    link: str = ""
    guest: Verdict | None = None  # what it does with the NIC

    @property
    def vm_url(self) -> str:
        return _url("vms:detail", self.hypervisor, self.vm_name)

    @property
    def network_url(self) -> str:
        return _url("networks:detail", self.hypervisor, self.network) if self.network else ""

    @property
    def state_shown(self) -> str:
        return self.state.label.lower()

    @property
    def place(self) -> str:
        """The kind in words, where the source alone does not say it."""
        return "" if self.kind == NIC.Kind.NETWORK else dict(NIC.Kind.choices).get(self.kind, self.kind)

    @property
    def owner_shown(self) -> str:
        return self.owner if self.managed else OTHERS

    @property
    def waits(self) -> bool:
        """For a lease, if it has no address, as far as is known: nothing else is said of it."""
        other = self.guest and self.guest.state != State.WAITING and self.guest.reason
        return self.dhcp and self.state == Power.RUNNING and not other


@lru_cache(maxsize=4096)
def _url(name: str, hypervisor: str, thing: str) -> str:
    return reverse(name, args=[hypervisor, thing])


def _hanging(columns: dict) -> Hanging:
    network_bridge = columns["network__status__bridge"] or ""
    plain = columns["kind"] == NIC.Kind.BRIDGE
    return Hanging(
        vm=columns["vm"],
        vm_name=columns["vm__wish__name"],
        managed=columns["vm__wish__managed"],
        hypervisor=columns["vm__wish__hypervisor__name"],
        state=Power(columns["vm__power"]),
        owner=columns["vm__wish__owner__username"] or "",
        kind=columns["kind"],
        source=columns["source"],
        network=columns["network__name"] or "",
        bridge=columns["source"] if plain else network_bridge,
        bridged=plain or columns["network__status__forward_mode"] == "bridge",
        port_group=columns["port_group"],
        dhcp=bool(columns["network__status__dhcp"]),
        model=columns.get("model", ""),
        link=columns.get("link", ""),
        guest=columns.get("guest"),
    )


def rows(vms: VMQuerySet, asked: Asked) -> list[attached.Row]:
    """Virter's list-attached of all NICs that are asked for, of these VMs, in domain order; `key` is a Hanging."""
    nics = asked.among(NICStatus.objects.filter(vm__wish__in=vms))
    columns = {*VALUES, *NICS, *guest_states.COLUMNS}
    found = list(guest_states.known(nics).order_by("vm__wish__name", "vm", "position").values(*columns))
    leases, told = _leases(nics), _told(nics)
    by_place: dict[tuple[int, int | None], list[int]] = defaultdict(list)
    for index, nic in enumerate(found):
        by_place[nic["vm__wish__hypervisor"], nic["network"]].append(index)
    placed: dict[int, attached.Row] = {}
    for (hypervisor, network), indexes in by_place.items():
        here = tuple(_nic(found[index]) for index in indexes)
        placed |= zip(indexes, attached.rows(here, leases[network], told[hypervisor]), strict=True)
    now = timezone.now()
    return [_hung(placed[index], found[index], now) for index in range(len(found))]


def _nic(columns: dict) -> attached.NIC:
    return attached.NIC(vm=columns["vm__wish__name"], mac=columns["mac"], target=columns["target"])


def _hung(row: attached.Row, columns: dict, now: datetime) -> attached.Row:
    """A row that says what else is known, for which its addresses have to be."""
    guest = guest_states.verdict(columns, row.addresses, now)
    return replace(row, key=_hanging({**columns, "guest": guest}))


def _leases(nics: QuerySet) -> dict[int | None, tuple[attached.Lease, ...]]:
    """The leases of the NICs' networks, by network."""
    found = defaultdict(list)
    networks = Network.objects.filter(nics__in=nics).values("pk")
    rows = Lease.objects.current().filter(network__in=networks)
    for network, mac, ip, hostname, since in rows.values_list("network", "mac", "ip", "hostname", "first_seen"):
        found[network].append(attached.Lease(mac=mac, ip=ip, hostname=hostname, since=since))
    return defaultdict(tuple, {network: tuple(leases) for network, leases in found.items()})


def _told(nics: QuerySet) -> dict[int, tuple[attached.Seen, ...]]:
    """What agents and ARP say of VMs that run, by hypervisor: the rows of one that has just stopped stay a while."""
    found = defaultdict(list)
    seen = NICAddress.objects.filter(vm__power=Power.RUNNING, vm__in=nics.values("vm"))
    columns = ("vm__wish__hypervisor", "vm__wish__name", "mac", "ip", "source", "seen_at")
    for hypervisor, vm, mac, ip, source, since in seen.values_list(*columns):
        found[hypervisor].append(attached.Seen(vm=vm, mac=mac, ip=ip, source=Source(source), since=since))
    return defaultdict(tuple, {hypervisor: tuple(all_) for hypervisor, all_ in found.items()})


@dataclass(frozen=True, kw_only=True)
class Group:
    """The NICs of one VM, beneath its heading; or all of them, without one."""

    vm: Hanging | None
    rows: tuple[attached.Row, ...]


def groups(found: list[attached.Row], by_vm: bool) -> list[Group]:
    """In the order given."""
    if not by_vm:
        return [Group(vm=None, rows=tuple(found))]
    together = (tuple(rows) for _, rows in groupby(found, key=lambda row: row.key.vm))
    return [Group(vm=rows[0].key, rows=rows) for rows in together]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A filter with the values that exist; `offered` is whether there is anything to choose."""

    name: str
    title: str
    value: str
    values: tuple[tuple[str, str], ...]

    @property
    def offered(self) -> bool:
        return bool(self.value) or bool(self.values)


def choices(vms: VMQuerySet, asked: Asked) -> list[Choice]:
    """What can be chosen among all NICs of these VMs: values that exist, and what is asked for."""
    columns = NICStatus.objects.filter(vm__wish__in=vms).order_by().values(*VALUES[2:]).distinct()
    found = [_hanging({"vm": 0, "vm__wish__name": "", **each}) for each in columns]
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
    listed = sorted((values | {value}) - {""}, key=lambda text: (text == OTHERS, text.lower()))
    return Choice(name=name, title=title, value=value, values=tuple((each, words.get(each, each)) for each in listed))


def table(found: Iterable[attached.Row]) -> Iterable[tuple[object, ...]]:
    """The rows as COLUMNS; `sources` says of each address, in its order, who told it."""
    for row in found:
        nic: Hanging = row.key
        sources = [address.source.value for address in row.addresses]
        virter = (row.vm, row.mac, list(row.ips), row.hostname, row.host_device, sources)
        place = (nic.hypervisor, nic.kind, nic.source, nic.bridge, nic.port_group, nic.model, nic.link)
        yield (*virter, *place, nic.state.value, nic.owner_shown, nic.guest.state.value, nic.guest.problem)
