"""Parser of network documents into what the portal models of them. Pure: no ORM, no libvirt.

Follows libvirt's formatnetwork.html and schemas/network.rng.
"""

from ipaddress import ip_address, ip_interface
from socket import AF_INET, inet_pton

from lxml import etree

from networks.definition import value_wording as _wording  # noqa: F401, adds the texts of the messages
from networks.definition.spec import (
    LEASE_UNITS,
    BandwidthSpec,
    DNSHostSpec,
    ForwarderSpec,
    HostSpec,
    NetworkSpec,
    PortGroupSpec,
    RangeSpec,
    RouteSpec,
    SubnetSpec,
    address_or_none,
)
from virterweb.hypervisors.gateway import marks
from virterweb.hypervisors.gateway.bounds import LARGEST, bounded
from virterweb.messages import InvalidValue, Message

DNSMASQ = "http://libvirt.org/schemas/network/dnsmasq/1.0"
OPTIONS = f"{{{DNSMASQ}}}options"
OPTION = f"{{{DNSMASQ}}}option"
PARSER = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


class DocumentError(InvalidValue):
    """Text that is not a document of a network: the reason, and the line (0 if it is no particular one)."""

    def __init__(self, message: Message, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


def read(document: str) -> etree._Element:
    """Return the <network> element of a document, without the marks of portals.

    Raises: DocumentError if there is none, or it declares a DTD.
    """
    try:
        root = etree.fromstring(document.encode(), PARSER)
    except etree.XMLSyntaxError as problem:
        raise DocumentError(Message("value.xml", text=problem.msg), problem.lineno or 0) from problem
    if root.getroottree().docinfo.doctype:
        line = document[: document.find("<!DOCTYPE")].count("\n") + 1
        raise DocumentError(Message("value.xml_doctype"), line)
    if root.tag != "network":
        raise DocumentError(Message("value.xml_root", tag=root.tag), root.sourceline or 0)
    marks.remove(root)  # a copied document may have one
    return root


def parse(document: str) -> NetworkSpec:
    """Return what the portal models of a document; raise DocumentError as `read` does."""
    return parse_element(read(document))


def parse_element(root: etree._Element) -> NetworkSpec:
    forward, dns = root.find("forward"), root.find("dns")
    return NetworkSpec(
        name=root.findtext("name", ""),
        uuid=root.findtext("uuid", ""),
        title=str(root.xpath("string(title)")),
        description=str(root.xpath("string(description)")),
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
        subnets=tuple(parse_subnet(ip) for ip in root.findall("ip") if readable(ip)),
        routes=tuple(map(parse_route, root.findall("route"))),
        inbound=parse_bandwidth(root.find("bandwidth/inbound")),
        outbound=parse_bandwidth(root.find("bandwidth/outbound")),
        port_groups=tuple(map(parse_port_group, root.findall("portgroup"))),
        dnsmasq_options=tuple(option.get("value", "") for option in root.findall(f"{OPTIONS}/{OPTION}")),
    )


def attribute(root: etree._Element, path: str, name: str) -> str:
    found = root.find(path)
    return "" if found is None else found.get(name, "")


def number(element: etree._Element | None, name: str) -> int | None:
    """Return a number that libvirt writes decimal or hexadecimal; None without one."""
    text = "" if element is None else element.get(name, "")
    try:
        return min(int(text, 0), LARGEST) if text else None
    except ValueError:
        return None


def canonical(ip: str) -> str:
    """Return an address in its canonical form, or the text as it is if it is none."""
    try:
        inet_pton(AF_INET, ip)  # accepts IPv4 in that form alone, and is quick: a network may have thousands
        return ip
    except (OSError, ValueError):
        return str(address_or_none(ip) or ip)


def _span(element: etree._Element | None) -> str:
    return "" if element is None else f"{element.get('start', '')}-{element.get('end', '')}"


def parse_devices(forward: etree._Element) -> tuple[str, ...]:
    """Return the host's devices for outgoing traffic: dev= and <interface dev=> mean the same."""
    found = [forward.get("dev", ""), *(each.get("dev", "") for each in forward.findall("interface"))]
    return tuple(dict.fromkeys(filter(None, found)))


def readable(ip: etree._Element) -> bool:
    """Return whether it is a block: libvirt also stores one without an address, or with an invalid netmask."""
    return prefix_length(ip) is not None


def parse_subnet(ip: etree._Element) -> SubnetSpec:
    """Return the spec of a `readable` block."""
    return SubnetSpec(
        address=str(ip_address(ip.get("address", ""))),
        prefix=prefix_length(ip) or 0,
        ranges=tuple(map(parse_range, ip.findall("dhcp/range"))),
        hosts=tuple(map(parse_host, ip.findall("dhcp/host"))),
        tftp_root=attribute(ip, "tftp", "root"),
        boot_file=attribute(ip, "dhcp/bootp", "file"),
        boot_server=attribute(ip, "dhcp/bootp", "server"),
    )


def prefix_length(ip: etree._Element) -> int | None:
    """Return the prefix length from `prefix` or `netmask`, or without both from the class; None if invalid."""
    address, length = ip.get("address", ""), ip.get("prefix") or ip.get("netmask")
    try:
        interface = ip_interface(f"{address}/{length or _length_by_class(address)}")
    except ValueError:
        return None
    written = length is None or "." not in length or str(interface.netmask) == length  # 0.0.0.255 is no netmask
    return interface.network.prefixlen if written else None


def block_text(ip: etree._Element) -> str:
    """Return a block, or the target of a route, as it is shown; as it is written if it is not valid."""
    address = ip.get("address", "")
    length = prefix_length(ip)
    if length is None:
        return "/".join(filter(None, (address, ip.get("prefix") or ip.get("netmask")))) or "no address"
    return f"{address}/{length}"


def _length_by_class(address: str) -> int:
    first = ip_address(address).packed[0]
    return 64 if ":" in address else 8 if first < 128 else 16 if first < 192 else 24


def parse_range(each: etree._Element) -> RangeSpec:
    return RangeSpec(start=each.get("start", ""), end=each.get("end", ""), lease=parse_lease(each))


def parse_host(host: etree._Element) -> HostSpec:
    return HostSpec(
        mac=host.get("mac", "").lower(),
        ip=canonical(host.get("ip", "")),
        name=host.get("name", ""),
        duid=host.get("id", "").lower(),
        lease=parse_lease(host),
    )


def parse_lease(parent: etree._Element) -> int | None:
    """Return the lease time in seconds, 0 for infinite; the default unit of libvirt is minutes."""
    lease = parent.find("lease")
    expiry = number(lease, "expiry")
    if expiry is None or expiry < 0:
        return None
    return bounded(expiry * LEASE_UNITS.get(lease.get("unit", "minutes"), 60))


def parse_forwarder(each: etree._Element) -> ForwarderSpec:
    return ForwarderSpec(address=each.get("addr", ""), domain=each.get("domain", ""))


def parse_dns_host(each: etree._Element) -> DNSHostSpec:
    return DNSHostSpec(ip=each.get("ip", ""), names=tuple(name.text or "" for name in each.findall("hostname")))


def parse_route(each: etree._Element) -> RouteSpec:
    return RouteSpec(destination=block_text(each), gateway=each.get("gateway", ""), metric=number(each, "metric"))


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
