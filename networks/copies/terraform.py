"""A network's definition as a resource of the Terraform provider dmacvicar/libvirt. Pure."""

import copy
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from lxml import etree

from networks.copies.common import comment, delimiter, document_text, for_any_host, left_out
from networks.definition.document.edit import OWN_BRIDGE, edit
from networks.definition.document.parse import parse_element
from networks.definition.spec import DNSHostSpec, ForwarderSpec, NetworkSpec, RangeSpec, RouteSpec, SubnetSpec

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


def terraform(document: str, autostart: bool = True) -> str:
    """Return a `libvirt_network` for the provider dmacvicar/libvirt 0.7 or 0.8, with XSLT for what has no argument."""
    root = for_any_host(document)
    made = _made_by_provider(parse_element(root))
    services = [] if made.forward_mode == "bridge" else root.findall("dns/srv")
    left = left_out(document, _with_services(made, services))
    lines = [*_terraform_lines(made, autostart), *_dns_lines(made, services), *_route_lines(made)]
    note, sheet = "Left out, because the provider has no argument for them", _stylesheet(root)
    if left and sheet:
        note, end = "Added by XSLT, because the provider has no arguments for them", delimiter(sheet)
        lines += ["", "  xml {", f"    xslt = <<{end}", sheet, end, "  }"]
    label = re.sub(r"^(?=[^A-Za-z_]|$)", "_", re.sub(r"[^A-Za-z0-9_-]", "_", made.name))
    head = f"# For the provider dmacvicar/libvirt, version 0.7 or 0.8.\n{comment(note, left)}"
    return "\n".join([f'{head}resource "libvirt_network" "{label}" {{', *lines, "}", ""])


def _made_by_provider(spec: NetworkSpec) -> NetworkSpec:
    """Return the arguments whose network is most similar to the definition.

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
    """Return the document that the provider creates: 0.8 always has DNS on, and both omit values of 0."""
    root = etree.Element("network")
    dns = etree.SubElement(root, "dns")
    for each in services:
        etree.SubElement(dns, "srv", {name: each.get(name) for name in SRV if each.get(name, "0") != "0"})
    return edit(document_text(root), replace(made, dns=True))


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
    """Return a block of the resource, indented by one level."""
    return [f"  {name} {{", *(f"  {line}" if line else "" for line in lines), "  }"]


def _arguments(**values: str | int | bool | list[str] | None) -> list[str]:
    """Return the arguments that have a value, with their “=” aligned as `terraform fmt` does."""
    given = {name: value for name, value in values.items() if value not in (None, "", [])}
    width = max(map(len, given), default=0)
    return [f"  {name:<{width}} = {_literal(value)}" for name, value in given.items()]


def _literal(value: str | int | bool | list[str]) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    return _quoted(value) if isinstance(value, str) else str(value).lower()


def _quoted(text: str) -> str:
    """Return a string of HCL, in which ${ and %{ begin templates."""
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(plain, escaped)
    return f'"{text.replace("${", "$${").replace("%{", "%%{")}"'


def _stylesheet(root: etree._Element) -> str:
    """Return XSLT that replaces any document by this one, as text for a here-document; "" if XSLT cannot do that."""
    network = copy.deepcopy(root)
    etree.strip_tags(network, etree.Comment, etree.ProcessingInstruction)
    if XSL in document_text(network):  # its elements would be carried out, not copied
        return ""
    for each in network.iter():
        for name, value in each.attrib.items():
            each.set(name, value.replace("{", "{{").replace("}", "}}"))
    sheet = etree.fromstring(STYLESHEET)
    place = sheet.find(".//network")
    network.tail = place.tail
    place.getparent().replace(place, network)
    return re.sub(r"(?<=[$%])\{", "&#123;", document_text(sheet))  # ${ and %{ begin templates here too
