"""Deviations of one definition from another, and which of them libvirt can update live. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from lxml import etree

from networks.definition.document.compare import Code, changed, describe
from networks.definition.document.leaves import Field, Leaf

# The lists that libvirt updates live, by their leaf's path, with the name of libvirt's section.
SECTIONS = {
    "ip dhcp host": "ip-dhcp-host",
    "ip dhcp range": "ip-dhcp-range",
    "forward interface": "forward-interface",
    "portgroup": "portgroup",
    "dns host": "dns-host",
    "dns txt": "dns-txt",
    "dns srv": "dns-srv",
}


# By which attributes together libvirt tells an entry from those it has: one to add, and one to delete.
ADDED_BY = {
    "ip dhcp host": (("mac",), ("name",), ("ip",)),
    "ip dhcp range": (("start", "end"),),
    "portgroup": (("name",),),
    "dns host": (("ip",),),
    "dns txt": (("name",),),
}
DELETED_BY = {path: names for path, names in ADDED_BY.items() if path != "ip dhcp host"}
DHCP = {"ip dhcp host", "ip dhcp range"}


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """The leaves that one definition lacks, and those that it has in excess, each with its element."""

    missing: dict[Leaf, etree._Element]
    extra: dict[Leaf, etree._Element]
    desired: dict[Leaf, etree._Element]
    found: dict[Leaf, etree._Element]

    @classmethod
    def between(cls, desired: dict, found: dict, ignored: frozenset[Code] = frozenset()) -> "Deviation":
        missing, extra = changed(desired, found)
        if ignored:
            kept = [one for one in describe(missing, extra) if one.code not in ignored]
            needed = {(one.field, one.wanted) for one in kept}
            surplus = {(one.field, one.found) for one in kept}
            missing = [leaf for leaf in missing if (leaf.field, leaf.value) in needed]
            extra = [leaf for leaf in extra if (leaf.field, leaf.value) in surplus]
        sides = {"missing": {leaf: desired[leaf] for leaf in missing}, "extra": {leaf: found[leaf] for leaf in extra}}
        return cls(desired=desired, found=found, **sides)

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra)

    def rigid(self, kept: Iterable[str] = ()) -> list[Field]:
        """Return the fields that no update can change, except for those that are only kept."""
        missing, extra = self._rigid_leaves()
        sides = ([leaf for leaf in side if leaf.path not in kept] for side in (missing, extra))
        return list(dict.fromkeys(one.field for one in describe(*sides)))

    def updatable(self) -> "Deviation":
        """Return the part of it that updates can change."""
        sides = zip((self.missing, self.extra), self._rigid_leaves(), strict=True)
        missing, extra = ({leaf: side[leaf] for leaf in side if leaf not in rigid} for side, rigid in sides)
        return replace(self, missing=missing, extra=extra)

    def _rigid_leaves(self) -> tuple[list[Leaf], list[Leaf]]:
        sides = (self.missing, _alike(self.desired, ADDED_BY)), (self.extra, _alike(self.found, DELETED_BY))
        emptied = self._of_emptied_blocks()
        missing, extra = (
            [leaf for leaf in side if leaf.path not in SECTIONS or leaf in alike | emptied] for side, alike in sides
        )
        return missing, extra

    def _of_emptied_blocks(self) -> set[Leaf]:
        """Return the DHCP entries of blocks with a boot file that lose them all: libvirt then forgets the file."""
        missing, extra = ({leaf for leaf in side if leaf.path in DHCP} for side in (self.missing, self.extra))
        stay = {leaf.block for leaf in self.found if leaf.path in DHCP and leaf not in extra}
        stay |= {leaf.block for leaf in self.modified()}
        boot = {leaf.block for leaf in self.desired if leaf.path == "ip dhcp bootp file"}
        emptied = boot & {leaf.block for leaf in missing} & {leaf.block for leaf in extra} - stay
        return {leaf for leaf in missing | extra if leaf.block in emptied}

    def modified(self) -> dict[Leaf, Leaf]:
        """Return the entries that libvirt changes in place, with their old values: hosts by MAC, port groups by name.

        A DHCP reservation whose new name another one has is left out: libvirt would change that other one.
        """
        was = {key: leaf for leaf, element in self.extra.items() if (key := _key(leaf, element))}
        holders = {
            (leaf.block, name): element.get("mac")
            for leaf, element in self.found.items()
            if leaf.path == "ip dhcp host" and (name := element.get("name"))
        }
        return {
            leaf: was[key]
            for leaf, element in self.missing.items()
            if (key := _key(leaf, element)) in was
            and holders.get((leaf.block, element.get("name")), element.get("mac")) == element.get("mac")
        }

    @cached_property
    def blocks(self) -> list[str]:
        return [leaf.value for leaf in self.found if leaf.path == "ip"]

    def index(self, leaf: Leaf) -> int:
        """Return the index of the <ip> of what was found that an entry is in; -1 if it is in none."""
        return self.blocks.index(leaf.block) if leaf.block else -1


def _key(leaf: Leaf, element: etree._Element) -> tuple[str, str, str] | None:
    name = {"ip dhcp host": "mac", "portgroup": "name"}.get(leaf.path)
    value = element.get(name) if name else None
    return (leaf.path, leaf.block, value) if value else None


def _alike(side: dict[Leaf, etree._Element], identified_by: dict[str, tuple[tuple[str, ...], ...]]) -> set[Leaf]:
    """Return the list entries that libvirt cannot distinguish from another one of the same list."""
    same: dict[tuple, list[Leaf]] = {}
    for leaf, element in side.items():
        for names in identified_by.get(leaf.path, ()):
            if values := tuple(filter(None, map(element.get, names))):
                same.setdefault((leaf.path, leaf.block, names, values), []).append(leaf)
    return {leaf for leaves in same.values() if len(leaves) > 1 for leaf in leaves}
