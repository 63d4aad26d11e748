"""NICs + leases = the rows of Virter's list-attached. Pure: values in, rows out."""

from collections import defaultdict
from dataclasses import dataclass
from ipaddress import ip_address


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
class Row:
    vm: str
    mac: str
    ips: tuple[str, ...]
    hostname: str
    host_device: str
    key: object


def rows(nics: tuple[NIC, ...], leases: tuple[Lease, ...]) -> tuple[Row, ...]:
    """One row a NIC, in the order given, with all leases of its MAC: IPv4 first, then by address."""
    by_mac: dict[str, list[Lease]] = defaultdict(list)
    for lease in leases:
        by_mac[lease.mac.lower()].append(lease)
    return tuple(_row(nic, by_mac.get(nic.mac.lower(), [])) for nic in nics)


def _row(nic: NIC, leases: list[Lease]) -> Row:
    addresses = sorted((ip_address(lease.ip) for lease in leases), key=lambda ip: (ip.version, int(ip)))
    return Row(
        vm=nic.vm,
        mac=nic.mac,
        ips=tuple(str(ip) for ip in addresses),
        hostname=next((lease.hostname for lease in leases if lease.hostname), ""),
        host_device=nic.target,
        key=nic.key,
    )
