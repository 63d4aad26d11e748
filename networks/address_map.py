"""Which address of an IPv4 block is in which state, and which is free next. Pure: no ORM, no libvirt.

Addresses are ints inside, for a block may have millions: only those that somebody takes are ever looped over.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Interface, IPv4Network
from socket import inet_aton, inet_ntoa

LARGEST_SINGLE = 23  # prefix of the largest block that is drawn address by address
GROUPING = 8  # bits: a larger block is drawn as 256 groups


class Use(StrEnum):
    """What an address is used for: the first of these that holds."""

    EDGE = "edge"
    HOST = "host"
    LEASED = "leased"
    IN_USE = "in-use"
    RESERVED = "reserved"
    RANGE = "range"
    FREE = "free"

    @property
    def label(self) -> str:
        return _LABELS[self]

    @property
    def takes(self) -> bool:
        """Whether nobody else can take the address."""
        return self not in (Use.RANGE, Use.FREE)


_LABELS = {
    Use.EDGE: "not for guests",
    Use.HOST: "the host",
    Use.LEASED: "leased",
    Use.IN_USE: "in use without a lease",
    Use.RESERVED: "reserved",
    Use.RANGE: "free, in the DHCP range",
    Use.FREE: "free",
}
_BEFORE_WHO = {Use.LEASED: "to", Use.IN_USE: "by", Use.RESERVED: "for"}


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Who has which address, in words for a person: by a lease, seen without one, by a host entry.

    Addresses outside the block do no harm.
    """

    leased: Mapping[int, str]
    seen: Mapping[int, str]
    reserved: Mapping[int, str]

    @cached_property
    def numbers(self) -> frozenset[int]:
        return frozenset().union(self.leased, self.seen, self.reserved)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One address, or a group of them: `last` is "" for a single address.

    `counts` has the states that occur, by precedence. A group’s `use` is that of most of its taken addresses, or of
    most of its free ones if none is taken. Only a single address has a `who`, and is `reserved` if it is leased or in
    use and has a host entry besides.
    """

    first: str
    last: str = ""
    use: Use
    counts: tuple[tuple[Use, int], ...]
    reserved: bool = False
    who: str = ""

    @property
    def size(self) -> int:
        return sum(count for _, count in self.counts)

    @property
    def fill(self) -> float:
        """The share of addresses that are taken, 0 to 1."""
        return sum(count for use, count in self.counts if use.takes) / self.size

    @property
    def block(self) -> str:
        """A group as 10.1.2.0/24, a single address as it is."""
        return f"{self.first}/{33 - self.size.bit_length()}" if self.last else self.first

    @property
    def text(self) -> str:
        """The cell in words: its text alternative."""
        if self.last:
            return f"{self.block}: {', '.join(self._parts())}"
        who = f" {_BEFORE_WHO[self.use]} {self.who}" if self.who else ""
        return f"{self.first}: {self.use.label}{who}{', reserved' if self.reserved else ''}"

    def _parts(self) -> Iterator[str]:
        for use, count in self.counts:
            if use is Use.HOST:
                yield use.label
            elif use.takes:
                yield f"{count} {use.label}"
        if free := sum(count for use, count in self.counts if not use.takes):
            yield f"{free} free"


@dataclass(frozen=True, kw_only=True)
class AddressMap:
    """A drawn block: `counts` has every state and speaks of the whole of it, as does `next_free` ("" if it is full).

    `group` is the prefix length of a cell, 32 if they are single addresses.
    """

    block: str
    cells: tuple[Cell, ...]
    counts: dict[Use, int]
    next_free: str
    grouped: bool
    group: int

    @property
    def usable(self) -> int:
        """How many addresses guests can have."""
        return self.used + self.free

    @property
    def used(self) -> int:
        return self.counts[Use.LEASED] + self.counts[Use.IN_USE] + self.counts[Use.RESERVED]

    @property
    def free(self) -> int:
        return self.counts[Use.RANGE] + self.counts[Use.FREE]

    @property
    def percent(self) -> int:
        """How much of what is usable is used, rounded down: only a full block has 100."""
        return 100 * self.used // self.usable if self.usable else 0


def number(ip: str) -> int:
    """Dotted IPv4 as an int; ValueError for anything else, short forms and leading zeros too."""
    try:
        packed = inet_aton(ip)
    except OSError:
        packed = b""
    if not packed or inet_ntoa(packed) != ip:
        raise ValueError(f"“{ip}” is no IPv4 address; one looks like 10.255.0.8.")
    return int.from_bytes(packed, "big")


def _text(address: int) -> str:
    return inet_ntoa(address.to_bytes(4, "big"))


def next_free(interface: IPv4Interface, taken_numbers: Container[int], after: int | None = None) -> str:
    """The lowest address above `after` that a guest can have, in a DHCP range or not; "" if there is none."""
    first, last = _bounds(interface.network)
    start = first + 1 if after is None else max(first, after) + 1
    host = int(interface.ip)
    return _lowest(address for address in range(start, last) if address != host and address not in taken_numbers)


def _lowest(addresses: Iterator[int]) -> str:
    lowest = next(addresses, None)
    return "" if lowest is None else _text(lowest)


def draw(
    interface: IPv4Interface, ranges: Iterable[tuple[int, int]], taken: Taken, zoom: IPv4Network | None = None
) -> AddressMap:
    """The interface's block, or only `zoom` of it: a cell an address up to a /23, else 256 groups.

    `ranges` are what DHCP hands out, both ends included; they may overlap and leave the block. ValueError if zoom is
    not in the block.
    """
    block = interface.network if zoom is None else zoom
    if not block.subnet_of(interface.network):
        raise ValueError(f"{block} is not in {interface.network}.")
    grouped = block.prefixlen < LARGEST_SINGLE
    group = block.prefixlen + GROUPING if grouped else 32
    grid = _Grid(block=block, group=group)
    uses = _uses(interface, taken, grid)
    tallies = grid.tallies(uses, ranges)
    everybody = set().union(*uses.values())
    cells = _groups(grid, tallies) if grouped else _singles(grid, tallies, taken)
    return AddressMap(
        block=str(block),
        cells=tuple(cells),
        counts={use: tally.total() for use, tally in tallies.items()},
        next_free=_lowest(address for address in range(grid.first, grid.last + 1) if address not in everybody),
        grouped=grouped,
        group=group,
    )


def _bounds(block: IPv4Network) -> tuple[int, int]:
    return int(block.network_address), int(block.broadcast_address)


@dataclass(frozen=True, kw_only=True)
class _Grid:
    """A block cut into cells of prefix length `group`; single addresses are groups of one."""

    block: IPv4Network
    group: int

    @cached_property
    def first(self) -> int:
        return int(self.block.network_address)

    @cached_property
    def last(self) -> int:
        return int(self.block.broadcast_address)

    @property
    def size(self) -> int:
        """Addresses a cell."""
        return 2 ** (32 - self.group)

    @property
    def starts(self) -> range:
        return range(self.first, self.last + 1, self.size)

    def tallies(self, uses: dict[Use, set[int]], ranges: Iterable[tuple[int, int]]) -> dict[Use, Counter[int]]:
        """How many addresses of each cell are in each state, by the cell's first address."""
        mask = -self.size
        tallies = {use: Counter([address & mask for address in numbers]) for use, numbers in uses.items()}
        taken = sorted(set().union(*uses.values()))
        tallies[Use.RANGE] = handed_out = Counter()
        for start, low, high in self._pieces(ranges):
            handed_out[start] += high - low + 1 - (bisect_right(taken, high) - bisect_left(taken, low))
        columns = tuple(tallies.values())
        free = {start: self.size - sum(column.get(start, 0) for column in columns) for start in self.starts}
        return {**tallies, Use.FREE: Counter(free)}

    def _pieces(self, ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
        """The ranges without what they share, cut where a cell ends: cell, first and last address."""
        below = self.first
        for low, high in sorted(ranges):
            low, high = max(low, below), min(high, self.last)
            if low > high:
                continue
            for start in range(low & -self.size, high + 1, self.size):
                yield start, max(low, start), min(high, start + self.size - 1)
            below = high + 1


def _uses(interface: IPv4Interface, taken: Taken, grid: _Grid) -> dict[Use, set[int]]:
    """The addresses of the grid that are taken, each in the first state that holds."""
    sources = {
        Use.EDGE: _bounds(interface.network),
        Use.HOST: (int(interface.ip),),
        Use.LEASED: taken.leased,
        Use.IN_USE: taken.seen,
        Use.RESERVED: taken.reserved,
    }
    first, last = grid.first, grid.last
    uses, done = {}, set()
    for use, numbers in sources.items():
        uses[use] = {address for address in numbers if first <= address <= last} - done
        done |= uses[use]
    return uses


def _counts(tallies: dict[Use, Counter[int]], start: int) -> tuple[tuple[Use, int], ...]:
    return tuple((use, count) for use, tally in tallies.items() if (count := tally.get(start, 0)))


def _singles(grid: _Grid, tallies: dict[Use, Counter[int]], taken: Taken) -> Iterator[Cell]:
    names = {Use.LEASED: taken.leased, Use.IN_USE: taken.seen, Use.RESERVED: taken.reserved}
    for address in grid.starts:
        counts = _counts(tallies, address)
        ((use, _),) = counts
        yield Cell(
            first=_text(address),
            use=use,
            counts=counts,
            reserved=use in (Use.LEASED, Use.IN_USE) and address in taken.reserved,
            who=names[use][address] if use in names else "",
        )


def _groups(grid: _Grid, tallies: dict[Use, Counter[int]]) -> Iterator[Cell]:
    for start in grid.starts:
        counts = _counts(tallies, start)
        yield Cell(first=_text(start), last=_text(start + grid.size - 1), use=_most(counts), counts=counts)


def _most(counts: tuple[tuple[Use, int], ...]) -> Use:
    """Of equally many, a guest’s state goes before the edges and the host: those are in their cells anyway."""
    candidates = [(use, count) for use, count in counts if use.takes] or counts
    return max(candidates, key=lambda pair: (pair[1], pair[0] not in (Use.EDGE, Use.HOST)))[0]
