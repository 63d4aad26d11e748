"""Joins a NIC's leases with the addresses that its guest's agent and the host's ARP table report. Pure: values only."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
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
        last = (
            f"; last seen {self.as_of.astimezone():%Y-%m-%d %H:%M:%S}, the source cannot be read now"
            if self.as_of
            else ""
        )
        return f"reported by {' and '.join(source.words for source in self.sources)}{since}{last}"

    @property
    def source_text(self) -> str:
        """Return the sources, one word each."""
        return f"{', '.join(source.label for source in self.sources)}{self._age}"

    @property
    def _age(self) -> str:
        return f", last seen {self.as_of.astimezone():%H:%M}" if self.as_of else ""


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A current lease of a NIC."""

    ip: str
    hostname: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class NICAddresses:
    """The addresses of a NIC; `hostname` is from its leases, `until` is the end of the IPv4 lease."""

    addresses: tuple[Address, ...] = ()
    hostname: str = ""
    until: datetime | None = None

    @property
    def ips(self) -> tuple[str, ...]:
        return tuple(address.ip for address in self.addresses)

    @property
    def leased(self) -> tuple[str, ...]:
        """Return the addresses with a lease."""
        return tuple(address.ip for address in self.addresses if Source.LEASE in address.sources)


def joined(leases: Sequence[Lease], reported: Iterable[Address]) -> NICAddresses:
    """Return the addresses of a NIC with these leases and with these addresses from other sources."""
    leased = (Address(ip=lease.ip, source=Source.LEASE, since=lease.since) for lease in leases)
    return NICAddresses(
        addresses=_in_order(chain(leased, reported)),
        hostname=next((lease.hostname for lease in leases if lease.hostname), ""),
        until=next((lease.until for lease in leases if ":" not in lease.ip), None),
    )


def _in_order(reported: Iterable[Address]) -> tuple[Address, ...]:
    """Return a NIC's addresses, each once: first from agents, then leases, then ARP; IPv4 first.

    Within these, addresses with a lease come first, then the order is by IP. Addresses whose source can no longer be
    asked come last. So the first address is the one to reach the guest by, and not a second one that was set by hand.
    """
    rows = tuple(reported)
    if len(rows) == 1:  # as nearly all NICs have
        return (replace(rows[0], ip=str(ip_address(rows[0].ip))),)
    found: dict[str, list[Address]] = defaultdict(list)
    for address in rows:
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
