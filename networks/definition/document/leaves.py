"""Facts of a network's document, in one spelling and without defaults. Pure.

Every attribute and text is a leaf with its path. An entry of a list (DHCP reservations, ranges, port groups …) is one
leaf as a whole. Elements that are not modelled are compared like all others.
"""

import copy
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple

from lxml import etree

from networks.definition import wording
from networks.definition.document.parse import (
    OPTION,
    OPTIONS,
    block_text,
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
    read,
)

# Lists of entries, by their path under <network>, and how a line shows an entry.
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


class Field(NamedTuple):
    """A field of a document by the path of its leaves, and the block that it belongs to ("" outside blocks)."""

    path: str
    block: str = ""

    def __str__(self) -> str:
        return wording.title(*self)


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """One fact of a document: its place, the block it belongs to ("" outside blocks), and its value in normal form."""

    path: str
    value: str
    block: str = ""

    @property
    def field(self) -> Field:
        return Field(self.path, "" if self.path == "ip" else self.block)

    @property
    def title(self) -> str:
        """Return the name of the field in forms, with its block."""
        return str(self.field)


def normal_form(document: str) -> etree._Element:
    """Return the document in one spelling where several are possible, without defaults and comments."""
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
    """Return an IPv6 address, MAC or DUID in its one spelling; IPv4 has only one."""
    if name not in ("mac", "id"):
        with suppress(ValueError):
            return str(ip_address(value))
    return value.lower()


@lru_cache(maxsize=64)
def leaves(document: str) -> dict[Leaf, etree._Element]:
    """Return every fact of a document, each with the element that states it; to be read only."""
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
            yield Leaf(path=words_of(place), value=_shown(place, child), block=block), child
        elif tag in ("inbound", "outbound"):
            yield Leaf(path=words_of(place), value=str(parse_bandwidth(child)), block=block), child
        elif place in ("forward/nat/port", "forward/nat/address"):
            yield Leaf(path=words_of(place), value=f"{child.get('start')}-{child.get('end')}"), child
        elif place == "ip":
            cidr = cidr_of(child)
            yield Leaf(path="ip", value=cidr, block=cidr), child
            for name in ("address", "prefix", "netmask", "family"):
                child.attrib.pop(name, None)
            yield from _walk(child, place, cidr)
        elif not len(child) and child.text and child.text.strip():
            yield Leaf(path=words_of(place), value=child.text.strip(), block=block), child
        else:
            yield from _walk(child, place, block)


def cidr_of(ip: etree._Element) -> str:
    """Return the name of a block: the host's address in it with its prefix length."""
    return block_text(ip)


def _joined(path: str, name: str) -> str:
    return f"{words_of(path)} {name}".strip()


def words_of(place: str) -> str:
    """Return the path of a leaf as text: ip/dhcp/host is “ip dhcp host”."""
    return place.replace(f"{OPTIONS}/{OPTION}", "dnsmasq option").replace("/", " ")


def _shown(place: str, element: etree._Element) -> str:
    """Return an entry of a list as one line, or as XML if it has more than the portal models."""
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


LISTS = {words_of(place) for place in RECORDS} | {"ip"}
