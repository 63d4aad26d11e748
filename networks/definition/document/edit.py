"""Creation and editing of network documents in place. Pure: no ORM, no libvirt.

An edit touches only what differs: comments, foreign namespaces and elements that are not modelled survive.
"""

import copy
from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from lxml import etree

from networks.definition.document.elements import (
    dns_host_element,
    edit_bandwidth,
    forwarder_element,
    host_element,
    port_group_element,
    range_element,
    route_element,
)
from networks.definition.document.parse import (
    DNSMASQ,
    OPTION,
    OPTIONS,
    canonical,
    number,
    parse_dns_host,
    parse_element,
    parse_forwarder,
    parse_host,
    parse_port_group,
    parse_range,
    parse_route,
    parse_subnet,
    prefix_length,
    read,
    readable,
)
from networks.definition.document.tree import (
    append,
    child_element,
    edit_attributes,
    edit_list,
    edit_text,
    insert_in_order,
    remove,
    remove_if_empty,
)
from networks.definition.spec import NetworkSpec, PortGroupSpec, SubnetSpec

# The modes in which libvirt makes the bridge itself, those in which it lends PCI devices, and what only those have.
OWN_BRIDGE = {"", "nat", "route", "open"}
OF_DEVICES = ("passthrough", "hostdev")
DEVICES = ("pf", "driver", "address")


def build(spec: NetworkSpec) -> str:
    """Return a new document."""
    return edit("<network/>", spec)


def edit(document: str, spec: NetworkSpec) -> str:
    """Return the document with the fields of the spec written in place; unchanged fields are not touched."""
    root = read(document)
    was = parse_element(root)
    for tag in ("name", "uuid", "title", "description"):
        edit_text(root, tag, getattr(spec, tag), getattr(was, tag))
    _edit_forward(root, spec, was)
    _edit_bridge(root, spec, was)
    _edit_domain(root, spec, was)
    _edit_dns(root, spec, was)
    for tag, values in (("mtu", {"size": spec.mtu}), ("port", {"isolated": "yes" if spec.isolated_ports else None})):
        edit_attributes(root, tag, values, {"size": was.mtu, "isolated": "yes" if was.isolated_ports else None})
    _edit_subnets(root, spec)
    edit_list(root, "route", spec.routes, parse_route, route_element)
    if (spec.inbound, spec.outbound) != (was.inbound, was.outbound):
        edit_bandwidth(root, spec.inbound, spec.outbound)
    _edit_port_groups(root, spec.port_groups)
    if spec.dnsmasq_options != was.dnsmasq_options:
        _edit_options(root, spec.dnsmasq_options)
    return etree.tostring(root.getroottree(), encoding="unicode")


def put_hosts(document: str, of: str) -> str:
    """Return a document without reservations with those of another, in their blocks and, if possible, places."""
    root = read(document)
    blocks = [ip for ip in root.findall("ip") if readable(ip)]
    for source in (ip for ip in read(of).findall("ip") if readable(ip) and ip.find("dhcp/host") is not None):
        ip = _take(blocks, parse_subnet(source).cidr)
        if ip is not None:
            _put_hosts(ip, source.find("dhcp"))
    return etree.tostring(root.getroottree(), encoding="unicode")


def _put_hosts(ip: etree._Element, source: etree._Element) -> None:
    dhcp, bare = child_element(ip, "dhcp"), copy.deepcopy(source)
    for host in bare.findall("host"):
        remove(host)
    if [(each.tag, dict(each.attrib)) for each in dhcp] == [(each.tag, dict(each.attrib)) for each in bare]:
        ip.replace(dhcp, copy.deepcopy(source))
    else:
        dhcp.extend(copy.deepcopy(source).findall("host"))


def _edit_forward(root: etree._Element, spec: NetworkSpec, was: NetworkSpec) -> None:
    if not spec.forward_mode:
        remove(root.find("forward"))
        return
    forward = child_element(root, "forward")
    if spec.forward_mode != was.forward_mode:
        forward.set("mode", spec.forward_mode)
        if spec.forward_mode != "nat":
            remove(forward.find("nat"))
        if spec.forward_mode not in OF_DEVICES:
            forward.attrib.pop("managed", None)
            for each in [each for each in forward if each.tag in DEVICES]:
                remove(each)
    if spec.forward_devices != was.forward_devices:
        _edit_devices(forward, spec.forward_devices)
    if spec.forward_mode == "nat":
        _edit_nat(forward, spec, was)


def _edit_devices(forward: etree._Element, devices: tuple[str, ...]) -> None:
    """Write one device as dev=, several also as <interface> elements, whose first libvirt expects to be the same."""
    forward.attrib.pop("dev", None)
    there = {each.get("dev"): each for each in forward.findall("interface")}
    for each in there.values():
        remove(each)
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
    edit_attributes(forward, "nat", {"ipv6": "yes" if spec.nat_ipv6 else None}, {"ipv6": nat.get("ipv6")})
    for tag, span, before in (
        ("address", spec.nat_addresses, was.nat_addresses),
        ("port", spec.nat_ports, was.nat_ports),
    ):
        if span != before:
            remove(nat.find(tag))
            if span:
                start, _, end = span.partition("-")
                etree.SubElement(nat, tag, start=start, end=end or start)
    if nat.getparent() is None and len(nat):  # the loss of ipv6= had emptied it
        forward.insert(0, nat)
    if nat.getparent() is not None:
        remove_if_empty(nat)


def _edit_bridge(root: etree._Element, spec: NetworkSpec, was: NetworkSpec) -> None:
    """Write the bridge; an empty name keeps it unless it changes between libvirt's own and one of the host."""
    modes = {spec.forward_mode, was.forward_mode}
    if len(modes) > 1 and not modes <= OWN_BRIDGE:
        remove(root.find("bridge"))
        was = replace(was, bridge="", stp=True)
    if spec.bridge != was.bridge and spec.bridge:
        child_element(root, "bridge").set("name", spec.bridge)
    if spec.stp != was.stp:
        child_element(root, "bridge").set("stp", "on" if spec.stp else "off")


def _edit_domain(root: etree._Element, spec: NetworkSpec, was: NetworkSpec) -> None:
    if not spec.domain:
        if was.domain:
            remove(root.find("domain"))
        return
    if spec.domain != was.domain:
        child_element(root, "domain").set("name", spec.domain)
    if spec.local_only != was.local_only:
        child_element(root, "domain").set("localOnly", "yes" if spec.local_only else "no")


def _edit_dns(root: etree._Element, spec: NetworkSpec, was: NetworkSpec) -> None:
    kept = (spec.dns, spec.forwarders, spec.dns_hosts)
    if kept == (was.dns, was.forwarders, was.dns_hosts):
        return
    dns = child_element(root, "dns")
    if spec.dns != was.dns:
        dns.attrib.pop("enable", None)
        if not spec.dns:
            dns.set("enable", "no")
    edit_list(dns, "forwarder", spec.forwarders, parse_forwarder, forwarder_element)
    edit_list(dns, "host", spec.dns_hosts, parse_dns_host, dns_host_element)
    remove_if_empty(dns)


def _edit_subnets(root: etree._Element, spec: NetworkSpec) -> None:
    """Write the blocks: desired ones stay, and a new one replaces a removed one with what is not modelled of it."""
    left = [ip for ip in root.findall("ip") if readable(ip)]
    kept = [_take(left, subnet.cidr) for subnet in spec.subnets]
    for subnet, ip in zip(spec.subnets, kept, strict=True):
        if ip is None:
            ip = next((each for each in left if parse_subnet(each).family == subnet.family), None)
            if ip is not None:
                left.remove(ip)
                for name in ("netmask", "prefix"):
                    ip.attrib.pop(name, None)
                ip.attrib.update(_block(subnet))
            else:
                ip = etree.Element("ip", _block(subnet))
                append(root, ip)
        _edit_subnet(ip, subnet)
    for ip in left:
        remove(ip)


def _block(subnet: SubnetSpec) -> dict[str, str]:
    """Return the attributes of a block. Virter reads IPv4 blocks by netmask alone."""
    if subnet.family == 6:
        return {"family": "ipv6", "address": subnet.address, "prefix": str(subnet.prefix)}
    return {"address": subnet.address, "netmask": str(subnet.interface.netmask)}


def _take(ips: list[etree._Element], cidr: str) -> etree._Element | None:
    """Remove the first element of that block from the list and return it."""
    found = next((ip for ip in ips if f"{canonical(ip.get('address', ''))}/{prefix_length(ip)}" == cidr), None)
    if found is not None:
        ips.remove(found)
    return found


def _edit_subnet(ip: etree._Element, subnet: SubnetSpec) -> None:
    was = parse_subnet(ip)
    if subnet.tftp_root != was.tftp_root:
        remove(ip.find("tftp"))
        if subnet.tftp_root:
            ip.insert(0, etree.Element("tftp", root=subnet.tftp_root))
    if replace(was, tftp_root=subnet.tftp_root) == subnet:
        return
    dhcp = child_element(ip, "dhcp")
    edit_list(dhcp, "range", subnet.ranges, parse_range, range_element)
    edit_list(dhcp, "host", subnet.hosts, parse_host, host_element)
    boot, was_boot = ({"file": each.boot_file, "server": each.boot_file and each.boot_server} for each in (subnet, was))
    edit_attributes(dhcp, "bootp", boot, was_boot)
    remove_if_empty(dhcp)


def _edit_port_groups(root: etree._Element, groups: Sequence[PortGroupSpec]) -> None:
    """Write the port groups; a changed one keeps what is not modelled of it, such as its virtual port."""
    were = {each.get("name"): each for each in root.findall("portgroup")}
    edit_list(root, "portgroup", groups, parse_port_group, port_group_element)
    for group in root.findall("portgroup"):
        was = were.get(group.get("name"), group)
        if was is not group:
            group.attrib.update({name: value for name, value in was.attrib.items() if name not in ("name", "default")})
            for tag in was.findall("vlan/tag[@nativeMode='tagged']"):
                for each in group.findall("vlan/tag[@nativeMode]"):
                    if number(each, "id") == number(tag, "id"):
                        each.set("nativeMode", "tagged")
            group.extend(each for each in list(was) if each.tag not in ("vlan", "bandwidth"))


def _edit_options(root: etree._Element, options: Sequence[str]) -> None:
    """Write the options in their order, which may matter to dnsmasq; unchanged ones stay where they are."""
    element = root.find(OPTIONS)
    if element is None:
        element = insert_in_order(root, etree.Element(OPTIONS, nsmap={"dnsmasq": DNSMASQ}))
    there = element.findall(OPTION)
    matcher = SequenceMatcher(None, [each.get("value", "") for each in there], options, autojunk=False)
    for _, start, end, first, last in reversed([code for code in matcher.get_opcodes() if code[0] != "equal"]):
        for option in options[first:last]:
            new = etree.Element(OPTION, value=option)
            if start < len(there):
                there[start].addprevious(new)
            else:
                element.append(new)
        for each in there[start:end]:
            remove(each)
    remove_if_empty(element)
