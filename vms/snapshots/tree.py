"""Snapshots in the order of their tree: each after the one that it follows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from vms.models import Snapshot

MAX_INDENT = 8  # levels that are shown by indentation


@dataclass(frozen=True, kw_only=True)
class Row:
    """A snapshot and how many others it follows."""

    snapshot: Snapshot
    depth: int

    @property
    def indent(self) -> str:
        """Return what stands before the name to show the depth."""
        level = min(self.depth, MAX_INDENT)
        return "\N{NO-BREAK SPACE}" * 2 * (level - 1) + "└" if level else ""


def tree(snapshots: Iterable[Snapshot]) -> list[Row]:
    """Return snapshots of one VM with their depths; one whose parent is unknown begins a tree."""
    rows = sorted(snapshots, key=lambda each: (each.taken_at, each.pk))
    names = {each.name for each in rows}
    children: dict[str, list[Snapshot]] = {}
    for each in rows:
        children.setdefault(each.parent if each.parent in names and each.parent != each.name else "", []).append(each)
    found = list(_below(children, "", 0))
    shown = {row.snapshot.pk for row in found}
    return found + [Row(snapshot=each, depth=0) for each in rows if each.pk not in shown]  # parents in a circle


def _below(children: dict[str, list[Snapshot]], top: str, depth: int) -> Iterator[Row]:
    stack = [(each, depth) for each in reversed(children.get(top, []))]
    while stack:
        each, level = stack.pop()
        yield Row(snapshot=each, depth=level)
        stack += [(child, level + 1) for child in reversed(children.get(each.name, []))]
