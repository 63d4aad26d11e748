"""Parts of a network's document that affect the hypervisor itself, which only operators may change. Pure.

What is known to stay inside the network is listed; everything else counts as reaching the host.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_network

from networks.definition.document.leaves import Leaf, leaves


class Reach(Enum):
    """How a part of a document reaches the host."""

    ROUTE = "route"
    FOLDER = "folder"
    OPTION = "option"
    FORWARD = "forward"
    BRIDGE = "bridge"
    ADDRESS = "address"
    BLOCK = "block"
    XML = "xml"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One such part: its place in the document, and its value."""

    reach: Reach
    place: str
    value: str


PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
OWN_BRIDGE = re.compile(r"virbr[A-Za-z0-9._-]*")  # what libvirt calls the bridges that it makes
OWN_MODES = {"nat", "route", "open"}
REACHING = {
    "route": Reach.ROUTE,
    "ip tftp root": Reach.FOLDER,
    "dnsmasq option": Reach.OPTION,
    "forward nat address": Reach.ADDRESS,
}
INSIDE = {
    *("name", "uuid", "title", "description", "metadata", "ipv6", "trustGuestRxFilters", "mac address", "mtu size"),
    *("forward mode", "forward interface", "forward nat port", "forward nat ipv6", "bridge name", "bridge stp"),
    *("bridge delay", "port isolated", "domain name", "domain localOnly", "domain register", "dns enable"),
    *("dns forwardPlainNames", "dns forwarder", "dns host", "dns txt", "dns srv", "ip", "ip localPtr"),
    *("ip dhcp range", "ip dhcp host", "ip dhcp bootp file", "ip dhcp bootp server", "portgroup"),
    *("bandwidth inbound", "bandwidth outbound"),
}


def parts(document: str) -> frozenset[Part]:
    """Return the parts of a document that reach the host; an empty document has none."""
    if not document:
        return frozenset()
    facts = leaves(document)
    mode = next((leaf.value for leaf in facts if leaf.path == "forward mode"), "")
    of_host = bool(mode) and mode not in OWN_MODES
    found = ((_reach(leaf, of_host), leaf) for leaf in facts)
    return frozenset(Part(reach=how, place=leaf.path, value=leaf.value) for how, leaf in found if how)


def _reach(leaf: Leaf, of_host: bool) -> Reach | None:
    """Return how a leaf reaches the host, or None; `of_host`: the network uses a device of the host."""
    if leaf.path in REACHING:
        return REACHING[leaf.path]
    if leaf.path == "ip":
        return None if is_private(leaf.value) else Reach.BLOCK
    if leaf.path in ("forward mode", "forward interface"):
        return Reach.FORWARD if of_host else None
    if leaf.path == "bridge name":
        return Reach.BRIDGE if of_host or not OWN_BRIDGE.fullmatch(leaf.value) else None
    more = leaf.path == "portgroup" and leaf.value.startswith("<")  # it says more than the portal models
    return Reach.XML if more or leaf.path not in INSIDE else None


def is_private(block: str) -> bool:
    """Return whether a block lies in the address space of RFC 1918 or in ULA."""
    return lies_in(block, PRIVATE)


def blocks(document: str) -> frozenset[str]:
    """Return the blocks of a document, each as the host's address with the prefix length."""
    return frozenset(leaf.value for leaf in leaves(document) if leaf.path == "ip") if document else frozenset()


def lies_in(block: str, spaces: Iterable[str]) -> bool:
    """Return whether a block lies in one of others."""
    try:
        inner = ip_network(block, strict=False)
    except ValueError:
        return False
    return any(inner.version == outer.version and inner.subnet_of(outer) for outer in map(ip_network, spaces))


def changed(before: str, after: str) -> tuple[Part, ...]:
    """Return the parts that reach the host and differ between two documents, either of which may be empty."""
    return tuple(sorted(parts(before) ^ parts(after), key=lambda part: (part.place, part.value)))


def hijacks(part: Part) -> bool:
    """Return whether a part takes the host's traffic for addresses outside private space."""
    destination = part.value.split()[0] if part.reach is Reach.ROUTE else part.value
    return part.reach in (Reach.ROUTE, Reach.BLOCK) and not is_private(destination)


HIJACKS = (
    "{block}: the hypervisor then sends its own traffic for these addresses here, instead of by its default route."
)

WORDS = {
    Reach.ROUTE: "Only operators may set static routes: they change the hypervisor’s own routing.",
    Reach.FOLDER: "Only operators may set a TFTP root: everything in that folder of the hypervisor is readable.",
    Reach.OPTION: "Only operators may give dnsmasq options: they can run programs on the host.",
    Reach.FORWARD: "Only operators may connect a network to a bridge or device of the hypervisor.",
    Reach.BRIDGE: "Only operators may name a bridge that does not begin with virbr: the hypervisor may use that name.",
    Reach.ADDRESS: "Only operators may set NAT addresses: they are the hypervisor’s own.",
    Reach.BLOCK: "Only operators may use blocks outside 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and fc00::/7: "
    "the hypervisor would no longer reach the real owners of these addresses.",
    Reach.XML: "Only operators may change what has no field in the form.",
}


def reasons(found: Iterable[Part]) -> list[str]:
    """Return why only operators may change these parts, one sentence each."""
    return [f"{WORDS[part.reach]} ({part.place}: {part.value})" for part in found]
