"""Semantic comparison of two network documents, which ignores order, spelling and defaults. Pure.

Every attribute and text of a document is a leaf with its path. An entry of a list (DHCP reservations, ranges, port
groups …) is one leaf as a whole. Elements that are not modelled are compared like all others.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from networks.definition import wording
from networks.definition.document.leaves import LISTS, Field, Leaf, leaves
from networks.definition.document.parse import read
from networks.definition.drift import Drift
from virterweb.pages import xml_lines

# Values that libvirt fills in where a document has none; they do not count as differences.
FILLED = {"uuid", "mac address", "bridge name"}


#: The identity of a difference: path, block, wanted and found value.
Code = tuple[str, str, str, str]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A field whose found value differs from the desired one; entries of lists are single, with one side empty."""

    field: Field
    wanted: str
    found: str
    listed: bool

    @property
    def code(self) -> Code:
        return (*self.field, self.wanted, self.found)

    def __str__(self) -> str:
        return wording.difference(str(self.field), self.wanted, self.found, self.listed)


def differences(wanted: str, found: str) -> tuple[Difference, ...]:
    """Return the differences of two documents, field by field, without what libvirt fills in by itself."""
    return tuple(describe(*changed(leaves(wanted), leaves(found))))


def changed(wanted: Iterable[Leaf], found: Iterable[Leaf]) -> tuple[list[Leaf], list[Leaf]]:
    """Return the leaves that are missing in what was found, and those that it has beyond what is desired."""
    desired, found = dict.fromkeys(wanted), dict.fromkeys(found)
    places = {leaf.path for leaf in desired}
    missing = [leaf for leaf in desired if leaf not in found]
    extra = [leaf for leaf in found if leaf not in desired and (leaf.path in places or leaf.path not in FILLED)]
    return missing, extra


def describe(missing: list[Leaf], extra: list[Leaf]) -> Iterator[Difference]:
    """Return the differences field by field, in the order of the documents."""
    others = {(leaf.path, leaf.block): leaf for leaf in extra if leaf.path not in LISTS}
    for leaf in missing:
        listed = leaf.path in LISTS
        other = None if listed else others.pop((leaf.path, leaf.block), None)
        yield Difference(field=leaf.field, wanted=leaf.value, found=other.value if other else "", listed=listed)
    for leaf in extra:
        if leaf.path in LISTS or (leaf.path, leaf.block) in others:
            yield Difference(field=leaf.field, wanted="", found=leaf.value, listed=leaf.path in LISTS)


# A running network adopts these only on a restart, so differences in them do not count as drift there.
KEPT_ONLY = {"title", "description", "metadata"}


def drifts(saved: str, stored: str, running: str = "", ignored: Collection[Code] = ()) -> Iterator[Drift]:
    """Return how a network's stored and running definitions differ from the saved one; `running` is "" if inactive.

    `ignored` are the codes of differences that do not count.
    """
    off = [one for one in differences(saved, stored) if one.code not in ignored]
    live = differences(saved, running) if running else ()
    off_live = [one for one in live if one.code not in ignored and one.field.path not in KEPT_ONLY]
    at = {_place(one): one for one in off}
    at_live = {_place(one): one for one in off_live}
    for place, one in (at | at_live).items():
        sides = (side[place].found if place in side else one.wanted for side in (at, at_live))
        now, now_live = sides
        runs = None if not running else now if one.field.path in KEPT_ONLY else now_live
        yield Drift(field=one.field, saved=one.wanted, stored=now, running=runs, listed=one.listed)


def _place(one: Difference) -> tuple[Field, str]:
    return one.field, one.wanted or one.found if one.listed else ""


def pretty(document: str) -> str:
    """Return the document indented as libvirt indents it."""
    return xml_lines.indented(read(document))


def line_differences(before: str, after: str) -> list[str]:
    """Return a unified diff of two documents, without its two headings."""
    return xml_lines.line_differences(*(pretty(each) if each else "" for each in (before, after)))
