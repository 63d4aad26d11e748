"""Elements of a network's document set, inserted and removed in place. Pure."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence

from lxml import etree

from networks.definition.document.parse import (
    OPTIONS,
)

# The order in which libvirt itself writes a network; a new element is put before the first that comes later.
ORDER = ("name", "uuid", "metadata", "title", "description", "forward", "bridge", "mtu", "mac", "domain", "dns", "vlan")
ORDER += ("bandwidth", "port", "ip", "route", "virtualport", "portgroup", OPTIONS)


def insert_in_order(root: etree._Element, element: etree._Element) -> etree._Element:
    """Insert a new child of <network> where libvirt would write it."""
    rank = ORDER.index(element.tag)
    for index, child in enumerate(root):
        if child.tag in ORDER and ORDER.index(child.tag) > rank:
            root.insert(index, element)
            return element
    root.append(element)
    return element


def child_element(parent: etree._Element, tag: str) -> etree._Element:
    if (found := parent.find(tag)) is not None:
        return found
    new = etree.Element(tag)
    if parent.tag == "network":
        return insert_in_order(parent, new)
    parent.append(new)
    return new


def remove(element: etree._Element | None) -> None:
    """Remove an element, not the text behind it."""
    if element is None:
        return
    parent, before = element.getparent(), element.getprevious()
    if element.tail and before is not None:
        before.tail = (before.tail or "") + element.tail
    parent.remove(element)
    if not len(parent) and not (parent.text or "").strip():
        parent.text = None


def remove_if_empty(element: etree._Element | None) -> None:
    if element is not None and not len(element) and not element.attrib:
        remove(element)


def edit_text(root: etree._Element, tag: str, text: str, was: str) -> None:
    if text == was or (tag == "uuid" and not text):
        return
    if text:
        element = child_element(root, tag)
        element[:] = []
        element.text = text
    else:
        remove(root.find(tag))


def edit_attributes(parent: etree._Element, tag: str, values: dict[str, object], was: dict[str, object]) -> None:
    """Set or remove changed attributes of a child; remove the child if it is empty."""
    for name, value in values.items():
        if value == was[name]:
            continue
        if value not in (None, ""):
            child_element(parent, tag).set(name, str(value))
        elif (found := parent.find(tag)) is not None:
            found.attrib.pop(name, None)
            remove_if_empty(found)


def edit_list(
    parent: etree._Element,
    tag: str,
    wanted: Sequence[Hashable],
    parse: Callable[[etree._Element], Hashable],
    make: Callable,
) -> None:
    """Write children of one tag: desired ones stay untouched, others are removed, new ones follow the last.

    Repeated children stay as many times as they are desired.
    """
    missing, last = Counter(wanted), None
    for element in parent.findall(tag):
        spec = parse(element)
        if missing[spec]:
            missing[spec] -= 1
            last = element
        else:
            remove(element)
    for spec in missing.elements():
        new = make(spec)
        if last is None:
            append(parent, new)
        else:
            last.addnext(new)
        last = new


def append(parent: etree._Element, element: etree._Element) -> None:
    """Insert a child after the last of its kind, or where libvirt would write the first."""
    if last := parent.findall(element.tag):
        parent.insert(parent.index(last[-1]) + 1, element)
    elif parent.tag == "network":
        insert_in_order(parent, element)
    elif element.tag == "range":  # libvirt writes ranges before DHCP reservations
        parent.insert(0, element)
    else:
        parent.append(element)


def given_attributes(**values: object) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value not in (None, "")}
