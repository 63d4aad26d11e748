"""A network as text for a ticket or a script: Virter's command, a virsh script, a Terraform resource. Pure.

No ORM, no libvirt. What a tool cannot say is found by building what it would make of its words, and comparing.
"""

import copy
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace

from lxml import etree

from . import addressing
from .compare_xml import TITLES, differences
from .edit_xml import OWN_BRIDGE, build, edit
from .network_xml import (
    DNSHostSpec,
    ForwarderSpec,
    HostSpec,
    NetworkSpec,
    RangeSpec,
    RouteSpec,
    SubnetSpec,
    parse,
    parse_element,
    read,
)

XSL = "http://www.w3.org/1999/XSL/Transform"
STYLESHEET = f"""\
<xsl:stylesheet version="1.0" xmlns:xsl="{XSL}">
  <xsl:output omit-xml-declaration="yes"/>
  <xsl:template match="/">
    <network/>
  </xsl:template>
</xsl:stylesheet>"""
SRV = ("service", "protocol", "domain", "target", "port", "weight", "priority")
SMALLEST_OF_PROVIDER = 8  # it refuses blocks of fewer addresses


def virter(document: str) -> str:
    """`virter network add NAME …`, after a comment on the fields that Virter has no flag for."""
    made = _made_by_virter(parse(document))
    note = _note("Virter has no flag for", _left_out(document, build(made)))
    return note + shlex.join(["virter", "network", "add", *_virter_words(made)])


def virsh(document: str, autostart: bool = True) -> str:
    """A shell script that defines the network and starts it, on any host where its name is free."""
    xml = _text(_as_for_any_host(document))
    end = _delimiter(xml)
    name = shlex.quote(parse(document).name)
    lines = ["#!/bin/sh", "set -e", f"virsh net-define --file /dev/stdin <<'{end}'", xml, end]
    if autostart:
        lines.append(f"virsh net-autostart --network {name}")
    return "\n".join([*lines, f"virsh net-start --network {name}", ""])


def terraform(document: str, autostart: bool = True) -> str:
    """A `libvirt_network` of the provider dmacvicar/libvirt, 0.7 or 0.8; what has no argument comes in by XSLT."""
    root = _as_for_any_host(document)
    made = _made_by_provider(parse_element(root))
    services = [] if made.forward_mode == "bridge" else root.findall("dns/srv")
    left = _left_out(document, _with_services(made, services))
    lines = [*_terraform_lines(made, autostart), *_dns_lines(made, services), *_route_lines(made)]
    note, sheet = "Left out, for the provider has no argument for them", _stylesheet(root)
    if left and sheet:
        note, end = "The provider has no arguments for these, so XSLT puts them in", _delimiter(sheet)
        lines += ["", "  xml {", f"    xslt = <<{end}", sheet, end, "  }"]
    label = re.sub(r"^(?=[^A-Za-z_]|$)", "_", re.sub(r"[^A-Za-z0-9_-]", "_", made.name))
    head = f"# For the provider dmacvicar/libvirt, version 0.7 or 0.8.\n{_note(note, left)}"
    return "\n".join([f'{head}resource "libvirt_network" "{label}" {{', *lines, "}", ""])


def _left_out(document: str, made: str) -> list[str]:
    """The titles of the fields that a tool makes otherwise than the document has them.

    What libvirt writes into every definition by itself, no tool needs to say.
    """
    spec = parse(document)
    filled = {("uuid", spec.uuid.strip())}
    if spec.forward_mode in OWN_BRIDGE and re.fullmatch(r"virbr\d+", spec.bridge):
        filled.add(("bridge name", spec.bridge))
    if (mac := read(document).find("mac")) is not None and mac.get("address", "").startswith("52:54:00:"):
        filled.add(("mac address", mac.get("address", "").lower()))
    known = {(TITLES[path], value) for path, value in filled}
    left = (one.field for one in differences(document, made) if (one.field, one.wanted) not in known)
    return list(dict.fromkeys(left))


def _note(text: str, fields: Iterable[str]) -> str:
    """A comment of one line, whatever is in the names of fields: a namespace may have line breaks."""
    names = ", ".join(" ".join(field.split()) for field in fields)
    return f"# {text}: {names}\n" if names else ""


def _text(root: etree._Element) -> str:
    return etree.tostring(root.getroottree(), encoding="unicode").strip()


def _as_for_any_host(document: str) -> etree._Element:
    """The definition without its UUID, which two networks must not share, and without the count of its NICs."""
    root = read(document)
    for uuid in root.findall("uuid"):
        root.remove(uuid)
    root.attrib.pop("connections", None)
    return root


def _delimiter(text: str) -> str:
    """A word for a here-document that is no line of the text."""
    lines, word = {line.strip() for line in text.splitlines()}, "END"
    while word in lines:
        word += "_"
    return word


# Virter


def _made_by_virter(spec: NetworkSpec) -> NetworkSpec:
    """The network nearest to the wish among those that Virter's flags can ask for."""
    blocks = [block for family in (4, 6) if (block := _first_block(spec, family))]
    dhcp = bool(blocks) and all(block.ranges == _virter_range(block) != () for block in blocks)
    return NetworkSpec(
        name=spec.name,
        forward_mode=spec.forward_mode,
        nat_ipv6=spec.forward_mode == "nat" and any(block.family == 6 for block in blocks),
        domain=spec.domain,
        local_only=bool(spec.domain),
        dns=bool(spec.domain or spec.forward_mode),
        subnets=tuple(_virter_block(block, dhcp) for block in blocks),
    )


def _first_block(spec: NetworkSpec, family: int) -> SubnetSpec | None:
    return next((block for block in spec.subnets if block.family == family), None)


def _virter_block(block: SubnetSpec, dhcp: bool) -> SubnetSpec:
    plain = SubnetSpec(address=block.address, prefix=block.prefix)
    return replace(plain, ranges=block.ranges, hosts=tuple(_generated_hosts(block))) if dhcp else plain


def _virter_range(block: SubnetSpec) -> tuple[RangeSpec, ...]:
    try:
        start, end = addressing.dhcp_range(block.interface)
    except ValueError:
        return ()
    return (RangeSpec(start=str(start), end=str(end)),)


def _generated_hosts(block: SubnetSpec) -> Iterator[HostSpec]:
    """Those host entries that Virter generates: from the first address of the range on, MAC after MAC."""
    if block.family == 6:
        return
    plain = {host.ip: host for host in block.hosts if _is_plain(host)}
    ip, last = block.interface.ip + 1, block.interface.network.broadcast_address - 1
    host = plain.get(str(ip))
    while host and ip <= last:
        yield host
        ip, mac = ip + 1, addressing.mac_plus(host.mac, 1)
        host = plain.get(str(ip))
        if host and host.mac != mac:
            return


def _is_plain(host: HostSpec) -> bool:
    """An entry of nothing but MAC and address."""
    try:
        return host == HostSpec(mac=addressing.parse_mac(host.mac), ip=host.ip)
    except ValueError:
        return False


def _virter_words(made: NetworkSpec) -> Iterator[str]:
    odd = made.name.startswith("-")
    if not odd:
        yield made.name
    yield from _flag("--forward-mode", made.forward_mode)
    for flag, family in (("--network-cidr", 4), ("--network-v6-cidr", 6)):
        if block := _first_block(made, family):
            yield from _flag(flag, block.cidr)
    if made.dhcp:
        yield "--dhcp"
    if made.hosts:
        mac = made.hosts[0].mac
        number = addressing.id_of_mac(mac)
        yield from _flag("--dhcp-id", str(number)) if number else _flag("--dhcp-mac", mac)
        yield from _flag("--dhcp-count", str(len(made.hosts)))
    yield from _flag("--domain", made.domain)
    if odd:
        yield from ("--", made.name)


def _flag(name: str, value: str) -> list[str]:
    if value.startswith("-"):
        return [f"{name}={value}"]
    return [name, value] if value else []


# Terraform


def _made_by_provider(spec: NetworkSpec) -> NetworkSpec:
    """The network nearest to the wish among those that the provider's arguments can ask for.

    The provider takes networks, not host addresses: the host is always the first of each. It has DHCP in all blocks or
    none, and joins its dnsmasq options by “=”.
    """
    known = spec.forward_mode in OWN_BRIDGE or (spec.forward_mode == "bridge" and spec.bridge)
    made = NetworkSpec(
        name=spec.name,
        forward_mode=spec.forward_mode if known else "",
        bridge=spec.bridge,
        mtu=spec.mtu,
        domain=spec.domain,
        local_only=bool(spec.domain and spec.local_only),
        routes=tuple(RouteSpec(destination=route.destination, gateway=route.gateway) for route in spec.routes),
        dnsmasq_options=tuple(option for option in spec.dnsmasq_options if "=" in option),
    )
    if made.forward_mode == "bridge":
        return made
    dhcp = any(block.dhcp for block in spec.subnets)
    blocks = [block for block in spec.subnets if block.interface.network.num_addresses >= SMALLEST_OF_PROVIDER]
    return replace(
        made,
        dns=spec.dns,
        forwarders=tuple(each for each in spec.forwarders if each != ForwarderSpec()),
        dns_hosts=tuple(_dns_hosts_by_address(spec.dns_hosts)),
        subnets=tuple(dict.fromkeys(_provider_block(block, dhcp) for block in blocks)),
    )


def _provider_block(block: SubnetSpec, dhcp: bool) -> SubnetSpec:
    network = block.interface.network
    ranges = (RangeSpec(start=str(network[2]), end=str(network[-2])),)
    return SubnetSpec(address=str(network[1]), prefix=network.prefixlen, ranges=ranges if dhcp else ())


def _dns_hosts_by_address(hosts: Iterable[DNSHostSpec]) -> Iterator[DNSHostSpec]:
    names: dict[str, list[str]] = {}
    for host in hosts:
        names.setdefault(host.ip, []).extend(host.names)
    for ip in names:
        if ip and names[ip]:
            yield DNSHostSpec(ip=ip, names=tuple(names[ip]))


def _with_services(made: NetworkSpec, services: Iterable[etree._Element]) -> str:
    """The document of what the provider makes: 0.8 leaves DNS on whatever is said, and both leave out what is 0."""
    root = etree.Element("network")
    dns = etree.SubElement(root, "dns")
    for each in services:
        etree.SubElement(dns, "srv", {name: each.get(name) for name in SRV if each.get(name, "0") != "0"})
    return edit(_text(root), replace(made, dns=True))


def _terraform_lines(made: NetworkSpec, autostart: bool) -> Iterator[str]:
    yield from _arguments(
        name=made.name,
        mode=made.forward_mode or "none",
        bridge=made.bridge,
        mtu=made.mtu,
        domain=made.domain,
        addresses=[str(block.interface.network) for block in made.subnets],
        autostart=autostart,
    )
    if made.subnets:
        yield from ["", *_block("dhcp", *_arguments(enabled=bool(made.dhcp)))]
    lines = []
    for name, _, value in (option.partition("=") for option in made.dnsmasq_options):
        lines += _block("options", *_arguments(option_name=name, option_value=value))
    if lines:
        yield from ["", *_block("dnsmasq_options", *lines)]


def _dns_lines(made: NetworkSpec, services: Iterable[etree._Element]) -> Iterator[str]:
    blocks = [
        *(("forwarders", {"domain": each.domain, "address": each.address}) for each in made.forwarders),
        *(("hosts", {"hostname": name, "ip": host.ip}) for host in made.dns_hosts for name in host.names),
        *(("srvs", {name: each.get(name) for name in SRV}) for each in services),
    ]
    lines = [line for name, values in blocks for line in _block(name, *_arguments(**values))]
    if made.forward_mode != "bridge":  # left out, 0.7 switches DNS off and 0.8 on
        yield from ["", *_block("dns", *_arguments(enabled=made.dns, local_only=made.local_only), *lines)]


def _route_lines(made: NetworkSpec) -> Iterator[str]:
    for route in made.routes:
        yield from ["", *_block("routes", *_arguments(cidr=route.destination, gateway=route.gateway))]


def _block(name: str, *lines: str) -> list[str]:
    """A block of the resource, one step in from where it stands."""
    return [f"  {name} {{", *(f"  {line}" if line else "" for line in lines), "  }"]


def _arguments(**values: str | int | bool | list[str] | None) -> list[str]:
    """Those arguments that are given, their “=” below each other as `terraform fmt` has them."""
    given = {name: value for name, value in values.items() if value not in (None, "", [])}
    width = max(map(len, given), default=0)
    return [f"  {name:<{width}} = {_literal(value)}" for name, value in given.items()]


def _literal(value: str | int | bool | list[str]) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    return _quoted(value) if isinstance(value, str) else str(value).lower()


def _quoted(text: str) -> str:
    """A string of HCL, in which ${ and %{ begin templates."""
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(plain, escaped)
    return f'"{text.replace("${", "$${").replace("%{", "%%{")}"'


def _stylesheet(root: etree._Element) -> str:
    """XSLT that puts the document in place of any other, as text for a here-document; empty if XSLT cannot say it."""
    network = copy.deepcopy(root)
    etree.strip_tags(network, etree.Comment, etree.ProcessingInstruction)
    if XSL in _text(network):  # its elements would be carried out, not copied
        return ""
    for each in network.iter():
        for name, value in each.attrib.items():
            each.set(name, value.replace("{", "{{").replace("}", "}}"))
    sheet = etree.fromstring(STYLESHEET)
    place = sheet.find(".//network")
    network.tail = place.tail
    place.getparent().replace(place, network)
    return re.sub(r"(?<=[$%])\{", "&#123;", _text(sheet))  # ${ and %{ begin templates here too
