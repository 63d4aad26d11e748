"""The cells of an address map: the addresses of each, and their use. Pure."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv4Interface, IPv4Network
from math import ceil
from socket import inet_aton, inet_ntoa

from networks.addresses.wording import guest
from networks.definition import value_wording as _wording  # noqa: F401, adds the texts of the messages
from virterweb.messages import InvalidValue, Message

LARGEST_SINGLE = 23  # prefix of the largest block that is drawn address by address
GROUPING = 8  # bits: a larger block is drawn as 256 groups


class Use(StrEnum):
    """The use of an address: the first of these that applies."""

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
        """Return whether the address is unavailable for other guests."""
        return self not in (Use.RANGE, Use.FREE)


_LABELS = {
    Use.EDGE: "not for guests",
    Use.HOST: "the host",
    Use.LEASED: "leased",
    Use.IN_USE: "in use without lease",
    Use.RESERVED: "reserved",
    Use.RANGE: "free, in the DHCP range",
    Use.FREE: "free",
}
_BEFORE_WHO = {Use.LEASED: "to", Use.IN_USE: "by", Use.RESERVED: "for"}


@dataclass(frozen=True, kw_only=True)
class Taken:
    """The users of addresses, each by name and MAC: by lease, observed without a lease, by reservation.

    Addresses outside the block are ignored.
    """

    leased: Mapping[int, tuple[str, str]]
    seen: Mapping[int, tuple[str, str]]
    reserved: Mapping[int, tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One address, or a group of them: `last` is "" for a single address.

    `counts` has the states that occur, by precedence. A group’s `use` is that of most of its taken addresses, or of
    most of its free ones if none is taken. Only a single address has a `who`, and is `reserved` if it is leased or in
    use and has the DHCP reservation besides.
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
        """Return the share of addresses that are taken, 0 to 1."""
        return sum(count for use, count in self.counts if use.takes) / self.size

    @property
    def tenths(self) -> int:
        """Return the share of addresses that are taken in tenths, rounded up: 0 only if none is."""
        return ceil(10 * self.fill)

    @property
    def block(self) -> str:
        """Return a group as 10.1.2.0/24, a single address as it is."""
        return f"{self.first}/{33 - self.size.bit_length()}" if self.last else self.first

    @property
    def text(self) -> str:
        """Return the text alternative of the cell."""
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


def number(ip: str) -> int:
    """Return dotted IPv4 as an int; raise InvalidValue for anything else, short forms and leading zeros included."""
    try:
        packed = inet_aton(ip)
    except OSError:
        packed = b""
    if not packed or inet_ntoa(packed) != ip:
        raise InvalidValue(Message("value.ipv4", text=ip))
    return int.from_bytes(packed, "big")


def address_text(address: int) -> str:
    return inet_ntoa(address.to_bytes(4, "big"))


def bounds(block: IPv4Network) -> tuple[int, int]:
    return int(block.network_address), int(block.broadcast_address)


@dataclass(frozen=True, kw_only=True)
class Grid:
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
        """Return the number of addresses in a cell."""
        return 2 ** (32 - self.group)

    @property
    def starts(self) -> range:
        return range(self.first, self.last + 1, self.size)

    def tallies(self, uses: dict[Use, set[int]], ranges: Iterable[tuple[int, int]]) -> dict[Use, Counter[int]]:
        """Return how many addresses of each cell are in each state, by the first address of the cell."""
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
        """Yield the ranges without overlaps, cut at the ends of cells: cell, first and last address."""
        below = self.first
        for low, high in sorted(ranges):
            low, high = max(low, below), min(high, self.last)
            if low > high:
                continue
            for start in range(low & -self.size, high + 1, self.size):
                yield start, max(low, start), min(high, start + self.size - 1)
            below = high + 1


def uses_of(interface: IPv4Interface, taken: Taken, grid: Grid) -> dict[Use, set[int]]:
    """Return the addresses of the grid that are taken, each in the first state that applies."""
    sources = {
        Use.EDGE: bounds(interface.network),
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


def counted(tallies: dict[Use, Counter[int]], start: int) -> tuple[tuple[Use, int], ...]:
    return tuple((use, count) for use, tally in tallies.items() if (count := tally.get(start, 0)))


def single_cells(grid: Grid, tallies: dict[Use, Counter[int]], taken: Taken) -> Iterator[Cell]:
    names = {Use.LEASED: taken.leased, Use.IN_USE: taken.seen, Use.RESERVED: taken.reserved}
    for address in grid.starts:
        counts = counted(tallies, address)
        ((use, _),) = counts
        yield Cell(
            first=address_text(address),
            use=use,
            counts=counts,
            reserved=use in (Use.LEASED, Use.IN_USE) and address in taken.reserved,
            who=guest(*names[use][address]) if use in names else "",
        )


def group_cells(grid: Grid, tallies: dict[Use, Counter[int]]) -> Iterator[Cell]:
    for start in grid.starts:
        counts = counted(tallies, start)
        yield Cell(
            first=address_text(start), last=address_text(start + grid.size - 1), use=_most(counts), counts=counts
        )


def _most(counts: tuple[tuple[Use, int], ...]) -> Use:
    """Return the most frequent use; in a tie a guest’s use precedes the edges and the host, which every block has."""
    candidates = [(use, count) for use, count in counts if use.takes] or counts
    return max(candidates, key=lambda pair: (pair[1], pair[0] not in (Use.EDGE, Use.HOST)))[0]
