"""What the topology shows. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property


@dataclass(frozen=True, kw_only=True)
class Line:
    """A network, or what else NICs are attached to, such as a host bridge. `key` identifies it on all hypervisors."""

    key: str
    name: str
    hypervisor: str
    note: str = ""  # its range, or what kind of source it is
    edge: str = ""  # its bridge and how it reaches other networks
    url: str = ""
    state: str = ""
    tone: str = "quiet"


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A NIC on a line: `facts` are its MAC, host device and rate, for whoever points at it."""

    line: str
    on: str  # the name of the line
    facts: str
    url: str = ""
    down: bool = False
    rate: float = 0.0  # bytes a second, both ways


@dataclass(frozen=True, kw_only=True)
class Column:
    """A VM with its NICs, or several VMs on the same networks."""

    key: str
    name: str
    hypervisor: str
    url: str = ""
    state: str = ""
    tone: str = "quiet"
    dots: tuple[Dot, ...] = ()
    names: tuple[str, ...] = ()  # of the VMs, if there are several

    @cached_property
    def lines(self) -> frozenset[str]:
        return frozenset(dot.line for dot in self.dots)

    @property
    def networks(self) -> str:
        """Return what its NICs are on, in their order."""
        return ", ".join(f"{dot.on} (link down)" if dot.down else dot.on for dot in self.dots)


@dataclass(frozen=True, kw_only=True)
class Graph:
    lines: tuple[Line, ...]
    columns: tuple[Column, ...]

    @property
    def nic_count(self) -> int:
        return sum(len(column.dots) for column in self.columns)

    @property
    def vm_count(self) -> int:
        return sum(len(column.names) or 1 for column in self.columns)


def grouped(columns: Iterable[Column]) -> tuple[Column, ...]:
    """Return one column for all VMs of a hypervisor that are on the same networks and in the same state."""
    groups: dict[tuple, list[Column]] = {}
    for column in columns:
        groups.setdefault((column.hypervisor, column.lines, column.state), []).append(column)
    return tuple(_one(group) for group in groups.values())


def _one(group: list[Column]) -> Column:
    first = group[0]
    if len(group) == 1:
        return first
    dots = tuple(
        Dot(
            line=line,
            on=_on(group, line)[0].on,
            facts=f"{len(group)} VMs",
            down=all(dot.down for dot in _on(group, line)),
            rate=sum(dot.rate for dot in _on(group, line)),
        )
        for line in dict.fromkeys(dot.line for dot in first.dots)
    )
    names = tuple(column.name for column in group)
    return replace(first, name=f"{first.name} + {len(group) - 1}", url="", dots=dots, names=names)


def _on(group: list[Column], line: str) -> list[Dot]:
    return [dot for column in group for dot in column.dots if dot.line == line]
