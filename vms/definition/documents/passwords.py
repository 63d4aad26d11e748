"""Passwords of displays in domain documents, which libvirt leaves out of what it shows. Pure."""

from lxml import etree

from ..disks import PARSER

SECRET = ("passwd", "passwdValidTo", "connected")


def with_passwords(document: str, secure: str) -> str:
    """Return a document with the passwords that `secure`, the definition with them, has for the same displays.

    A display that has a password in the document keeps it.
    """
    root, displays = etree.fromstring(document.encode(), PARSER), "devices/graphics"
    there = list(etree.fromstring(secure.encode(), PARSER).iterfind(displays))
    for each in root.iterfind(displays):
        same = next((other for other in there if other.get("type") == each.get("type")), None)
        if same is None:
            continue
        there.remove(same)
        if "passwd" not in each.attrib:
            for name in SECRET:
                if name in same.attrib:
                    each.set(name, same.get(name))
    return etree.tostring(root, encoding="unicode")


def without_passwords(document: str) -> str:
    """Return a document without passwords of displays, as libvirt shows it."""
    root = etree.fromstring(document.encode(), PARSER)
    for each in root.iterfind("devices/graphics"):
        each.attrib.pop("passwd", None)
    return etree.tostring(root, encoding="unicode")
