"""Two documents of a network compared by what they mean, whatever the order, spelling or defaults. Pure.

Every attribute and text of a document is a leaf with its path; what comes in lists (host entries, ranges, port groups
…) is one leaf as a whole. So elements that are not modelled are compared as well as those that are.
"""

import copy
import difflib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

from lxml import etree

from .network_xml import (
    DNSMASQ,
    OPTIONS,
    number,
    parse_bandwidth,
    parse_devices,
    parse_dns_host,
    parse_forwarder,
    parse_host,
    parse_lease,
    parse_port_group,
    parse_range,
    parse_route,
    prefix_length,
    read,
)

OPTION = f"{{{DNSMASQ}}}option"

# What comes in lists, by its place under <network>, and how a line shows it.
RECORDS = {
    "ip/dhcp/host": parse_host,
    "ip/dhcp/range": parse_range,
    "dns/host": parse_dns_host,
    "dns/forwarder": parse_forwarder,
    "dns/txt": None,
    "dns/srv": None,
    "forward/interface": lambda each: each.get("dev", ""),
    "forward/address": None,
    "portgroup": parse_port_group,
    "route": parse_route,
    "vlan/tag": None,
    "metadata": None,
    f"{OPTIONS}/{OPTION}": lambda each: each.get("value", ""),
}

# Defaults that libvirt may or may not write: (path, attribute, value).
DEFAULTS = (
    ("bridge", "stp", "on"),
    ("bridge", "delay", "0"),
    ("bridge", "macTableManager", "kernel"),
    ("dns", "enable", "yes"),
    ("domain", "localOnly", "no"),
    ("forward", "managed", "no"),
    ("forward/nat", "ipv6", "no"),
    ("ip", "localPtr", "no"),
    ("portgroup", "default", "no"),
    ("portgroup/vlan", "trunk", "no"),
    ("vlan", "trunk", "no"),
    ("port", "isolated", "no"),
    (".", "ipv6", "no"),
)

# What libvirt fills in where a document says nothing; found alone, it is no difference.
FILLED = {"uuid", "mac address", "bridge name"}

TITLES = {
    "name": "Name",
    "uuid": "UUID",
    "title": "Title",
    "description": "Description",
    "metadata": "Metadata",
    "forward mode": "Forward mode",
    "forward interface": "Forward device",
    "forward nat ipv6": "NAT of IPv6",
    "forward nat port": "NAT ports",
    "forward nat address": "NAT addresses",
    "bridge name": "Bridge",
    "bridge stp": "STP",
    "bridge delay": "Bridge delay",
    "bridge zone": "Firewall zone",
    "mtu size": "MTU",
    "mac address": "MAC of the host",
    "port isolated": "Isolated ports",
    "domain name": "Domain",
    "domain localOnly": "Domain answered here only",
    "dns enable": "DNS",
    "dns forwarder": "DNS forwarder",
    "dns host": "DNS host",
    "dns txt": "TXT record",
    "dns srv": "SRV record",
    "ip": "Block",
    "ip tftp root": "TFTP root",
    "ip dhcp range": "DHCP range",
    "ip dhcp host": "Host entry",
    "ip dhcp bootp file": "Boot file",
    "ip dhcp bootp server": "Boot server",
    "route": "Route",
    "portgroup": "Port group",
    "vlan tag": "VLAN tag",
    "vlan trunk": "VLAN trunk",
    "dnsmasq option": "dnsmasq option",
    "bandwidth inbound": "Bandwidth in",
    "bandwidth outbound": "Bandwidth out",
}


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """One fact of a document: its place, the block it belongs to ("" outside blocks), and its value in normal form."""

    path: str
    value: str
    block: str = ""

    @property
    def title(self) -> str:
        """The field's name as forms have it, with its block."""
        title = TITLES.get(self.path, self.path)
        return f"{title} of {self.block}" if self.block and self.path != "ip" else title


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A field whose value was found otherwise than wanted; of a list each entry by itself, the other side empty."""

    field: str
    wanted: str
    found: str
    listed: bool

    def __str__(self) -> str:
        if not self.listed:
            return f"{self.field}: found {self.found or 'none'}, wanted {self.wanted or 'none'}"
        if self.found:
            return f"{self.field} {self.found} was added outside"
        return f"{self.field} {self.wanted} is missing"


def normal_form(document: str) -> etree._Element:
    """The document with one spelling for what can be spelled in several ways, and without defaults and comments."""
    root = copy.deepcopy(read(document))
    etree.strip_tags(root, etree.Comment, etree.ProcessingInstruction)
    root.attrib.pop("connections", None)
    for each in root.findall("forward") + root.findall("forward/*"):
        each.attrib.pop("connections", None)
    _normalise_forward(root.find("forward"))
    for path, name, value in DEFAULTS:
        for each in [root] if path == "." else root.findall(path):
            if each.get(name) == value:
                del each.attrib[name]
    for each in root.findall("portgroup"):
        each[:] = sorted(each, key=lambda child: child.tag)
    for each in root.iter("vlan"):
        if len(each.findall("tag")) > 1:
            each.set("trunk", "yes")
    for each in root.iter("lease"):
        each.set("expiry", str(parse_lease(each.getparent())))
        each.set("unit", "seconds")
    for each in root.iter():
        for name in ("address", "gateway", "ip", "start", "end", "addr", "mac", "id"):
            if ":" in (value := each.get(name, "")):
                each.set(name, _one_spelling(name, value))
    return root


def _normalise_forward(forward: etree._Element | None) -> None:
    if forward is None:
        return
    if forward.get("mode", "nat") == "nat":
        forward.set("mode", "nat")
        port = forward.find("nat/port")
        if port is not None and (port.get("start"), port.get("end")) == ("1024", "65535"):
            port.getparent().remove(port)
    for each in forward.findall("address"):
        for name in ("domain", "bus", "slot", "function"):
            if (place := number(each, name)) is not None:
                each.set(name, hex(place))
    devices = parse_devices(forward)
    forward.attrib.pop("dev", None)
    for each in forward.findall("interface"):
        forward.remove(each)
    if forward.find("pf") is None:
        forward.extend(etree.Element("interface", dev=device) for device in devices)
    else:  # of a running network libvirt lists what it found of the pf
        etree.strip_elements(forward, "address", with_tail=False)


def _one_spelling(name: str, value: str) -> str:
    """IPv6 addresses, MACs and DUIDs; IPv4 has only one."""
    if name not in ("mac", "id"):
        with suppress(ValueError):
            return str(ip_address(value))
    return value.lower()


@lru_cache(maxsize=64)
def leaves(document: str) -> dict[Leaf, etree._Element]:
    """Every fact of a document, each with the element that states it; to be read only."""
    root = normal_form(document)
    found: dict[Leaf, etree._Element] = {}
    for leaf, element in _walk(root, "", ""):
        found.setdefault(leaf, element)
    return found


def _walk(parent: etree._Element, path: str, block: str) -> Iterator[tuple[Leaf, etree._Element]]:
    for name, value in parent.attrib.items():
        yield Leaf(path=_joined(path, name), value=value, block=block), parent
    for child in parent:
        tag = child.tag
        place = f"{path}/{tag}" if path else tag
        if place in RECORDS:
            yield Leaf(path=_words(place), value=_shown(place, child), block=block), child
        elif tag in ("inbound", "outbound"):
            yield Leaf(path=_words(place), value=str(parse_bandwidth(child)), block=block), child
        elif place in ("forward/nat/port", "forward/nat/address"):
            yield Leaf(path=_words(place), value=f"{child.get('start')}-{child.get('end')}"), child
        elif place == "ip":
            cidr = f"{child.get('address', '')}/{prefix_length(child)}" if child.get("address") else "no address"
            yield Leaf(path="ip", value=cidr, block=cidr), child
            for name in ("address", "prefix", "netmask", "family"):
                child.attrib.pop(name, None)
            yield from _walk(child, place, cidr)
        elif not len(child) and child.text and child.text.strip():
            yield Leaf(path=_words(place), value=child.text.strip(), block=block), child
        else:
            yield from _walk(child, place, block)


def _joined(path: str, name: str) -> str:
    return f"{_words(path)} {name}".strip()


def _words(place: str) -> str:
    return place.replace(f"{OPTIONS}/{OPTION}", "dnsmasq option").replace("/", " ")


def _shown(place: str, element: etree._Element) -> str:
    """A list's entry as one line that says everything of it; its XML where it says more than the portal models."""
    show = RECORDS[place]
    text = str(show(element)) if show else ""
    if text and not (place == "portgroup" and _says_more(element)):
        return text
    if not len(element) and not (element.text or "").strip() and element.attrib:
        return " ".join(f"{name}={value}" for name, value in sorted(element.attrib.items()))
    bare = copy.deepcopy(element)
    bare.tail = None
    for each in bare.iter():
        each.text, each.tail = ((text or "").strip() or None for text in (each.text, each.tail))
    return etree.tostring(bare, method="c14n2").decode()


def _says_more(group: etree._Element) -> bool:
    unknown = group.find("virtualport") is not None or group.find("vlan/tag[@nativeMode='tagged']") is not None
    return unknown or "trustGuestRxFilters" in group.attrib


def differences(wanted: str, found: str) -> tuple[Difference, ...]:
    """What differs between two documents, field by field; what libvirt fills in by itself does not count."""
    return tuple(describe(*changed(leaves(wanted), leaves(found))))


def changed(wanted: Iterable[Leaf], found: Iterable[Leaf]) -> tuple[list[Leaf], list[Leaf]]:
    """The leaves that are missing in what was found, and those that are there too many."""
    asked, there = dict.fromkeys(wanted), dict.fromkeys(found)
    places = {leaf.path for leaf in asked}
    missing = [leaf for leaf in asked if leaf not in there]
    extra = [leaf for leaf in there if leaf not in asked and (leaf.path in places or leaf.path not in FILLED)]
    return missing, extra


LISTS = {_words(place) for place in RECORDS} | {"ip"}


def describe(missing: list[Leaf], extra: list[Leaf]) -> Iterator[Difference]:
    """Differences in words, in the order of the documents."""
    others = {(leaf.path, leaf.block): leaf for leaf in extra if leaf.path not in LISTS}
    for leaf in missing:
        listed = leaf.path in LISTS
        other = None if listed else others.pop((leaf.path, leaf.block), None)
        yield Difference(field=leaf.title, wanted=leaf.value, found=other.value if other else "", listed=listed)
    for leaf in extra:
        if leaf.path in LISTS or (leaf.path, leaf.block) in others:
            yield Difference(field=leaf.title, wanted="", found=leaf.value, listed=leaf.path in LISTS)


def pretty(document: str) -> str:
    """The document indented as libvirt indents it."""
    root = read(document)
    etree.indent(root, "  ")
    return etree.tostring(root.getroottree(), encoding="unicode") + "\n"


def line_differences(before: str, after: str) -> list[str]:
    """A unified diff of two documents, without its two headings."""
    lines = (pretty(each).splitlines() if each else [] for each in (before, after))
    return list(difflib.unified_diff(*lines, lineterm="", n=3))[2:]
