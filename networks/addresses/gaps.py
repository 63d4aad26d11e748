"""Free ranges of addresses between blocks in use. Pure."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network

Block = IPv4Network | IPv6Network


def free_ranges(space: Block, used: Iterable[Block]) -> Iterator[tuple[int, int]]:
    """Yield the first and last address of each range of a space that no block uses, as numbers."""
    near = (block for block in used if block.version == space.version and block.overlaps(space))
    start, end = int(space.network_address), int(space.broadcast_address)
    for first, last in sorted((int(block.network_address), int(block.broadcast_address)) for block in near):
        if first > start:
            yield start, first - 1
        start = max(start, last + 1)
    if start <= end:
        yield start, end


def first_in(space: Block, first: int, last: int, prefix: int) -> Block | None:
    """Return the first block of a size that is in the space and in a range of addresses; None if there is none."""
    if prefix < space.prefixlen:
        return None
    size = 1 << (space.max_prefixlen - prefix)
    start = -(-first // size) * size
    return ip_network((start, prefix)) if start + size - 1 <= last else None


def first_free(space: Block, used: Iterable[Block], prefix: int) -> Block | None:
    """Return the first block of a size in a space that overlaps no used one; None if there is none."""
    found = (first_in(space, first, last, prefix) for first, last in free_ranges(space, used))
    return next(filter(None, found), None)
