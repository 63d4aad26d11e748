"""NICs + leases + what else tells addresses = the rows of Virter's list-attached. Pure: values in, rows out."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address


class Source(StrEnum):
    """Who says that a NIC has an address, the surest first."""

    LEASE = "lease"
    AGENT = "agent"
    ARP = "arp"

    @property
    def label(self) -> str:
        return "ARP" if self is Source.ARP else self.value

    @property
    def tag(self) -> str:
        """What stands behind an address; nothing behind a lease, which is what is expected."""
        return "" if self is Source.LEASE else self.label

    @property
    def hint(self) -> str:
        """What an address says when it is pointed at."""
        return {Source.LEASE: "lease", Source.AGENT: "says the guest’s agent"}.get(self, "in the host’s ARP table")


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


@dataclass(frozen=True, kw_only=True)
class Seen:
    """An address of one VM's NIC that the guest's agent or the host's ARP table told."""

    vm: str
    mac: str
    ip: str
    source: Source


@dataclass(frozen=True, kw_only=True)
class Address:
    ip: str
    source: Source


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
        told[one.vm, one.mac.lower()].append(Address(ip=one.ip, source=one.source))
    return tuple(_row(nic, leased.get(nic.mac.lower(), []), told.get((nic.vm, nic.mac.lower()), [])) for nic in nics)


def _row(nic: NIC, leases: list[Lease], told: list[Address]) -> Row:
    return Row(
        vm=nic.vm,
        mac=nic.mac,
        addresses=addresses((lease.ip for lease in leases), told),
        hostname=next((lease.hostname for lease in leases if lease.hostname), ""),
        host_device=nic.target,
        key=nic.key,
    )


def addresses(leased: Iterable[str], told: Iterable[Address]) -> tuple[Address, ...]:
    """A NIC's addresses, each once: leases, then agent, then ARP; IPv4 first, then by address."""
    found: dict[str, Address] = {}
    for address in sorted([*(Address(ip=ip, source=Source.LEASE) for ip in leased), *told], key=_rank):
        ip = str(ip_address(address.ip))
        found.setdefault(ip, Address(ip=ip, source=address.source))
    return tuple(found.values())


def _rank(address: Address) -> tuple[int, int, int]:
    ip = ip_address(address.ip)
    return list(Source).index(address.source), ip.version, int(ip)
