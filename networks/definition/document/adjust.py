"""Adjustments of a network's document before libvirt gets it. Pure."""

from lxml import etree

from networks.definition.document.edit import OWN_BRIDGE
from networks.definition.document.parse import attribute, parse_subnet, read, readable
from networks.definition.document.tree import child_element


def fill_in(document: str, found: str, *, with_bridge: bool = True) -> str:
    """Return the document with the bridge's name and the host's MAC that libvirt chose, if it has none.

    libvirt refuses them in a network whose new forward mode has no bridge of its own.
    """
    root, there = read(document), read(found)
    if attribute(root, "forward", "mode") not in OWN_BRIDGE:
        return document
    for tag, name in (("bridge", "name"), ("mac", "address")):
        value = attribute(there, tag, name)
        if value and not attribute(root, tag, name) and (with_bridge or tag != "bridge"):
            child_element(root, tag).set(name, value)
    return etree.tostring(root.getroottree(), encoding="unicode")


def with_netmasks(document: str) -> str:
    """Return the document with netmasks for its IPv4 blocks: Virter reads no prefix lengths. IPv6 has no netmasks."""
    root = read(document)
    for ip in root.findall("ip"):
        if ip.get("prefix") and readable(ip) and parse_subnet(ip).family == 4:
            ip.set("netmask", str(parse_subnet(ip).interface.netmask))
            del ip.attrib["prefix"]
    return etree.tostring(root.getroottree(), encoding="unicode")
