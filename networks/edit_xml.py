"""Documents of libvirt networks made and changed in place. Pure: no ORM, no libvirt.

An edit touches only what differs: comments, foreign namespaces and elements that are not modelled survive.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace

from lxml import etree

from .network_xml import (
    DNSMASQ,
    LEASE_UNITS,
    OPTIONS,
    BandwidthSpec,
    DNSHostSpec,
    ForwarderSpec,
    HostSpec,
    NetworkSpec,
    PortGroupSpec,
    RangeSpec,
    RouteSpec,
    SubnetSpec,
    attribute,
    number,
    parse_dns_host,
    parse_element,
    parse_forwarder,
    parse_host,
    parse_port_group,
    parse_range,
    parse_route,
    parse_subnet,
    read,
)

# The order in which libvirt itself writes a network; a new element is put before the first that comes later.
ORDER = ("name", "uuid", "metadata", "title", "description", "forward", "bridge", "mtu", "mac", "domain", "dns", "vlan")
ORDER += ("bandwidth", "port", "ip", "route", "virtualport", "portgroup", OPTIONS)
# The modes in which libvirt makes the bridge itself, those in which it lends PCI devices, and what only those have.
OWN_BRIDGE = {"", "nat", "route", "open"}
OF_DEVICES = ("passthrough", "hostdev")
DEVICES = ("pf", "driver", "address")


def build(spec: NetworkSpec) -> str:
    """A fresh document."""
    return edit("<network/>", spec)


def edit(document: str, spec: NetworkSpec) -> str:
    """The document with the spec's fields written into it in place; what already has its value is not touched."""
    root = read(document)
    was = parse_element(root)
    for tag in ("name", "uuid", "title", "description"):
        _edit_text(root, tag, getattr(spec, tag), getattr(was, tag))
    _edit_forward(root, spec, was)
    _edit_bridge(root, spec, was)
    _edit_domain(root, spec, was)
    _edit_dns(root, spec, was)
    for tag, values in (("mtu", {"size": spec.mtu}), ("port", {"isolated": "yes" if spec.isolated_ports else None})):
        _edit_attributes(root, tag, values, {"size": was.mtu, "isolated": "yes" if was.isolated_ports else None})
    _edit_subnets(root, spec)
    _edit_list(root, "route", spec.routes, parse_route, _route)
    if (spec.inbound, spec.outbound) != (was.inbound, was.outbound):
        _edit_bandwidth(root, spec.inbound, spec.outbound)
    _edit_port_groups(root, spec.port_groups)
    if spec.dnsmasq_options != was.dnsmasq_options:
        _edit_options(root, spec.dnsmasq_options)
    return etree.tostring(root.getroottree(), encoding="unicode")


def fill_in(document: str, found: str) -> str:
    """The document with what libvirt chose before where it says nothing: the bridge's name and the host's MAC."""
    root, there = read(document), read(found)
    for tag, name in (("bridge", "name"), ("mac", "address")):
        value = attribute(there, tag, name)
        if value and not attribute(root, tag, name):
            _child(root, tag).set(name, value)
    return etree.tostring(root.getroottree(), encoding="unicode")


def _place(root: etree._Element, element: etree._Element) -> etree._Element:
    """Insert a new child of <network> where libvirt would write it."""
    rank = ORDER.index(element.tag)
    for index, child in enumerate(root):
        if child.tag in ORDER and ORDER.index(child.tag) > rank:
            root.insert(index, element)
            return element
    root.append(element)
    return element


def _child(parent: etree._Element, tag: str) -> etree._Element:
    if (found := parent.find(tag)) is not None:
        return found
    new = etree.Element(tag)
    if parent.tag == "network":
        return _place(parent, new)
    parent.append(new)
    return new


def _drop(element: etree._Element | None) -> None:
    """Remove an element, not the text behind it."""
    if element is None:
        return
    parent, before = element.getparent(), element.getprevious()
    if element.tail and before is not None:
        before.tail = (before.tail or "") + element.tail
    parent.remove(element)
    if not len(parent) and not (parent.text or "").strip():
        parent.text = None


def _drop_if_empty(element: etree._Element | None) -> None:
    if element is not None and not len(element) and not element.attrib:
        _drop(element)


def _edit_text(root: etree._Element, tag: str, text: str, was: str) -> None:
    if text == was or (tag == "uuid" and not text):
        return
    if text:
        _child(root, tag).text = text
    else:
        _drop(root.find(tag))


def _edit_attributes(parent: etree._Element, tag: str, values: dict[str, object], was: dict[str, object]) -> None:
    """Set or take away a child's attributes that differ from what they were; an empty child goes."""
    for name, value in values.items():
        if value == was[name]:
            continue
        if value not in (None, ""):
            _child(parent, tag).set(name, str(value))
        elif (found := parent.find(tag)) is not None:
            found.attrib.pop(name, None)
            _drop_if_empty(found)


def _edit_list(
    parent: etree._Element,
    tag: str,
    wanted: Sequence[Hashable],
    parse: Callable[[etree._Element], Hashable],
    make: Callable,
) -> None:
    """Children of one tag: those wanted stay untouched, others go, new ones follow the last of them."""
    asked, found = frozenset(wanted), set()
    for element in parent.findall(tag):
        spec = parse(element)
        found.add(spec)
        if spec not in asked:
            _drop(element)
    for spec in wanted:
        if spec not in found:
            _append(parent, make(spec))


def _append(parent: etree._Element, element: etree._Element) -> None:
    """Put a child behind the last of its kind, or where libvirt would write the first."""
    if last := parent.findall(element.tag):
        parent.insert(parent.index(last[-1]) + 1, element)
    elif parent.tag == "network":
        _place(parent, element)
    elif element.tag == "range":  # libvirt writes ranges before host entries
        parent.insert(0, element)
    else:
        parent.append(element)


def _edit_forward(root: etree._Element, spec: NetworkSpec, was: NetworkSpec) -> None:
    if not spec.forward_mode:
        _drop(root.find("forward"))
        return
    forward = _child(root, "forward")
    if spec.forward_mode != was.forward_mode:
        forward.set("mode", spec.forward_mode)
        if spec.forward_mode != "nat":
            _drop(forward.find("nat"))
        if spec.forward_mode not in OF_DEVICES:
            forward.attrib.pop("managed", None)
            for each in [each for each in forward if each.tag in DEVICES]:
                _drop(each)
    if spec.forward_devices != was.forward_devices:
        _edit_devices(forward, spec.forward_devices)
    if spec.forward_mode == "nat":
        _edit_nat(forward, spec, was)


def _edit_devices(forward: etree._Element, devices: tuple[str, ...]) -> None:
    """One device is dev=, several are <interface> elements too, the first of which libvirt wants to be the same."""
    forward.attrib.pop("dev", None)
    there = {each.get("dev"): each for each in forward.findall("interface")}
    for each in there.values():
        _drop(each)
    if devices:
        forward.set("dev", devices[0])
    if len(devices) > 1 or there:
        for device in devices:
            forward.append(there.get(device, etree.Element("interface", dev=device)))


def _edit_nat(forward: etree._Element, spec: NetworkSpec, was: NetworkSpec) -> None:
    wanted = (spec.nat_ipv6, spec.nat_addresses, spec.nat_ports)
    if wanted == (was.nat_ipv6, was.nat_addresses, was.nat_ports):
        return
    nat = forward.find("nat")
    if nat is None:
        nat = etree.Element("nat")
        forward.insert(0, nat)
    _edit_attributes(forward, "nat", {"ipv6": "yes" if spec.nat_ipv6 else None}, {"ipv6": nat.get("ipv6")})
    for tag, span, before in (
        ("address", spec.nat_addresses, was.nat_addresses),
        ("port", spec.nat_ports, was.nat_ports),
    ):
        if span != before:
            _drop(nat.find(tag))
            if span:
                start, _, end = span.partition("-")
                etree.SubElement(nat, tag, start=start, end=end or start)
    if nat.getparent() is None and len(nat):  # the loss of ipv6= had emptied it
        forward.insert(0, nat)
    if nat.getparent() is not None:
        _drop_if_empty(nat)


def _edit_bridge(root: etree._Element, spec: NetworkSpec, was: NetworkSpec) -> None:
    """An empty bridge leaves it, unless it turns from one that libvirt makes into one that the host has, or back."""
    modes = {spec.forward_mode, was.forward_mode}
    if len(modes) > 1 and not modes <= OWN_BRIDGE:
        _drop(root.find("bridge"))
        was = replace(was, bridge="", stp=True)
    if spec.bridge != was.bridge and spec.bridge:
        _child(root, "bridge").set("name", spec.bridge)
    if spec.stp != was.stp:
        _child(root, "bridge").set("stp", "on" if spec.stp else "off")


def _edit_domain(root: etree._Element, spec: NetworkSpec, was: NetworkSpec) -> None:
    if not spec.domain:
        if was.domain:
            _drop(root.find("domain"))
        return
    if spec.domain != was.domain:
        _child(root, "domain").set("name", spec.domain)
    if spec.local_only != was.local_only:
        _child(root, "domain").set("localOnly", "yes" if spec.local_only else "no")


def _edit_dns(root: etree._Element, spec: NetworkSpec, was: NetworkSpec) -> None:
    kept = (spec.dns, spec.forwarders, spec.dns_hosts)
    if kept == (was.dns, was.forwarders, was.dns_hosts):
        return
    dns = _child(root, "dns")
    if spec.dns != was.dns:
        dns.attrib.pop("enable", None)
        if not spec.dns:
            dns.set("enable", "no")
    _edit_list(dns, "forwarder", spec.forwarders, parse_forwarder, _forwarder)
    _edit_list(dns, "host", spec.dns_hosts, parse_dns_host, _dns_host)
    _drop_if_empty(dns)


def _edit_subnets(root: etree._Element, spec: NetworkSpec) -> None:
    """Blocks that are wanted stay, others go; a new one takes the place of one that goes, with what is not modelled."""
    found = {parse_subnet(ip).cidr: ip for ip in root.findall("ip") if ip.get("address")}
    wanted = {subnet.cidr: subnet for subnet in spec.subnets}
    gone = {4: [], 6: []}
    for cidr, ip in found.items():
        if cidr not in wanted:
            gone[parse_subnet(ip).family].append(ip)
    for cidr, subnet in wanted.items():
        ip = found.get(cidr)
        if ip is None and gone[subnet.family]:
            ip = gone[subnet.family].pop(0)
            ip.attrib.pop("netmask", None)
            ip.attrib.update({"address": subnet.address, "prefix": str(subnet.prefix)})
        elif ip is None:
            family = {"family": "ipv6"} if subnet.family == 6 else {}
            ip = etree.Element("ip", {**family, "address": subnet.address, "prefix": str(subnet.prefix)})
            _append(root, ip)
        _edit_subnet(ip, subnet)
    for ip in (*gone[4], *gone[6]):
        _drop(ip)


def _edit_subnet(ip: etree._Element, subnet: SubnetSpec) -> None:
    was = parse_subnet(ip)
    if subnet.tftp_root != was.tftp_root:
        _drop(ip.find("tftp"))
        if subnet.tftp_root:
            ip.insert(0, etree.Element("tftp", root=subnet.tftp_root))
    if not (subnet.dhcp or subnet.boot_file) and ip.find("dhcp") is None:
        return
    dhcp = _child(ip, "dhcp")
    _edit_list(dhcp, "range", subnet.ranges, parse_range, _range)
    _edit_list(dhcp, "host", subnet.hosts, parse_host, host_element)
    boot, was_boot = ({"file": each.boot_file, "server": each.boot_file and each.boot_server} for each in (subnet, was))
    _edit_attributes(dhcp, "bootp", boot, was_boot)
    _drop_if_empty(dhcp)


def _edit_port_groups(root: etree._Element, groups: Sequence[PortGroupSpec]) -> None:
    """A group that changes keeps what is not modelled of it: its virtual port and more."""
    were = {each.get("name"): each for each in root.findall("portgroup")}
    _edit_list(root, "portgroup", groups, parse_port_group, _port_group)
    for group in root.findall("portgroup"):
        was = were.get(group.get("name"), group)
        if was is not group:
            group.attrib.update({name: value for name, value in was.attrib.items() if name not in ("name", "default")})
            for tag in was.findall("vlan/tag[@nativeMode='tagged']"):
                for each in group.findall("vlan/tag[@nativeMode]"):
                    if number(each, "id") == number(tag, "id"):
                        each.set("nativeMode", "tagged")
            group.extend(each for each in list(was) if each.tag not in ("vlan", "bandwidth"))


def _edit_bandwidth(parent: etree._Element, inbound: BandwidthSpec | None, outbound: BandwidthSpec | None) -> None:
    _drop(parent.find("bandwidth"))
    if inbound or outbound:
        bandwidth = _child(parent, "bandwidth")
        for tag, spec in (("inbound", inbound), ("outbound", outbound)):
            if spec:
                values = {name: getattr(spec, name) for name in ("average", "peak", "burst", "floor")}
                etree.SubElement(bandwidth, tag, _given(**values))


def _edit_options(root: etree._Element, options: Iterable[str]) -> None:
    _drop(root.find(OPTIONS))
    if options := tuple(options):
        element = _place(root, etree.Element(OPTIONS, nsmap={"dnsmasq": DNSMASQ}))
        for option in options:
            etree.SubElement(element, f"{{{DNSMASQ}}}option", value=option)


def _given(**values: object) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value not in (None, "")}


def host_element(host: HostSpec) -> etree._Element:
    element = etree.Element("host", _given(mac=host.mac, id=host.duid, name=host.name, ip=host.ip))
    _add_lease(element, host.lease)
    return element


def _range(spec: RangeSpec) -> etree._Element:
    element = etree.Element("range", start=spec.start, end=spec.end)
    _add_lease(element, spec.lease)
    return element


def _add_lease(parent: etree._Element, seconds: int | None) -> None:
    if seconds is None:
        return
    unit = next(unit for unit in ("hours", "minutes", "seconds") if seconds % LEASE_UNITS[unit] == 0)
    etree.SubElement(parent, "lease", expiry=str(seconds // LEASE_UNITS[unit]), unit=unit)


def _forwarder(spec: ForwarderSpec) -> etree._Element:
    return etree.Element("forwarder", _given(domain=spec.domain, addr=spec.address))


def _dns_host(spec: DNSHostSpec) -> etree._Element:
    element = etree.Element("host", ip=spec.ip)
    for name in spec.names:
        etree.SubElement(element, "hostname").text = name
    return element


def _route(spec: RouteSpec) -> etree._Element:
    address, _, prefix = spec.destination.partition("/")
    family = "ipv6" if ":" in address else None
    return etree.Element(
        "route", _given(family=family, address=address, prefix=prefix, gateway=spec.gateway, metric=spec.metric)
    )


def _port_group(spec: PortGroupSpec) -> etree._Element:
    group = etree.Element("portgroup", _given(name=spec.name, default="yes" if spec.default else None))
    if spec.tags:
        vlan = etree.SubElement(group, "vlan", {"trunk": "yes"} if spec.trunk else {})
        for tag in spec.tags:
            native = {"nativeMode": "untagged"} if tag == spec.native else {}
            etree.SubElement(vlan, "tag", {"id": str(tag), **native})
    _edit_bandwidth(group, spec.inbound, spec.outbound)
    return group
