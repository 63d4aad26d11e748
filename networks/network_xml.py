"""What the portal models of a libvirt network, read from its document. Pure: no ORM, no libvirt.

Follows libvirt's formatnetwork.html and schemas/network.rng. Values are kept as libvirt has them; `str` of a part is
the line that forms, pages and flags show it by, which `lines.py` reads back.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Interface, IPv6Interface, ip_address, ip_interface

from lxml import etree

DNSMASQ = "http://libvirt.org/schemas/network/dnsmasq/1.0"
OPTIONS = f"{{{DNSMASQ}}}options"
PARSER = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
LEASE_UNITS = {"seconds": 1, "minutes": 60, "hours": 3600}


def lease_text(seconds: int | None) -> str:
    """A lease time as its line ends: 12h, 30m, 45s, infinite (0 seconds); nothing without one."""
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
    """A DHCP host entry; IPv6 guests are known by DUID or name. `lease` in seconds, 0: for ever."""

    mac: str = ""
    ip: str = ""
    name: str = ""
    duid: str = ""
    lease: int | None = None

    def __str__(self) -> str:
        return _line(self.mac, self.duid and f"id:{self.duid}", self.ip, self.name, lease_text(self.lease))


@dataclass(frozen=True, kw_only=True)
class RangeSpec:
    start: str
    end: str
    lease: int | None = None

    def __str__(self) -> str:
        return _line(f"{self.start}-{self.end}", lease_text(self.lease))


@dataclass(frozen=True, kw_only=True)
class SubnetSpec:
    """A block by the host's own address in it, with what its DHCP server hands out."""

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
        """How a guest comes to an IPv6 address here, in words: as libvirt sets up dnsmasq."""
        if self.dhcp:
            return "DHCPv6; router advertisements give the default route"
        if self.prefix == 64:
            return "SLAAC from router advertisements, no DHCPv6"
        return "nothing by itself: no DHCPv6, and SLAAC needs a /64"


@dataclass(frozen=True, kw_only=True)
class ForwarderSpec:
    """Where DNS questions go that the network cannot answer: an address, for one domain, or either alone."""

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
        """Virter's column IP-Range."""
        return ",".join(subnet.cidr for subnet in self.subnets)

    @property
    def dhcp(self) -> str:
        """Virter's column DHCP."""
        return ",".join(f"{part.start}-{part.end}" for subnet in self.subnets for part in subnet.ranges)

    @property
    def hosts(self) -> tuple[HostSpec, ...]:
        return tuple(host for subnet in self.subnets for host in subnet.hosts)

    def with_hosts(self, add: Iterable[HostSpec], without: Iterable[str] = ()) -> "NetworkSpec":
        """The same with host entries added, each to the block that holds its address.

        Those whose MAC, DUID or address is in `without` go first. An entry that no block holds is left out.
        """
        gone = frozenset(without)
        held = {
            subnet.cidr: dict.fromkeys(host for host in subnet.hosts if gone.isdisjoint((host.mac, host.duid, host.ip)))
            for subnet in self.subnets
        }
        blocks = [(subnet.interface.network, held[subnet.cidr]) for subnet in self.subnets]
        for host in add:
            address = ip_address(host.ip)
            entries = next((entries for block, entries in blocks if address in block), None)
            if entries is not None:
                entries[host] = None
        return replace(self, subnets=tuple(replace(each, hosts=tuple(held[each.cidr])) for each in self.subnets))

    def without_hosts(self) -> "NetworkSpec":
        return replace(self, subnets=tuple(replace(subnet, hosts=()) for subnet in self.subnets))

    def block(self, family: int = 4) -> IPv4Interface | IPv6Interface | None:
        """The first block of an address family."""
        return next((subnet.interface for subnet in self.subnets if subnet.family == family), None)


class DocumentError(ValueError):
    """A text that is no network's document: why, and at which line of it (0: nowhere in particular)."""

    def __init__(self, text: str, line: int = 0) -> None:
        super().__init__(text)
        self.line = line


def read(document: str) -> etree._Element:
    """The <network> element of a document; DocumentError if there is none, or it declares a DTD."""
    try:
        root = etree.fromstring(document.encode(), PARSER)
    except etree.XMLSyntaxError as problem:
        raise DocumentError(f"This is no well-formed XML: {problem.msg}", problem.lineno or 0) from problem
    if root.getroottree().docinfo.doctype:
        line = document[: document.find("<!DOCTYPE")].count("\n") + 1
        raise DocumentError("A network’s document has no DOCTYPE.", line)
    if root.tag != "network":
        raise DocumentError(f"This is a <{root.tag}>, not a <network>.", root.sourceline or 0)
    return root


def parse(document: str) -> NetworkSpec:
    """What the portal models of a document; DocumentError as of `read`."""
    return parse_element(read(document))


def parse_element(root: etree._Element) -> NetworkSpec:
    forward, dns = root.find("forward"), root.find("dns")
    return NetworkSpec(
        name=root.findtext("name", ""),
        uuid=root.findtext("uuid", ""),
        title=root.findtext("title", ""),
        description=root.findtext("description", ""),
        forward_mode="" if forward is None else forward.get("mode", "nat"),
        forward_devices=() if forward is None else parse_devices(forward),
        nat_ports=_span(root.find("forward/nat/port")),
        nat_addresses=_span(root.find("forward/nat/address")),
        nat_ipv6=attribute(root, "forward/nat", "ipv6") == "yes",
        bridge=attribute(root, "bridge", "name"),
        stp=attribute(root, "bridge", "stp") != "off",
        mtu=number(root.find("mtu"), "size"),
        isolated_ports=attribute(root, "port", "isolated") == "yes",
        domain=attribute(root, "domain", "name"),
        local_only=attribute(root, "domain", "localOnly") == "yes",
        dns=dns is None or dns.get("enable") != "no",
        forwarders=tuple(map(parse_forwarder, root.findall("dns/forwarder"))),
        dns_hosts=tuple(map(parse_dns_host, root.findall("dns/host"))),
        subnets=tuple(parse_subnet(ip) for ip in root.findall("ip") if ip.get("address")),
        routes=tuple(map(parse_route, root.findall("route"))),
        inbound=parse_bandwidth(root.find("bandwidth/inbound")),
        outbound=parse_bandwidth(root.find("bandwidth/outbound")),
        port_groups=tuple(map(parse_port_group, root.findall("portgroup"))),
        dnsmasq_options=tuple(option.get("value", "") for option in root.findall(f"{OPTIONS}/*")),
    )


def attribute(root: etree._Element, path: str, name: str) -> str:
    found = root.find(path)
    return "" if found is None else found.get(name, "")


def number(element: etree._Element | None, name: str) -> int | None:
    """A number that libvirt writes decimal or hexadecimal; None without one."""
    text = "" if element is None else element.get(name, "")
    try:
        return int(text, 0) if text else None
    except ValueError:
        return None


def _span(element: etree._Element | None) -> str:
    return "" if element is None else f"{element.get('start', '')}-{element.get('end', '')}"


def parse_devices(forward: etree._Element) -> tuple[str, ...]:
    """The host's devices that traffic leaves by: dev= and <interface dev=> say the same."""
    found = [forward.get("dev", ""), *(each.get("dev", "") for each in forward.findall("interface"))]
    return tuple(dict.fromkeys(filter(None, found)))


def parse_subnet(ip: etree._Element) -> SubnetSpec:
    prefix = prefix_length(ip)
    return SubnetSpec(
        address=str(ip_address(ip.get("address", ""))),
        prefix=prefix,
        ranges=tuple(map(parse_range, ip.findall("dhcp/range"))),
        hosts=tuple(map(parse_host, ip.findall("dhcp/host"))),
        tftp_root=attribute(ip, "tftp", "root"),
        boot_file=attribute(ip, "dhcp/bootp", "file"),
        boot_server=attribute(ip, "dhcp/bootp", "server"),
    )


def prefix_length(ip: etree._Element) -> int:
    """The prefix length by `prefix`, by `netmask`, or, as libvirt does without either, by class."""
    address, length = ip.get("address", ""), ip.get("prefix") or ip.get("netmask")
    try:
        return ip_interface(f"{address}/{length or _length_by_class(address)}").network.prefixlen
    except ValueError:
        text = f"{address}/{length}" if length else address
        raise DocumentError(f"<{ip.tag}>: “{text}” is no address with a prefix length.", ip.sourceline or 0) from None


def _length_by_class(address: str) -> int:
    first = ip_address(address).packed[0]
    return 64 if ":" in address else 8 if first < 128 else 16 if first < 192 else 24


def parse_range(each: etree._Element) -> RangeSpec:
    return RangeSpec(start=each.get("start", ""), end=each.get("end", ""), lease=parse_lease(each))


def parse_host(host: etree._Element) -> HostSpec:
    return HostSpec(
        mac=host.get("mac", "").lower(),
        ip=host.get("ip", ""),
        name=host.get("name", ""),
        duid=host.get("id", "").lower(),
        lease=parse_lease(host),
    )


def parse_lease(parent: etree._Element) -> int | None:
    """The lease time in seconds, 0 for ever; libvirt's unit is minutes unless it says another."""
    lease = parent.find("lease")
    expiry = number(lease, "expiry")
    return None if expiry is None else expiry * LEASE_UNITS.get(lease.get("unit", "minutes"), 60)


def parse_forwarder(each: etree._Element) -> ForwarderSpec:
    return ForwarderSpec(address=each.get("addr", ""), domain=each.get("domain", ""))


def parse_dns_host(each: etree._Element) -> DNSHostSpec:
    return DNSHostSpec(ip=each.get("ip", ""), names=tuple(name.text or "" for name in each.findall("hostname")))


def parse_route(each: etree._Element) -> RouteSpec:
    destination = f"{each.get('address', '')}/{prefix_length(each)}"
    return RouteSpec(destination=destination, gateway=each.get("gateway", ""), metric=number(each, "metric"))


def parse_bandwidth(each: etree._Element | None) -> BandwidthSpec | None:
    if each is None:
        return None
    return BandwidthSpec(**{name: number(each, name) for name in ("average", "peak", "burst", "floor")})


def parse_port_group(each: etree._Element) -> PortGroupSpec:
    tags = each.findall("vlan/tag")
    return PortGroupSpec(
        name=each.get("name", ""),
        default=each.get("default") == "yes",
        tags=tuple(number(tag, "id") or 0 for tag in tags),
        trunk=attribute(each, "vlan", "trunk") == "yes" or len(tags) > 1,
        native=next((number(tag, "id") for tag in tags if tag.get("nativeMode")), None),
        inbound=parse_bandwidth(each.find("bandwidth/inbound")),
        outbound=parse_bandwidth(each.find("bandwidth/outbound")),
    )
