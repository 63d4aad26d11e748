"""Joins NICs, leases and other sources of addresses into rows of Virter's list-attached. Pure: values only."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address
from itertools import chain


class Source(StrEnum):
    """The source of an address, the most reliable first."""

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
    """A NIC on the network; `key` is copied to its row."""

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
    """An address of a VM's NIC that the guest's agent or the host's ARP table reported."""

    vm: str
    mac: str
    ip: str
    source: Source
    since: datetime | None = None
    as_of: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Address:
    """An address from its most reliable source; `also` are the others, `since` is when the first reported it.

    `as_of` is set if no source can be asked any more: the time up to which the address is known.
    """

    ip: str
    source: Source
    since: datetime | None = None
    also: tuple[Source, ...] = ()
    as_of: datetime | None = None

    @property
    def sources(self) -> tuple[Source, ...]:
        return self.source, *self.also

    @property
    def tag(self) -> str:
        """Return the mark behind an address; none if a lease has it, as expected."""
        return "" if Source.LEASE in self.sources else f"{self.source.label}{self._age}"

    @property
    def hint(self) -> str:
        """Return the tooltip of an address."""
        since = f", since {self.since.astimezone():%Y-%m-%d %H:%M:%S}" if self.since else ""
        last = f"; last seen {self.as_of.astimezone():%Y-%m-%d %H:%M:%S}, it cannot be asked now" if self.as_of else ""
        return f"told by {' and '.join(source.words for source in self.sources)}{since}{last}"

    @property
    def told_by(self) -> str:
        """Return the sources, one word each."""
        return f"{', '.join(source.label for source in self.sources)}{self._age}"

    @property
    def _age(self) -> str:
        return f", last seen {self.as_of.astimezone():%H:%M}" if self.as_of else ""


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
    """Return one row per NIC, in the order given, with all leases of its MAC and all other addresses."""
    leased: dict[str, list[Lease]] = defaultdict(list)
    for lease in leases:
        leased[lease.mac.lower()].append(lease)
    told: dict[tuple[str, str], list[Address]] = defaultdict(list)
    for one in seen:
        told[one.vm, one.mac.lower()].append(Address(ip=one.ip, source=one.source, since=one.since, as_of=one.as_of))
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
    """Return a NIC's addresses, each once: first from agents, then leases, then ARP; IPv4 first.

    Within these, addresses with a lease come first, then the order is by IP. Addresses whose source can no longer be
    asked come last. So the first address is the one to reach the guest by, and not a second one that was set by hand.
    """
    found: dict[str, list[Address]] = defaultdict(list)
    for address in chain(*told):
        found[str(ip_address(address.ip))].append(address)
    return tuple(sorted((_one(ip, same) for ip, same in found.items()), key=_rank))


def _one(ip: str, same: list[Address]) -> Address:
    same = [address for address in same if not address.as_of] or same
    source, *also = [source for source in Source if any(address.source is source for address in same)]
    since = min((address.since for address in same if address.since), default=None)
    as_of = max((address.as_of for address in same if address.as_of), default=None)
    return Address(ip=ip, source=source, since=since, also=tuple(also), as_of=as_of)


def _rank(address: Address) -> tuple[bool, int, int, bool, int]:
    ip = ip_address(address.ip)
    return (
        bool(address.as_of),
        list(Source).index(address.source),
        ip.version,
        Source.LEASE not in address.sources,
        int(ip),
    )
