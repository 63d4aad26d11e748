"""Indented XML documents and their differences by line. Pure."""

import difflib

from lxml import etree

PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


def indented(root: etree._Element) -> str:
    """Return a document indented as libvirt indents it; the element is changed."""
    etree.indent(root, "  ")
    return etree.tostring(root.getroottree(), encoding="unicode") + "\n"


def pretty(document: str) -> str:
    """Return a well-formed document indented; "" as it is."""
    return indented(etree.fromstring(document.encode(), PARSER)) if document else ""


def line_differences(before: str, after: str) -> list[str]:
    """Return a unified diff of two indented documents, without its two headings."""
    return list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=3))[2:]
