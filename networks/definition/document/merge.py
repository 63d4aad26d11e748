"""Three-way merge of network documents: what one definition changes of another, applied to a third. Pure.

So a change does not undo changes outside: what it does not touch stays as libvirt has it.
"""

import copy
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from dataclasses import replace

from lxml import etree

from networks.definition.document.compare import changed
from networks.definition.document.edit import edit
from networks.definition.document.leaves import LISTS, RECORDS, Leaf, cidr_of, leaves, normal_form, words_of
from networks.definition.document.parse import parse
from networks.definition.document.tree import ORDER
from networks.definition.spec import USUAL_PORTS

PLACES = {words_of(place): place for place in RECORDS}


# The attributes that identify an entry of a list whose value changes; all entries of a list without attributes.
SAME_BY = {
    "ip dhcp host": (("mac",), ("id",), ("ip",)),
    "ip dhcp range": (("start", "end"),),
    "portgroup": (("name",),),
    "dns host": (("ip",),),
    "dns txt": (("name",),),
    "route": (("address", "prefix", "netmask"),),
    "metadata": ((),),
}


# Attributes without which their element says nothing.
WITH_ELEMENT = {"forward mode", "domain name", "mtu size"}


def apply_change(base: str, wanted: str, found: str) -> str:
    """Return what was found with the changes from `base` to `wanted`; in a conflict `wanted` prevails.

    An entry for a block that was not found is left out. If only modelled fields change, everything else
    keeps its spelling.
    """
    missing, extra = changed(leaves(wanted), leaves(base))
    if not (missing or extra):
        return found
    merged = _applied(missing, extra, base, wanted, found)
    spec = parse(merged)
    if not spec.nat_ports and parse(found).nat_ports == USUAL_PORTS:  # its normal form does not say them
        spec = replace(spec, nat_ports=USUAL_PORTS)
    spelled = edit(found, spec)
    return spelled if leaves(spelled).keys() == leaves(merged).keys() else merged


def _applied(missing: list[Leaf], extra: list[Leaf], base: str, wanted: str, found: str) -> str:
    """Return the same in normal form."""
    target, source = normal_form(found), normal_form(wanted)
    _replace_blocks(missing, extra, target, source)
    blocks = {leaf.block for leaf in (*missing, *extra) if leaf.path == "ip"}
    several = _several(leaves(wanted), leaves(base), leaves(found))
    for tag in {leaf.path.split()[0] for leaf in (*missing, *extra) if (leaf.path, leaf.block) in several}:
        _replace_all(tag, target, source)
    missing, extra = ([leaf for leaf in side if leaf.block not in blocks] for side in (missing, extra))
    kept = {_canonical(entry) for leaf, entry in leaves(wanted).items() if leaf.path in PLACES}
    replaced = {(leaf.path, leaf.block) for leaf in missing if leaf.path not in LISTS}
    for leaf in extra:
        if (leaf.path, leaf.block) not in replaced and (parent := _parent(target, leaf)) is not None:
            _remove_leaf(parent, leaf, leaves(base)[leaf], kept)
    for leaf in missing:
        if (parent := _parent(target, leaf)) is not None:
            _put(parent, leaf, leaves(wanted)[leaf], kept)
    return etree.tostring(target, encoding="unicode")


def with_entries_of(other: str, document: str, paths: Container[str]) -> str:
    """Return the document with the list entries of another at these paths, except for those that it has changed."""
    missing, _ = changed(leaves(other), leaves(document))
    added = [leaf for leaf in missing if leaf.path in paths]
    if not added:
        return document
    target = normal_form(document)
    for leaf in added:
        entry, parent = leaves(other)[leaf], _parent(target, leaf)
        if parent is not None and not _same(parent, _tags(entry), leaf, entry):
            _put(parent, leaf, entry)
    return etree.tostring(target, encoding="unicode")


def left_out(wanted: str, found: str) -> Iterator[Leaf]:
    """Yield changes that `apply_change` cannot apply, because they are in blocks that were not found."""
    missing, _ = changed(leaves(wanted), leaves(found))
    lost = {leaf.block for leaf in missing if leaf.path == "ip"}
    yield from (leaf for leaf in missing if leaf.path != "ip" and leaf.block in lost)


def _several(*sides: Iterable[Leaf]) -> set[tuple[str, str]]:
    """Return fields that occur several times without being lists here: they can only be replaced as a whole."""
    counts = [Counter((leaf.path, leaf.block) for leaf in side if leaf.path not in LISTS) for side in sides]
    return {field for count in counts for field, number in count.items() if number > 1}


def _replace_all(tag: str, target: etree._Element, source: etree._Element) -> None:
    for each in target.findall(tag):
        target.remove(each)
    for each in source.findall(tag):
        _append(target, copy.deepcopy(each))


def _replace_blocks(missing: list[Leaf], extra: list[Leaf], target: etree._Element, source: etree._Element) -> None:
    for leaf in extra:
        if leaf.path == "ip" and (block := _block(target, leaf.block)) is not None:
            target.remove(block)
    for leaf in missing:
        if leaf.path == "ip":
            if (block := _block(target, leaf.block)) is not None:
                target.remove(block)
            _append(target, copy.deepcopy(_block(source, leaf.block)))


def _block(root: etree._Element, cidr: str) -> etree._Element | None:
    return next((each for each in root.findall("ip") if cidr_of(each) == cidr), None)


def _parent(root: etree._Element, leaf: Leaf) -> etree._Element | None:
    return _block(root, leaf.block) if leaf.block else root


def _tags(element: etree._Element) -> list[str]:
    """Return the tags from the network, or from its block, down to an element."""
    tags = []
    while element.getparent() is not None and not (element.tag == "ip" and element.getparent().tag == "network"):
        tags.insert(0, element.tag)
        element = element.getparent()
    return tags


def _attribute(leaf: Leaf, tags: list[str]) -> str:
    """Return the attribute that a leaf is; "" if it is the text of an element, or the element as a whole."""
    place = words_of("/".join((["ip"] if leaf.block else []) + tags))
    return leaf.path.removeprefix(place).strip() if leaf.path != place else ""


def _remove_leaf(parent: etree._Element, leaf: Leaf, was: etree._Element, kept: Container[bytes]) -> None:
    tags = _tags(was)
    if leaf.path in PLACES:
        found = [each for each in _same(parent, tags, leaf, was) if _canonical(each) not in kept]
    else:
        found = parent.findall("/".join(tags)) if tags else [parent]
    for each in found:
        if (name := _attribute(leaf, tags)) and leaf.path not in WITH_ELEMENT and leaf.path not in PLACES:
            each.attrib.pop(name, None)
        elif each.getparent() is not None:
            _drop(each)
            continue
        _prune(each)


def _put(parent: etree._Element, leaf: Leaf, wanted: etree._Element, kept: Container[bytes] = ()) -> None:
    """Write what is desired in place of its earlier value; entries that are `kept` stay beside it."""
    tags = _tags(wanted)
    if leaf.path in PLACES:
        for each in _same(parent, tags, leaf, wanted):
            if _canonical(each) not in kept or _canonical(each) == _canonical(wanted):
                each.getparent().remove(each)
        _append(_made(parent, tags[:-1]), _copy(wanted))
    elif name := _attribute(leaf, tags):
        _made(parent, tags).set(name, leaf.value)
    else:
        for each in parent.findall("/".join(tags)):
            each.getparent().remove(each)
        _append(_made(parent, tags[:-1]), _copy(wanted))


def _same(parent: etree._Element, tags: list[str], leaf: Leaf, entry: etree._Element) -> list[etree._Element]:
    """Return the entries that this one replaces: equal ones, and those with the same identifying attributes."""
    keys = SAME_BY.get(leaf.path, ())

    def same(other: etree._Element) -> bool:
        if dict(other.attrib) == dict(entry.attrib) and _canonical(other) == _canonical(entry):
            return True
        pairs = ([(entry.get(name), other.get(name)) for name in names] for names in keys)
        return any(all(a == b for a, b in pair) and (not pair or any(a for a, _ in pair)) for pair in pairs)

    return [each for each in parent.findall("/".join(tags)) if same(each)]


def _canonical(entry: etree._Element) -> bytes:
    return etree.tostring(_copy(entry), method="c14n2")


def _copy(element: etree._Element) -> etree._Element:
    alone = copy.deepcopy(element)
    alone.tail = None
    for each in alone.iter():
        each.text, each.tail = ((text or "").strip() or None for text in (each.text, each.tail))
    return alone


def _made(parent: etree._Element, tags: list[str]) -> etree._Element:
    for tag in tags:
        if (child := parent.find(tag)) is None:
            _append(parent, child := etree.Element(tag))
        parent = child
    return parent


def _append(parent: etree._Element, element: etree._Element) -> None:
    """Insert a child after the last of its kind, or where libvirt would write the first."""
    if last := parent.findall(element.tag):
        parent.insert(parent.index(last[-1]) + 1, element)
    elif parent.tag == "network" and element.tag in ORDER:
        rank = ORDER.index(element.tag)
        later = (child for child in parent if child.tag in ORDER and ORDER.index(child.tag) > rank)
        before = next(later, None)
        parent.insert(len(parent) if before is None else parent.index(before), element)
    elif element.tag == "range":  # libvirt writes ranges before DHCP reservations
        parent.insert(0, element)
    else:
        parent.append(element)


def _drop(element: etree._Element) -> None:
    parent = element.getparent()
    parent.remove(element)
    _prune(parent)


def _prune(element: etree._Element) -> None:
    """Remove an element that is empty, and its parents that become empty by that."""
    bare = not len(element) and not element.attrib and not (element.text or "").strip()
    if bare and element.getparent() is not None:
        _drop(element)
