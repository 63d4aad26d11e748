"""Free ranges between blocks: with the blocks, they are the whole space; the first free block is in one of them."""

from ipaddress import ip_network
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from networks.addresses.address_map import draw, filled
from networks.addresses.gaps import first_free, free_ranges
from tests.networks.addresses.test_address_map import Drawn, blocks
from tests.support.examples import examples

SPACE = ip_network("10.255.0.0/24")
USED = st.lists(
    st.builds(
        lambda number, length: ip_network((int(SPACE[0]) + number, length), strict=False),
        st.integers(-20, 280),
        st.integers(22, 32),
    ),
    max_size=8,
)


@settings(max_examples=examples(100), deadline=None)
@given(USED)
def test_each_address_of_a_space_is_in_a_used_block_or_in_a_free_range(used):
    free = {address for first, last in free_ranges(SPACE, used) for address in range(first, last + 1)}
    assert free == {int(one) for one in SPACE if not any(one in block for block in used)}
    found = list(free_ranges(SPACE, used))
    assert all(before[1] + 1 < after[0] for before, after in pairwise(found))


@settings(max_examples=examples(100), deadline=None)
@given(USED, st.integers(24, 30))
def test_the_first_free_block_is_the_lowest_that_overlaps_none(used, prefix):
    free = (one for one in SPACE.subnets(new_prefix=prefix) if not any(one.overlaps(block) for block in used))
    assert first_free(SPACE, used, prefix) == next(free, None)


def test_no_block_that_is_larger_than_the_space_is_free():
    assert first_free(SPACE, [], 23) is None


@settings(max_examples=examples(50), deadline=None)
@given(blocks(32, 31, 30, 28, 24, 21))
def test_a_block_is_as_full_as_its_address_map_says(drawn: Drawn):
    drawn_map = draw(drawn.interface, drawn.ranges, drawn.taken)
    used = {*drawn.taken.leased, *drawn.taken.seen, *drawn.taken.reserved}
    assert filled(drawn.interface, used) == (drawn_map.used, drawn_map.usable)
