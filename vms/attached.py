"""NICs + leases + what else tells addresses = the rows of Virter's list-attached. Pure: values in, rows out."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address
from itertools import chain


class Source(StrEnum):
    """Who says that a NIC has an address, the surest first."""

    AGENT = "agent"
    LEASE = "lease"
    ARP = "arp"

    @property
    def label(self) -> str:
        return "ARP" if self is Source.ARP else self.value

    @property
    def words(self) -> str:
        return {Source.AGENT: "the guest’s agent", Source.LEASE: "a lease"}.get(self, "the host’s ARP table")


@dataclass(frozen=True, kw_only=True)
class NIC:
    """A NIC on the network; `key` is handed through to its row."""

    vm: str
    mac: str
    target: str
    key: object = None


@dataclass(frozen=True, kw_only=True)
class Lease:
    mac: str
    ip: str
    hostname: str
    since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Seen:
    """An address of one VM's NIC that the guest's agent or the host's ARP table told."""

    vm: str
    mac: str
    ip: str
    source: Source
    since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Address:
    """An address by the surest who says so; `also` are the others who do, `since` is when the first of them did."""

    ip: str
    source: Source
    since: datetime | None = None
    also: tuple[Source, ...] = ()

    @property
    def sources(self) -> tuple[Source, ...]:
        return self.source, *self.also

    @property
    def tag(self) -> str:
        """What stands behind an address; nothing if a lease has it, which is what is expected."""
        return "" if Source.LEASE in self.sources else self.source.label

    @property
    def hint(self) -> str:
        """What an address says when it is pointed at."""
        since = f", since {self.since.astimezone():%Y-%m-%d %H:%M:%S}" if self.since else ""
        return f"told by {' and '.join(source.words for source in self.sources)}{since}"

    @property
    def told_by(self) -> str:
        """The same, a word each."""
        return ", ".join(source.label for source in self.sources)


@dataclass(frozen=True, kw_only=True)
class Row:
    vm: str
    mac: str
    addresses: tuple[Address, ...]
    hostname: str
    host_device: str
    key: object

    @property
    def ips(self) -> tuple[str, ...]:
        return tuple(address.ip for address in self.addresses)


def rows(nics: tuple[NIC, ...], leases: tuple[Lease, ...], seen: tuple[Seen, ...] = ()) -> tuple[Row, ...]:
    """One row a NIC, in the order given, with all leases of its MAC, and what else was seen of it."""
    leased: dict[str, list[Lease]] = defaultdict(list)
    for lease in leases:
        leased[lease.mac.lower()].append(lease)
    told: dict[tuple[str, str], list[Address]] = defaultdict(list)
    for one in seen:
        told[one.vm, one.mac.lower()].append(Address(ip=one.ip, source=one.source, since=one.since))
    return tuple(_row(nic, leased.get(nic.mac.lower(), []), told.get((nic.vm, nic.mac.lower()), [])) for nic in nics)


def _row(nic: NIC, leases: list[Lease], told: list[Address]) -> Row:
    return Row(
        vm=nic.vm,
        mac=nic.mac,
        addresses=addresses((of_lease(lease.ip, lease.since) for lease in leases), told),
        hostname=next((lease.hostname for lease in leases if lease.hostname), ""),
        host_device=nic.target,
        key=nic.key,
    )


def of_lease(ip: str, since: datetime | None = None) -> Address:
    return Address(ip=ip, source=Source.LEASE, since=since)


def addresses(*told: Iterable[Address]) -> tuple[Address, ...]:
    """A NIC's addresses, each once: the agent's, then leases, then ARP; IPv4 first, then what a lease has, then by IP.

    So the first is the one to reach the guest by: a second address that somebody gave it by hand is not.
    """
    found: dict[str, list[Address]] = defaultdict(list)
    for address in chain(*told):
        found[str(ip_address(address.ip))].append(address)
    return tuple(sorted((_one(ip, same) for ip, same in found.items()), key=_rank))


def _one(ip: str, same: list[Address]) -> Address:
    source, *also = [source for source in Source if any(address.source is source for address in same)]
    since = min((address.since for address in same if address.since), default=None)
    return Address(ip=ip, source=source, since=since, also=tuple(also))


def _rank(address: Address) -> tuple[int, int, bool, int]:
    ip = ip_address(address.ip)
    return list(Source).index(address.source), ip.version, Source.LEASE not in address.sources, int(ip)
