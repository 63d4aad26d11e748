"""Documents of libvirt networks: parsed into a spec, built from one, edited in place. Pure: no ORM, no libvirt.

Follows libvirt's formatnetwork.html and schemas/network.rng. An edit touches only what differs: comments, foreign
namespaces and elements that are not modelled survive.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv6Interface, ip_interface

from lxml import etree

DNSMASQ = "http://libvirt.org/schemas/network/dnsmasq/1.0"
PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
# The order in which libvirt itself writes a network; a new element is put before the first that comes later.
ORDER = ("name", "uuid", "metadata", "title", "description", "forward", "bridge", "mtu", "mac", "domain", "dns", "vlan")
ORDER += ("bandwidth", "portgroup", "port", "ip", "route", f"{{{DNSMASQ}}}options")


@dataclass(frozen=True, kw_only=True)
class HostSpec:
    """A DHCP host entry."""

    mac: str = ""
    ip: str = ""
    name: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.mac, self.ip, self.name)))


@dataclass(frozen=True, kw_only=True)
class RangeSpec:
    start: str
    end: str

    def __str__(self) -> str:
        return f"{self.start}-{self.end}"


@dataclass(frozen=True, kw_only=True)
class SubnetSpec:
    """A block by the host's own address in it."""

    address: str
    prefix: int
    ranges: tuple[RangeSpec, ...] = ()
    hosts: tuple[HostSpec, ...] = ()

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


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """What the portal models of a network. An empty forward_mode is an isolated network."""

    name: str
    uuid: str = ""
    forward_mode: str = ""
    bridge: str = ""
    domain: str = ""
    dns: bool = True
    mtu: int | None = None
    subnets: tuple[SubnetSpec, ...] = ()
    dnsmasq_options: tuple[str, ...] = field(default=())

    @property
    def ip_range(self) -> str:
        """Virter's column IP-Range."""
        return ",".join(subnet.cidr for subnet in self.subnets)

    @property
    def dhcp(self) -> str:
        """Virter's column DHCP."""
        return ",".join(str(part) for subnet in self.subnets for part in subnet.ranges)

    @property
    def hosts(self) -> tuple[HostSpec, ...]:
        return tuple(host for subnet in self.subnets for host in subnet.hosts)


def read(document: str) -> etree._Element:
    """The <network> element of a document; ValueError in a sentence if there is none, or it declares a DTD."""
    try:
        root = etree.fromstring(document.encode(), PARSER)
    except etree.XMLSyntaxError as problem:
        raise ValueError(f"This is no well-formed XML: {problem.msg}") from problem
    if root.getroottree().docinfo.doctype:
        raise ValueError("A network's document has no DOCTYPE.")
    if root.tag != "network":
        raise ValueError(f"This is a <{root.tag}>, not a <network>.")
    return root


def parse(document: str) -> NetworkSpec:
    """What the portal models of a document; ValueError as of `read`."""
    root = read(document)
    forward, bridge, mtu, dns = (root.find(tag) for tag in ("forward", "bridge", "mtu", "dns"))
    domain = root.find("domain")
    return NetworkSpec(
        name=root.findtext("name", ""),
        uuid=root.findtext("uuid", ""),
        forward_mode="" if forward is None else forward.get("mode", "nat"),
        bridge="" if bridge is None else bridge.get("name", ""),
        domain="" if domain is None else domain.get("name", ""),
        dns=dns is None or dns.get("enable") != "no",
        mtu=None if mtu is None else int(mtu.get("size", 0)) or None,
        subnets=tuple(_parse_subnet(ip) for ip in root.findall("ip") if ip.get("address")),
        dnsmasq_options=tuple(option.get("value", "") for option in root.findall(f"{{{DNSMASQ}}}options/*")),
    )


def _parse_subnet(ip: etree._Element) -> SubnetSpec:
    address = ip.get("address")
    return SubnetSpec(
        address=address,
        prefix=_prefix(address, ip),
        ranges=tuple(RangeSpec(start=each.get("start"), end=each.get("end")) for each in ip.findall("dhcp/range")),
        hosts=tuple(_parse_host(host) for host in ip.findall("dhcp/host")),
    )


def _parse_host(host: etree._Element) -> HostSpec:
    return HostSpec(mac=host.get("mac", "").lower(), ip=host.get("ip", ""), name=host.get("name", ""))


def _prefix(address: str, ip: etree._Element) -> int:
    """The prefix length by `prefix`, by `netmask`, or, as libvirt does without either, by class."""
    if ip.get("prefix"):
        return int(ip.get("prefix"))
    if ip.get("netmask"):
        return ip_interface(f"{address}/{ip.get('netmask')}").network.prefixlen
    if ":" in address:
        return 64
    first = int(address.split(".")[0])
    return 8 if first < 128 else 16 if first < 192 else 24


def build(spec: NetworkSpec) -> str:
    """A fresh document."""
    return edit("<network/>", spec)


def edit(document: str, spec: NetworkSpec) -> str:
    """The document with the spec's fields written into it in place; what already has its value is not touched."""
    root = read(document)
    was = parse(document)
    _set_text(root, "name", spec.name)
    if spec.uuid:
        _set_text(root, "uuid", spec.uuid)
    if spec.forward_mode != was.forward_mode or (spec.forward_mode and root.find("forward") is None):
        _edit_forward(root, spec)
    if spec.bridge and spec.bridge != was.bridge:
        _child(root, "bridge").set("name", spec.bridge)
    if spec.mtu != was.mtu:
        _set_or_drop(root, "mtu", "size", str(spec.mtu or ""))
    if spec.domain != was.domain:
        new = root.find("domain") is None
        _set_or_drop(root, "domain", "name", spec.domain)
        if spec.domain and new:
            root.find("domain").set("localOnly", "yes")
    if spec.dns != was.dns:
        _edit_dns(root, spec.dns)
    _edit_subnets(root, spec)
    if spec.dnsmasq_options != was.dnsmasq_options:
        _edit_options(root, spec.dnsmasq_options)
    return etree.tostring(root, encoding="unicode")


def _place(root: etree._Element, element: etree._Element) -> etree._Element:
    """Insert a new child of <network> where libvirt would write it."""
    rank = ORDER.index(element.tag)
    for index, child in enumerate(root):
        if child.tag in ORDER and ORDER.index(child.tag) > rank:
            root.insert(index, element)
            return element
    root.append(element)
    return element


def _child(root: etree._Element, tag: str) -> etree._Element:
    found = root.find(tag)
    return _place(root, etree.Element(tag)) if found is None else found


def _drop(element: etree._Element) -> None:
    """Remove an element, not the text behind it."""
    parent, before = element.getparent(), element.getprevious()
    if element.tail and before is not None:
        before.tail = (before.tail or "") + element.tail
    parent.remove(element)


def _set_text(root: etree._Element, tag: str, text: str) -> None:
    if root.findtext(tag) != text:
        _child(root, tag).text = text


def _set_or_drop(root: etree._Element, tag: str, attribute: str, value: str) -> None:
    if value:
        _child(root, tag).set(attribute, value)
    elif (found := root.find(tag)) is not None:
        _drop(found)


def _edit_forward(root: etree._Element, spec: NetworkSpec) -> None:
    if (old := root.find("forward")) is not None:
        _drop(old)
    if spec.forward_mode:
        forward = _child(root, "forward")
        forward.set("mode", spec.forward_mode)
        if spec.forward_mode == "nat" and any(subnet.family == 6 for subnet in spec.subnets):
            etree.SubElement(forward, "nat", ipv6="yes")


def _edit_dns(root: etree._Element, enabled: bool) -> None:
    dns = _child(root, "dns")
    if not enabled:
        dns.set("enable", "no")
        return
    del dns.attrib["enable"]
    if not len(dns) and not dns.attrib:
        _drop(dns)


def _edit_subnets(root: etree._Element, spec: NetworkSpec) -> None:
    found = {_parse_subnet(ip).cidr: ip for ip in root.findall("ip") if ip.get("address")}
    wanted = {subnet.cidr: subnet for subnet in spec.subnets}
    for cidr in found.keys() - wanted.keys():
        _drop(found[cidr])
    for cidr, subnet in wanted.items():
        ip = found.get(cidr)
        if ip is None:
            ip = _place(root, etree.Element("ip"))
            if subnet.family == 6:
                ip.set("family", "ipv6")
            ip.set("address", subnet.address)
            ip.set("prefix", str(subnet.prefix))
        _edit_dhcp(ip, subnet)


def _edit_dhcp(ip: etree._Element, subnet: SubnetSpec) -> None:
    dhcp = ip.find("dhcp")
    if dhcp is None:
        if not subnet.dhcp:
            return
        dhcp = etree.SubElement(ip, "dhcp")
    parts = {RangeSpec(start=each.get("start"), end=each.get("end")): each for each in dhcp.findall("range")}
    hosts = {_parse_host(each): each for each in dhcp.findall("host")}
    for gone in [each for spec, each in parts.items() if spec not in subnet.ranges]:
        _drop(gone)
    for gone in [each for spec, each in hosts.items() if spec not in subnet.hosts]:
        _drop(gone)
    last = len(dhcp.findall("range"))
    for offset, spec in enumerate(spec for spec in subnet.ranges if spec not in parts):
        dhcp.insert(last + offset, etree.Element("range", start=spec.start, end=spec.end))
    dhcp.extend(_host(spec) for spec in subnet.hosts if spec not in hosts)
    if not len(dhcp):
        _drop(dhcp)


def _edit_options(root: etree._Element, options: Iterable[str]) -> None:
    tag = f"{{{DNSMASQ}}}options"
    if (old := root.find(tag)) is not None:
        _drop(old)
    if options := tuple(options):
        element = _place(root, etree.Element(tag, nsmap={"dnsmasq": DNSMASQ}))
        for option in options:
            etree.SubElement(element, f"{{{DNSMASQ}}}option", value=option)


def _host(host: HostSpec) -> etree._Element:
    values = (("mac", host.mac), ("name", host.name), ("ip", host.ip))
    return etree.Element("host", {key: value for key, value in values if value})


def host_xml(host: HostSpec) -> str:
    """A host entry for virNetworkUpdate."""
    return etree.tostring(_host(host), encoding="unicode")


def differences(wanted: NetworkSpec, found: NetworkSpec) -> tuple[str, ...]:
    """What differs, a sentence each; what libvirt fills in by itself does not count."""
    return tuple(_differences(wanted, found))


def _differences(wanted: NetworkSpec, found: NetworkSpec) -> Iterable[str]:
    fields = [("name", True), ("forward_mode", True), ("domain", True), ("bridge", bool(wanted.bridge))]
    fields += [("mtu", wanted.mtu is not None), ("dns", True), ("dnsmasq_options", True)]
    for name, counts in fields:
        one, other = getattr(wanted, name), getattr(found, name)
        if counts and one != other:
            yield f"{name.replace('_', ' ')}: found {_words(other)}, wanted {_words(one)}"
    was = {subnet.cidr: subnet for subnet in found.subnets}
    for subnet in wanted.subnets:
        if subnet.cidr not in was:
            yield f"the block {subnet.cidr} is missing"
            continue
        other = was.pop(subnet.cidr)
        if set(subnet.ranges) != set(other.ranges):
            yield f"DHCP range of {subnet.cidr}: found {_words(other.ranges)}, wanted {_words(subnet.ranges)}"
        there, asked = set(other.hosts), set(subnet.hosts)
        yield from (f"host entry {host} is missing" for host in subnet.hosts if host not in there)
        yield from (f"host entry {host} was added outside" for host in other.hosts if host not in asked)
    yield from (f"the block {cidr} was added outside" for cidr in was)


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value) or "none"
    return str(value or "none")
