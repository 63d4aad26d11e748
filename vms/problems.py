"""Why an address is not what somebody expects: what is wrong, in words, with the step that mends it. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from networks.network_xml import HostSpec

NEARLY_FULL = 0.05  # of a range that is free
FEW = 2  # free addresses, in a range of whatever size
NAMED = 3  # of several, how many are named
WISHED = "wished"  # the kind of a NIC that a VM is to have which libvirt does not have yet


class Kind(StrEnum):
    TWO_MACHINES = "one address, two machines"
    ONE_CLIENT_ID = "one client ID, two guests"
    OVERLAP = "overlapping blocks"
    GONE = "points to something gone"
    FULL = "nearly full"
    OTHER_ADDRESS = "not the reserved address"
    NOBODYS_LEASE = "a lease of nobody"
    UNUSED = "unused host entries"

    @property
    def tone(self) -> str:
        """The stylesheet's class: what breaks something, what soon may, what is only worth knowing."""
        if self in (Kind.TWO_MACHINES, Kind.ONE_CLIENT_ID, Kind.OVERLAP, Kind.GONE):
            return "failed"
        return "pending" if self in (Kind.FULL, Kind.OTHER_ADDRESS) else "quiet"


class Step(StrEnum):
    """What mends it: each is a link or button of the page."""

    LOOK_AT_VM = "look at the VM"
    RESERVE_THIS = "reserve this one instead"
    RELEASE = "release it"
    CHANGE_ENTRY = "change the entry"
    LOOK_AT_ENTRIES = "look at the entries"
    LOOK_AT_LEASES = "look at the leases"
    CHANGE_NETWORK = "change the network"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """`network` and `vm` are the keys of what it is about; `ip` and `lease` (key) say what its step acts on."""

    kind: Kind
    text: str
    step: Step
    network: int | None = None
    vm: str = ""
    ip: str = ""
    mac: str = ""
    lease: int | None = None


@dataclass(frozen=True, kw_only=True)
class NIC:
    """`key` tells its VM from others of that name."""

    mac: str
    key: int = 0
    vm: str
    running: bool
    kind: str
    source: str
    network: int | None


@dataclass(frozen=True, kw_only=True)
class Lease:
    key: int
    ip: str
    mac: str
    name: str
    client_id: str
    until: datetime | None


@dataclass(frozen=True, kw_only=True)
class Told:
    """An address that a guest's agent or the ARP table tells of a NIC."""

    ip: str
    mac: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Network:
    """What is known of one network. `ended` are leases that ended not long ago; `free` counts what DHCP has left."""

    key: int
    name: str
    leases: tuple[Lease, ...] = ()
    ended: tuple[Lease, ...] = ()
    hosts: tuple[HostSpec, ...] = ()
    told: tuple[Told, ...] = ()
    size: int = 0
    free: int = 0
    static_dhcp: bool = False


def of_network(network: Network, nics: Iterable[NIC]) -> tuple[Problem, ...]:
    """What is wrong on one network; `nics` are all of its hypervisor, for a MAC may be on another network."""

    def rank(nic: NIC) -> tuple[bool, bool]:
        return nic.network == network.key, nic.running

    owners: dict[str, NIC] = {}
    for nic in nics:
        if nic.mac not in owners or rank(nic) > rank(owners[nic.mac]):
            owners[nic.mac] = nic
    look = _Look(network=network, owners=owners)
    return tuple(
        problem
        for find in (
            look.two_machines,
            look.one_client_id,
            look.nearly_full,
            look.entries_of_other_networks,
            look.not_the_reserved,
            look.leases_of_nobody,
            look.unused_entries,
        )
        for problem in find()
    )


def of_nics(nics: Iterable[NIC], networks: Iterable[str]) -> Iterator[Problem]:
    """NICs whose network the hypervisor does not have."""
    known = set(networks)
    for nic in nics:
        if nic.kind == "network" and nic.network is None and nic.source not in known:
            text = f"NIC {nic.mac} of {nic.vm} is for the network {nic.source}, which libvirt does not have."
            yield Problem(kind=Kind.GONE, text=text, step=Step.LOOK_AT_VM, vm=nic.vm, mac=nic.mac)


@dataclass(frozen=True, kw_only=True)
class _Look:
    network: Network
    owners: dict[str, NIC]

    def _who(self, mac: str, name: str = "") -> str:
        known = self.owners[mac].vm if mac in self.owners else name
        return f"{known} ({mac})" if known else mac

    def _problem(self, kind: Kind, text: str, step: Step, mac: str = "", **about: object) -> Problem:
        vm = self.owners[mac].vm if mac in self.owners else ""
        return Problem(kind=kind, text=text, step=step, network=self.network.key, vm=vm, mac=mac, **about)

    def two_machines(self) -> Iterator[Problem]:
        says: dict[str, dict[str, str]] = defaultdict(dict)
        for lease in self.network.leases:
            says[lease.ip].setdefault(lease.mac, "by its lease")
        for told in self.network.told:
            source = "as its agent says" if told.source == "agent" else "as the ARP table says"
            says[told.ip].setdefault(told.mac, source)
        for ip, macs in says.items():
            if len(macs) > 1:
                who = " and ".join(f"{self._who(mac)}, {how}" for mac, how in macs.items())
                text = f"{ip} is answered for by {len(macs)} machines: {who}. Give one of them another."
                yield self._problem(Kind.TWO_MACHINES, text, Step.LOOK_AT_VM, mac=list(macs)[-1], ip=ip)

    def one_client_id(self) -> Iterator[Problem]:
        """dnsmasq knows a guest by its client ID, so that two with the same take one lease from each other."""
        last = {(lease.ip, lease.client_id): lease for lease in self.network.ended if lease.client_id}
        for lease in self.network.leases:
            other = last.get((lease.ip, lease.client_id))
            pair = [self.owners.get(each.mac) for each in (lease, other) if each]
            if len(pair) < 2 or lease.mac == other.mac or not all(nic and nic.running for nic in pair):
                continue
            if pair[0].vm == pair[1].vm:
                continue
            text = (
                f"{self._who(other.mac)} and {self._who(lease.mac)} send one client ID, {lease.client_id}: DHCP gives "
                f"both {lease.ip}. Their machine-id is a copy: in one of them empty /etc/machine-id and restart it."
            )
            yield self._problem(Kind.ONE_CLIENT_ID, text, Step.LOOK_AT_VM, mac=lease.mac, ip=lease.ip)

    def nearly_full(self) -> Iterator[Problem]:
        size, free = self.network.size, self.network.free
        if free < size and free <= max(FEW, size * NEARLY_FULL):
            left = f"only {free} of {size} addresses that DHCP hands out {'is' if free == 1 else 'are'} free"
            text = f"{self.network.name}: {left if free else f'none of the {size} addresses of DHCP is free'}."
            yield self._problem(Kind.FULL, text, Step.CHANGE_NETWORK)

    def entries_of_other_networks(self) -> Iterator[Problem]:
        for host in self.network.hosts:
            nic = self.owners.get(host.mac)
            if nic and nic.network != self.network.key and nic.kind != WISHED:
                text = f"{host.ip} is reserved here for {self._who(host.mac)}, whose NIC hangs on {nic.source}."
                yield self._problem(Kind.GONE, text, Step.CHANGE_ENTRY, mac=host.mac, ip=host.ip)

    def not_the_reserved(self) -> Iterator[Problem]:
        reserved = {host.mac: host.ip for host in self.network.hosts if host.mac and ":" not in host.ip}
        leased: dict[str, list[Lease]] = defaultdict(list)
        for lease in self.network.leases:
            if ":" not in lease.ip and lease.mac in reserved:
                leased[lease.mac].append(lease)
        for mac, leases in leased.items():
            wanted, lease = reserved[mac], leases[0]
            if wanted in {each.ip for each in leases}:
                continue
            until = f", at the latest at {_hour(lease.until)}" if lease.until else ""
            text = (
                f"{self._who(mac, lease.name)} has {lease.ip}, though {wanted} is reserved for it: its lease is older. "
                f"It takes {wanted} when it renews{until}; restarting it does so at once."
            )
            yield self._problem(Kind.OTHER_ADDRESS, text, Step.RESERVE_THIS, mac=mac, ip=lease.ip, lease=lease.key)

    def leases_of_nobody(self) -> Iterator[Problem]:
        leases = [lease for lease in self.network.leases if lease.mac not in self.owners]
        if len(leases) > NAMED:
            text = f"{len(leases)} addresses are leased to MACs that no VM has: {_some(each.ip for each in leases)}."
            yield self._problem(Kind.NOBODYS_LEASE, text, Step.LOOK_AT_LEASES)
            return
        for lease in leases:
            until = f" until {_hour(lease.until)}" if lease.until else ""
            who = f"{lease.mac} ({lease.name})" if lease.name else lease.mac
            text = f"{lease.ip} is leased to {who}{until}, which no VM has."
            step = Step.LOOK_AT_LEASES if ":" in lease.ip else Step.RELEASE
            yield self._problem(Kind.NOBODYS_LEASE, text, step, mac=lease.mac, ip=lease.ip, lease=lease.key)

    def unused_entries(self) -> Iterator[Problem]:
        """One for all: entries made beforehand by ID are many, and meant; in static-DHCP mode they are the rule."""
        unused = [host for host in self.network.hosts if host.mac and host.mac not in self.owners]
        if not unused or self.network.static_dhcp:
            return
        if len(unused) == 1:
            text = f"{unused[0].ip} is reserved for {unused[0].mac}, which no VM has."
        else:
            text = f"{len(unused)} addresses are reserved for MACs that no VM has: {_some(host.ip for host in unused)}."
        yield self._problem(Kind.UNUSED, text, Step.LOOK_AT_ENTRIES)


def _some(names: Iterable[str]) -> str:
    """The first few of several names."""
    names = list(names)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def _hour(at: datetime) -> str:
    return f"{at.astimezone():%H:%M}"
