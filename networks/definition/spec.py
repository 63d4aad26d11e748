"""What the portal models of a libvirt network, read from its document. Pure: no ORM, no libvirt.

Follows libvirt's formatnetwork.html and schemas/network.rng. Values are kept as libvirt has them; `str` of a part is
the line that forms, pages and flags show it by, which `lines.py` reads back.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_address, ip_interface

USUAL_PORTS = "1024-65535"  # the default ports of NAT
LEASE_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600}


def lease_text(seconds: int | None) -> str:
    """Return a lease time as at the end of a line: 12h, 30m, 45s, infinite (0 seconds); "" without one."""
    if seconds is None:
        return ""
    if seconds == 0:
        return "infinite"
    unit = next(unit for unit in ("hours", "minutes", "seconds") if seconds % LEASE_UNITS[unit] == 0)
    return f"{seconds // LEASE_UNITS[unit]}{unit[0]}"


def _line(*parts: object) -> str:
    return " ".join(str(part) for part in parts if part)


@dataclass(frozen=True, kw_only=True)
class HostSpec:
    """A DHCP reservation; IPv6 guests are identified by DUID or name. `lease` is in seconds, 0 for infinite."""

    mac: str = ""
    ip: str = ""
    name: str = ""
    duid: str = ""
    lease: int | None = None

    def __str__(self) -> str:
        return _line(self.mac, self.duid and f"id:{self.duid}", self.ip, self.name, lease_text(self.lease))

    @property
    def guest(self) -> str:
        """Return what identifies the guest: the MAC, else the DUID, else the name."""
        return self.mac or self.duid or self.name.lower()


@dataclass(frozen=True, kw_only=True)
class RangeSpec:
    start: str
    end: str
    lease: int | None = None

    def __str__(self) -> str:
        return _line(f"{self.start}-{self.end}", lease_text(self.lease))


@dataclass(frozen=True, kw_only=True)
class SubnetSpec:
    """A block, given by the host's own address in it, with its DHCP ranges and reservations."""

    address: str
    prefix: int
    ranges: tuple[RangeSpec, ...] = ()
    hosts: tuple[HostSpec, ...] = ()
    tftp_root: str = ""
    boot_file: str = ""
    boot_server: str = ""

    @property
    def cidr(self) -> str:
        return f"{self.address}/{self.prefix}"

    @property
    def interface(self) -> IPv4Interface | IPv6Interface:
        return ip_interface(self.cidr)

    @property
    def family(self) -> int:
        return self.interface.version

    @property
    def dhcp(self) -> bool:
        return bool(self.ranges or self.hosts)

    @property
    def guests_do(self) -> str:
        """Return a text about how guests get IPv6 addresses, as libvirt configures dnsmasq."""
        if self.dhcp:
            return "DHCPv6; router advertisements give the default route"
        if self.prefix == 64:
            return "SLAAC from router advertisements, no DHCPv6"
        return "no automatic configuration: no DHCPv6, and SLAAC needs a /64"


@dataclass(frozen=True, kw_only=True)
class ForwarderSpec:
    """The server for DNS queries that the network cannot answer: an address, a domain, or both."""

    address: str = ""
    domain: str = ""

    def __str__(self) -> str:
        return _line(self.domain, self.address)


@dataclass(frozen=True, kw_only=True)
class DNSHostSpec:
    """A DNS name that the network's dnsmasq answers."""

    ip: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return _line(self.ip, *self.names)


@dataclass(frozen=True, kw_only=True)
class RouteSpec:
    """A static route of the host by way of a guest."""

    destination: str
    gateway: str
    metric: int | None = None

    def __str__(self) -> str:
        return _line(self.destination, "via", self.gateway, self.metric and f"metric {self.metric}")


@dataclass(frozen=True, kw_only=True)
class BandwidthSpec:
    """One direction, in KiB/s and (burst) KiB; as a line like virsh's average,peak,burst,floor."""

    average: int | None = None
    peak: int | None = None
    burst: int | None = None
    floor: int | None = None

    def __str__(self) -> str:
        values = (self.average, self.peak, self.burst, self.floor)
        return ",".join("" if value is None else str(value) for value in values).rstrip(",")


@dataclass(frozen=True, kw_only=True)
class PortGroupSpec:
    """NICs that name this group get its VLAN tags and bandwidth."""

    name: str
    default: bool = False
    tags: tuple[int, ...] = ()
    trunk: bool = False
    native: int | None = None
    inbound: BandwidthSpec | None = None
    outbound: BandwidthSpec | None = None

    def __str__(self) -> str:
        return _line(
            self.name,
            "default" if self.default else "",
            self.tags and f"vlan={','.join(map(str, self.tags))}",
            "trunk" if self.trunk and len(self.tags) < 2 else "",
            self.native is not None and f"native={self.native}",
            self.inbound and f"in={self.inbound}",
            self.outbound and f"out={self.outbound}",
        )


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """What the portal models of a network. An empty forward_mode is an isolated network."""

    name: str
    uuid: str = ""
    title: str = ""
    description: str = ""
    forward_mode: str = ""
    forward_devices: tuple[str, ...] = ()
    nat_ports: str = ""
    nat_addresses: str = ""
    nat_ipv6: bool = False
    bridge: str = ""
    stp: bool = True
    mtu: int | None = None
    isolated_ports: bool = False
    domain: str = ""
    local_only: bool = False
    dns: bool = True
    forwarders: tuple[ForwarderSpec, ...] = ()
    dns_hosts: tuple[DNSHostSpec, ...] = ()
    subnets: tuple[SubnetSpec, ...] = ()
    routes: tuple[RouteSpec, ...] = ()
    inbound: BandwidthSpec | None = None
    outbound: BandwidthSpec | None = None
    port_groups: tuple[PortGroupSpec, ...] = ()
    dnsmasq_options: tuple[str, ...] = ()

    @property
    def ip_range(self) -> str:
        """Return Virter's column IP-Range."""
        return ",".join(subnet.cidr for subnet in self.subnets)

    @property
    def dhcp(self) -> str:
        """Return Virter's column DHCP."""
        return ",".join(f"{part.start}-{part.end}" for subnet in self.subnets for part in subnet.ranges)

    @property
    def hosts(self) -> tuple[HostSpec, ...]:
        return tuple(host for subnet in self.subnets for host in subnet.hosts)

    def with_hosts(self, add: Iterable[HostSpec], without: Iterable[str] = ()) -> "NetworkSpec":
        """Return the same with DHCP reservations added, each to the block that holds its address.

        Those whose MAC, DUID or address is in `without` go first. An entry that no block holds is left out.
        """
        gone = frozenset(without)
        kept = (host for host in self.hosts if gone.isdisjoint((host.mac, host.duid, host.ip)))
        return self.having_hosts((*kept, *add))

    def having_hosts(self, hosts: Iterable[HostSpec]) -> "NetworkSpec":
        """Return the same with these DHCP reservations alone; existing ones stay in their place."""
        wanted = dict.fromkeys(hosts)
        held = [[host for host in subnet.hosts if host in wanted] for subnet in self.subnets]
        placed = {host for entries in held for host in entries}
        blocks = [(subnet.interface.network, entries) for subnet, entries in zip(self.subnets, held, strict=True)]
        for host in wanted:
            address = None if host in placed else address_or_none(host.ip)
            entries = next((entries for block, entries in blocks if address and address in block), None)
            if entries is not None:
                entries.append(host)
        pairs = zip(self.subnets, held, strict=True)
        return replace(self, subnets=tuple(replace(subnet, hosts=tuple(entries)) for subnet, entries in pairs))

    def without_hosts(self) -> "NetworkSpec":
        return replace(self, subnets=tuple(replace(subnet, hosts=()) for subnet in self.subnets))

    def block(self, family: int = 4) -> IPv4Interface | IPv6Interface | None:
        """Return the first block of an address family."""
        return next((subnet.interface for subnet in self.subnets if subnet.family == family), None)


def address_or_none(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
