"""The address plan: blocks in use in numeric order, with the free ranges between them. Pure: values only."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network, summarize_address_range

from networks.addresses.blocks import SPACES
from networks.addresses.gaps import Block, first_in, free_ranges
from networks.models import Network

SITE = 48  # prefix of the part of a private IPv6 space that one site has
PRIVATE_IPV6 = ip_network("fc00::/7")
SHOWN_BLOCKS = 4  # free blocks of a gap that its row lists, the largest
IPV6_SIZE = 64


@dataclass(frozen=True, kw_only=True)
class Used:
    """A block in use: by a network, or else by a route of the host that leaves by `device`.

    `usable` is None for IPv6, whose blocks are never full. `elsewhere` are networks of other hypervisors with addresses
    of this block, which is no problem.
    """

    block: Block
    hypervisor: str
    network: Network | None = None
    device: str = ""
    used: int = 0
    usable: int | None = None
    ranges: tuple[str, ...] = ()
    waits: bool = False  # libvirt does not have the block yet
    overlap: str = ""
    elsewhere: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.network.name if self.network else self.device

    @property
    def percent(self) -> int | None:
        """Return the used share in percent, rounded down; None if there is none."""
        return 100 * self.used // self.usable if self.usable else None

    @property
    def place(self) -> tuple[int, int, int]:
        return self.block.version, int(self.block.network_address), self.block.prefixlen

    @property
    def key(self) -> str:
        return f"block-{self.hypervisor}-{self.network.pk if self.network else self.device}-{self.block}"


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A range of free addresses of a space; `proposed` is the host's address in its first block of the chosen size."""

    version: int
    first: int
    last: int
    proposed: str = ""

    @property
    def ends(self) -> tuple[str, str]:
        kind = IPv4Address if self.version == 4 else IPv6Address
        return str(kind(self.first)), str(kind(self.last))

    @cached_property
    def blocks(self) -> list[Block]:
        """Return the largest aligned blocks that make up the range, in numeric order."""
        return list(summarize_address_range(*map(ip_address, self.ends)))

    @property
    def largest(self) -> list[Block]:
        largest = sorted(self.blocks, key=lambda block: block.prefixlen)[:SHOWN_BLOCKS]
        return sorted(largest, key=lambda block: block.network_address)

    @property
    def more(self) -> int:
        return max(0, len(self.blocks) - SHOWN_BLOCKS)

    @property
    def place(self) -> tuple[int, int, int]:
        return self.version, self.first, -1

    @property
    def key(self) -> str:
        return f"gap-{self.version}-{self.first}"


def spaces(used: Iterable[Block]) -> list[Block]:
    """Return the private spaces that have a block in use: those of IPv4, and the sites of private IPv6 addresses."""
    used = list(used)
    found = {space for space in map(ip_network, SPACES) if any(space.overlaps(one) for one in used if one.version == 4)}
    found |= {one.supernet(new_prefix=SITE) for one in used if one.prefixlen >= SITE and _is_private_ipv6(one)}
    outer = (space for space in found if not any(space != other and _contains(other, space) for other in found))
    return sorted(outer, key=lambda space: (space.version, space.network_address))


def _is_private_ipv6(block: Block) -> bool:
    return block.version == 6 and block.subnet_of(PRIVATE_IPV6)


def _contains(outer: Block, inner: Block) -> bool:
    return outer.version == inner.version and inner.subnet_of(outer)


def gaps(used: Iterable[Block], sizes: dict[int, int]) -> Iterator[Gap]:
    """Yield the free ranges of all spaces in use; `sizes` are prefixes of the blocks to propose, by family."""
    used = list(used)
    for space in spaces(used):
        for first, last in free_ranges(space, used):
            block = first_in(space, first, last, sizes[space.version])
            yield Gap(version=space.version, first=first, last=last, proposed=host_of(block))


def host_of(block: Block | None) -> str:
    """Return the first address of a block with its prefix, as the form that adds networks takes it; "" without one."""
    return f"{block[1]}/{block.prefixlen}" if block else ""


def on_other_hypervisors(blocks: Iterable[tuple[Block, str, str]]) -> dict[tuple[Block, str], tuple[str, ...]]:
    """Return the networks of other hypervisors with the same addresses, by block and hypervisor.

    Given block, hypervisor and name of each network. Blocks overlap if one contains the other, so that in numeric
    order, those that contain a block are still open when it follows.
    """
    found: dict[tuple[Block, str], dict[str, None]] = defaultdict(dict)
    around: list[tuple[Block, str, str]] = []
    for block, hypervisor, name in sorted(blocks, key=lambda one: (one[0].version, one[0])):
        while around and not _contains(around[-1][0], block):
            around.pop()
        for other, elsewhere, its in around:
            if elsewhere != hypervisor:
                found[block, hypervisor][f"{its} on {elsewhere}"] = None
                found[other, elsewhere][f"{name} on {hypervisor}"] = None
        around.append((block, hypervisor, name))
    return {key: tuple(names) for key, names in found.items()}
