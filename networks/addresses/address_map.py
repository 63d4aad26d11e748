"""Address maps: the state of each address of an IPv4 block, and the next free one. Pure: no ORM, no libvirt.

Addresses are ints here, because a block may have millions: loops run over used addresses only.
"""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Interface, IPv4Network

from networks.addresses.grid import (
    GROUPING,
    LARGEST_SINGLE,
    Cell,
    Grid,
    Taken,
    Use,
    address_text,
    bounds,
    group_cells,
    single_cells,
    uses_of,
)
from virterweb.messages import InvalidValue, Message


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
        """Return how many addresses guests can have."""
        return self.used + self.free

    @property
    def used(self) -> int:
        return self.counts[Use.LEASED] + self.counts[Use.IN_USE] + self.counts[Use.RESERVED]

    @property
    def free(self) -> int:
        return self.counts[Use.RANGE] + self.counts[Use.FREE]

    @property
    def percent(self) -> int:
        """Return the used share of the usable addresses in percent, rounded down: only a full block has 100."""
        return 100 * self.used // self.usable if self.usable else 0


def next_free(interface: IPv4Interface, taken_numbers: Container[int], after: int | None = None) -> str:
    """Return the lowest address above `after` that a guest can have, in a DHCP range or not; "" if there is none."""
    first, last = bounds(interface.network)
    start = first + 1 if after is None else max(first, after) + 1
    host = int(interface.ip)
    return _lowest(address for address in range(start, last) if address != host and address not in taken_numbers)


def _lowest(addresses: Iterator[int]) -> str:
    lowest = next(addresses, None)
    return "" if lowest is None else address_text(lowest)


def filled(interface: IPv4Interface, used: Iterable[int]) -> tuple[int, int]:
    """Return how many addresses of a block guests have, and how many they can have, as `draw` counts them."""
    nobody: dict[int, tuple[str, str]] = {}
    taken = Taken(leased=dict.fromkeys(used, ("", "")), seen=nobody, reserved=nobody)
    uses = uses_of(interface, taken, Grid(block=interface.network, group=32))
    return len(uses[Use.LEASED]), interface.network.num_addresses - len(uses[Use.EDGE]) - len(uses[Use.HOST])


def draw(
    interface: IPv4Interface, ranges: Iterable[tuple[int, int]], taken: Taken, zoom: IPv4Network | None = None
) -> AddressMap:
    """Return the map of a block, or of its part `zoom`: a cell for each address up to a /23, else 256 groups.

    `ranges` are what DHCP hands out, both ends included; they may overlap and leave the block. ValueError if zoom is
    not in the block.
    """
    block = interface.network if zoom is None else zoom
    if not block.subnet_of(interface.network):
        raise InvalidValue(Message("value.outside", block=block, whole=interface.network))
    grouped = block.prefixlen < LARGEST_SINGLE
    group = block.prefixlen + GROUPING if grouped else 32
    grid = Grid(block=block, group=group)
    uses = uses_of(interface, taken, grid)
    tallies = grid.tallies(uses, ranges)
    everybody = set().union(*uses.values())
    cells = group_cells(grid, tallies) if grouped else single_cells(grid, tallies, taken)
    return AddressMap(
        block=str(block),
        cells=tuple(cells),
        counts={use: tally.total() for use, tally in tallies.items()},
        next_free=_lowest(address for address in range(grid.first, grid.last + 1) if address not in everybody),
        grouped=grouped,
        group=group,
    )
