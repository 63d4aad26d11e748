"""Finds the reasons why an address is not as expected, each with the step that solves it. Pure: values only."""

from collections import ChainMap, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from networks.definition.spec import HostSpec

from . import wording

NEARLY_FULL = 0.05  # free share of a range that counts as nearly full
FEW_FREE = 2  # free addresses, in a range of any size
DESIRED = "desired"  # the kind of a desired NIC that libvirt does not have yet


class Kind(StrEnum):
    """The categories of problems, the worst first."""

    TWO_MACHINES = "two-machines"
    ONE_CLIENT_ID = "one-client-id"
    OVERLAP = "overlap"
    GONE = "gone"
    FULL = "full"
    OTHER_ADDRESS = "other-address"
    NOBODYS_LEASE = "lease-of-nobody"
    UNUSED = "unused"

    @property
    def label(self) -> str:
        return wording.KINDS[self]

    @property
    def rank(self) -> int:
        """Return the place among the categories, 0 for the worst."""
        return list(Kind).index(self)

    @property
    def tone(self) -> str:
        """Return the stylesheet's class: for what is broken, for what soon may be, or for information."""
        if self in (Kind.TWO_MACHINES, Kind.ONE_CLIENT_ID, Kind.OVERLAP, Kind.GONE):
            return "failed"
        return "pending" if self in (Kind.FULL, Kind.OTHER_ADDRESS) else "quiet"


class Step(StrEnum):
    """The step that solves a problem; each is a link or button of the page."""

    LOOK_AT_VM = "vm"
    RESERVE_THIS = "reserve"
    RELEASE = "release"
    CHANGE_ENTRY = "entry"
    LOOK_AT_ENTRIES = "entries"
    LOOK_AT_LEASES = "leases"
    CHANGE_NETWORK = "network"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A problem: `code` is its sentence in `wording.PROBLEMS`, `about` the sentence's parameters.

    `network` and `vm` are the keys of what it is about, and `macs` all that are concerned; `ip` and `lease` (key) are
    what its step acts on.
    """

    kind: Kind
    code: str
    about: Mapping[str, object]
    step: Step
    network: int | None = None
    vm: str = ""
    ip: str = ""
    mac: str = ""
    macs: frozenset[str] = frozenset()
    lease: int | None = None

    @property
    def text(self) -> str:
        return wording.problem(self.code, self.about)


@dataclass(frozen=True, kw_only=True)
class NIC:
    """A NIC; `key` distinguishes its VM from others with the same name."""

    mac: str
    key: int = 0
    vm: str  # "" if the user may not see it
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
class Reported:
    """An address that a guest's agent or the ARP table reports for a NIC."""

    ip: str
    mac: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Network:
    """The facts about a network. `ended` are leases that ended recently; `free` is the number of free addresses."""

    key: int
    name: str
    leases: tuple[Lease, ...] = ()
    ended: tuple[Lease, ...] = ()
    hosts: tuple[HostSpec, ...] = ()
    reported: tuple[Reported, ...] = ()
    size: int = 0
    free: int = 0
    static_dhcp: bool = False


class Owners:
    """The NICs of a hypervisor by MAC: of several with one MAC that on a given network first, then a running one."""

    def __init__(self, nics: Iterable[NIC]) -> None:
        self._all: dict[str, NIC] = {}
        self._on: dict[int | None, dict[str, NIC]] = defaultdict(dict)
        for nic in nics:
            for known in (self._all, self._on[nic.network]):
                if nic.mac not in known or nic.running > known[nic.mac].running:
                    known[nic.mac] = nic

    def on(self, network: int) -> Mapping[str, NIC]:
        return ChainMap(self._on.get(network, {}), self._all)


def of_network(network: Network, owners: Owners) -> tuple[Problem, ...]:
    """Return the problems of one network; `owners` are those of its hypervisor: a MAC may be on another network."""
    look = _NetworkCheck(network=network, owners=owners.on(network.key))
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


def of_nics(nics: Iterable[NIC], networks: Iterable[str], devices: Iterable[str] | None = None) -> Iterator[Problem]:
    """Yield problems of NICs whose network is missing, or whose bridge is, if the host's devices are known."""
    known, bridges = set(networks), None if devices is None else set(devices)
    for nic in (nic for nic in nics if nic.vm):
        about = {"mac": nic.mac, "vm": nic.vm, "source": nic.source}
        where = {"kind": Kind.GONE, "about": about, "step": Step.LOOK_AT_VM, "vm": nic.vm, "mac": nic.mac}
        if nic.kind == "bridge" and bridges is not None and nic.source not in bridges:
            yield Problem(code="no bridge of NIC", **where)
        if nic.kind == "network" and nic.network is None and nic.source not in known:
            yield Problem(code="no network of NIC", **where)


@dataclass(frozen=True, kw_only=True)
class _NetworkCheck:
    network: Network
    owners: Mapping[str, NIC]

    def _who(self, mac: str, name: str = "") -> tuple[str, str]:
        """Return the MAC and the name of its VM, or else this name."""
        return mac, self.owners[mac].vm if mac in self.owners else name

    def _problem(self, kind: Kind, code: str, about: Mapping[str, object], step: Step, **more: object) -> Problem:
        mac = str(more.get("mac", ""))
        vm = self.owners[mac].vm if mac in self.owners else ""
        return Problem(kind=kind, code=code, about=about, step=step, network=self.network.key, vm=vm, **more)

    def two_machines(self) -> Iterator[Problem]:
        claims: dict[str, dict[str, str]] = defaultdict(dict)
        for lease in self.network.leases:
            claims[lease.ip].setdefault(lease.mac, "lease")
        for reported in self.network.reported:
            claims[reported.ip].setdefault(reported.mac, reported.source)
        for ip, macs in claims.items():
            if len(macs) > 1:
                who = tuple((*self._who(mac), source) for mac, source in macs.items())
                about = {"ip": ip, "count": len(macs), "claims": who}
                about_macs = {"mac": list(macs)[-1], "macs": frozenset(macs)}
                yield self._problem(Kind.TWO_MACHINES, "two machines", about, Step.LOOK_AT_VM, ip=ip, **about_macs)

    def one_client_id(self) -> Iterator[Problem]:
        """Yield guests with the same client ID: dnsmasq identifies guests by it, so they share one lease."""
        last = {(lease.ip, lease.client_id): lease for lease in self.network.ended if lease.client_id}
        for lease in self.network.leases:
            other = last.get((lease.ip, lease.client_id))
            pair = [self.owners.get(each.mac) for each in (lease, other) if each]
            if len(pair) < 2 or lease.mac == other.mac or not all(nic and nic.running for nic in pair):
                continue
            if pair[0].key == pair[1].key and pair[0].vm == pair[1].vm:
                continue
            about = {"other": self._who(other.mac), "who": self._who(lease.mac)}
            about |= {"client_id": lease.client_id, "ip": lease.ip}
            macs = frozenset({lease.mac, other.mac})
            on = {"mac": lease.mac, "macs": macs, "ip": lease.ip}
            yield self._problem(Kind.ONE_CLIENT_ID, "one client ID", about, Step.LOOK_AT_VM, **on)

    def nearly_full(self) -> Iterator[Problem]:
        size, free = self.network.size, self.network.free
        if free < size and free <= max(FEW_FREE, size * NEARLY_FULL):
            code = {0: "none free", 1: "one free"}.get(free, "few free")
            about = {"network": self.network.name, "free": free, "size": size}
            yield self._problem(Kind.FULL, code, about, Step.CHANGE_NETWORK)

    def entries_of_other_networks(self) -> Iterator[Problem]:
        for host in self.network.hosts:
            nic = self.owners.get(host.mac)
            if nic and nic.network != self.network.key and nic.kind != DESIRED:
                about = {"ip": host.ip, "who": self._who(host.mac), "source": nic.source}
                code = "NIC elsewhere" if nic.vm else "hidden NIC elsewhere"
                yield self._problem(Kind.GONE, code, about, Step.CHANGE_ENTRY, mac=host.mac, ip=host.ip)

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
            about = {"who": self._who(mac, lease.name), "ip": lease.ip, "reserved": wanted}
            code, about = _until("older lease", about, lease.until)
            on = {"mac": mac, "ip": lease.ip, "lease": lease.key}
            yield self._problem(Kind.OTHER_ADDRESS, code, about, Step.RESERVE_THIS, **on)

    def leases_of_nobody(self) -> Iterator[Problem]:
        leases = [lease for lease in self.network.leases if lease.mac not in self.owners]
        if len(leases) > wording.MAX_NAMED:
            about = {"count": len(leases), "ips": tuple(each.ip for each in leases)}
            yield self._problem(Kind.NOBODYS_LEASE, "leases of nobody", about, Step.LOOK_AT_LEASES)
            return
        for lease in leases:
            about = {"ip": lease.ip, "holder": (lease.mac, lease.name)}
            code, about = _until("lease of nobody", about, lease.until)
            step = Step.LOOK_AT_LEASES if ":" in lease.ip else Step.RELEASE
            on = {"mac": lease.mac, "ip": lease.ip, "lease": lease.key}
            yield self._problem(Kind.NOBODYS_LEASE, code, about, step, **on)

    def unused_entries(self) -> Iterator[Problem]:
        """Yield one problem for all unused entries: many are created in advance, by ID.

        In static-DHCP mode unused entries are normal.
        """
        unused = [host for host in self.network.hosts if host.mac and host.mac not in self.owners]
        if not unused or self.network.static_dhcp:
            return
        if len(unused) == 1:
            code, about = "unused entry", {"ip": unused[0].ip, "mac": unused[0].mac}
        else:
            code, about = "unused entries", {"count": len(unused), "ips": tuple(host.ip for host in unused)}
        macs = frozenset(host.mac for host in unused)
        yield self._problem(Kind.UNUSED, code, about, Step.LOOK_AT_ENTRIES, macs=macs)


def _until(code: str, about: dict[str, object], until: datetime | None) -> tuple[str, dict[str, object]]:
    """Return the code of a sentence and its parameters, with the end of a lease where it is known."""
    return (f"{code} until", about | {"until": until}) if until else (code, about)
