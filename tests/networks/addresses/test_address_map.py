"""The map of a block's addresses: each in one state, counted alike whether drawn singly or in groups."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, ip_interface, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from networks.addresses.address_map import AddressMap, draw, next_free
from networks.addresses.grid import Taken, Use, number
from tests.support.examples import examples

pytestmark = pytest.mark.integration

NET1 = ip_interface("10.255.0.1/24")
NET1_RANGE = ((number("10.255.0.2"), number("10.255.0.254")),)
NOBODY = Taken(leased={}, seen={}, reserved={})


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What a map is drawn of."""

    interface: IPv4Interface
    ranges: tuple[tuple[int, int], ...]
    taken: Taken

    def map(self, zoom: IPv4Network | None = None) -> AddressMap:
        return draw(self.interface, self.ranges, self.taken, zoom)

    def use(self, address: int) -> Use:
        """The state of one address, asked in the plainest way."""
        block = self.interface.network
        if IPv4Address(address) in (block.network_address, block.broadcast_address):
            return Use.EDGE
        if IPv4Address(address) == self.interface.ip:
            return Use.HOST
        sides = {Use.LEASED: self.taken.leased, Use.IN_USE: self.taken.seen, Use.RESERVED: self.taken.reserved}
        for use, numbers in sides.items():
            if address in numbers:
                return use
        return Use.RANGE if any(low <= address <= high for low, high in self.ranges) else Use.FREE

    def uses(self) -> dict[int, Use]:
        return {address: self.use(address) for address in numbers(self.interface.network)}


def numbers(block: IPv4Network) -> range:
    return range(int(block.network_address), int(block.broadcast_address) + 1)


def as_numbers(addresses: Mapping[str, str]) -> dict[int, tuple[str, str]]:
    return {number(ip): (who, "") for ip, who in addresses.items()}


def taken(leased: Mapping[str, str] = {}, seen: Mapping[str, str] = {}, reserved: Mapping[str, str] = {}) -> Taken:
    return Taken(leased=as_numbers(leased), seen=as_numbers(seen), reserved=as_numbers(reserved))


def texts(drawn: AddressMap) -> dict[str, str]:
    return {cell.block: cell.text for cell in drawn.cells}


@st.composite
def blocks(draw_one: st.DrawFn, *prefixes: int) -> Drawn:
    """A block of one of the prefixes, with entries and ranges in it and around it, crowded or not."""
    prefix = draw_one(st.sampled_from(prefixes))
    size = 2 ** (32 - prefix)
    start = number("10.64.0.0") + draw_one(st.integers(0, 3)) * size
    host = start + draw_one(st.integers(0, size - 1))
    near = st.integers(start - 5, start + size + 5)
    crowd = st.builds(range, near, near).map(dict.fromkeys) if draw_one(st.booleans()) else st.just({})
    some = st.lists(near, max_size=12).map(dict.fromkeys)
    people = st.builds(lambda one, other: dict.fromkeys(one | other, ("vm", "")), some, crowd)
    ranges = st.lists(st.tuples(near, near), max_size=4).map(tuple)
    return Drawn(
        interface=ip_interface((host, prefix)),
        ranges=draw_one(ranges),
        taken=draw_one(st.builds(Taken, leased=people, seen=people, reserved=people)),
    )


small = blocks(28, 27, 26, 24)
tiny = blocks(32, 31, 30, 29)
large = blocks(22, 21, 20)


@settings(max_examples=examples(50), deadline=None)
@given(st.one_of(small, tiny))
def test_every_address_of_a_small_block_is_in_the_first_state_that_holds(drawn):
    cells = drawn.map().cells
    assert {number(cell.first): cell.use for cell in cells} == drawn.uses()
    assert len(cells) == drawn.interface.network.num_addresses
    assert all(cell.counts == ((cell.use, 1),) and cell.fill == cell.use.takes for cell in cells)


@settings(max_examples=examples(50), deadline=None)
@given(st.one_of(small, tiny, large))
def test_counts_add_up_to_the_blocks_size(drawn):
    found = drawn.map()
    assert sum(found.counts.values()) == drawn.interface.network.num_addresses
    assert list(found.counts) == list(Use)
    by_cell = sum((Counter(dict(cell.counts)) for cell in found.cells), Counter())
    assert by_cell == +Counter(found.counts) == Counter(drawn.uses().values())
    not_for_guests = found.counts[Use.EDGE] + found.counts[Use.HOST]
    assert found.usable == found.used + found.free == drawn.interface.network.num_addresses - not_for_guests
    assert (found.percent == 100) == (found.used > 0 and found.free == 0)


@settings(max_examples=examples(20), deadline=None)
@given(large)
def test_a_group_counts_what_zooming_into_it_shows(drawn):
    found = drawn.map()
    assert (found.grouped, len(found.cells)) == (True, 256)
    for cell, block in zip(found.cells, drawn.interface.network.subnets(new_prefix=found.group), strict=True):
        assert (cell.block, cell.last) == (str(block), str(block.broadcast_address))
        zoomed = drawn.map(block)
        assert (zoomed.block, zoomed.grouped) == (str(block), False)
        assert dict(cell.counts) == {use: count for use, count in zoomed.counts.items() if count}
        assert cell.fill == sum(one.fill for one in zoomed.cells) / block.num_addresses
        assert cell.tenths in range(11)
        assert (cell.tenths > 0) == (cell.fill > 0)


@settings(max_examples=examples(30), deadline=None)
@given(st.one_of(small, large), st.data())
def test_a_zoomed_block_shows_the_same_states_as_the_whole_map(drawn, data):
    block = data.draw(st.sampled_from(list(drawn.interface.network.subnets(prefixlen_diff=2))))
    uses = {address: drawn.use(address) for address in numbers(block)}
    found = drawn.map(block)
    assert {number(cell.first): cell.use for cell in found.cells if not cell.last}.items() <= uses.items()
    assert +Counter(found.counts) == Counter(uses.values())
    assert found.next_free == lowest_free(uses)


@settings(max_examples=examples(50), deadline=None)
@given(st.one_of(small, tiny, large), st.integers(-3, 1030))
def test_the_next_free_address_is_the_lowest_unused_one(drawn, offset):
    uses, known = drawn.uses(), drawn.taken
    everybody = {*known.leased, *known.seen, *known.reserved}
    assert drawn.map().next_free == next_free(drawn.interface, everybody) == lowest_free(uses)
    after = min(uses) + offset
    above = {address: use for address, use in uses.items() if address > after}
    assert next_free(drawn.interface, everybody, after) == lowest_free(above)


def lowest_free(uses: dict[int, Use]) -> str:
    free = [address for address, use in uses.items() if use in (Use.RANGE, Use.FREE)]
    return str(IPv4Address(min(free))) if free else ""


@given(st.integers(0, 2**32 - 1))
def test_dotted_ipv4_is_read_as_its_number(address):
    assert number(str(IPv4Address(address))) == address


@pytest.mark.parametrize(
    "text",
    [
        *("", "10.1", "10.0.0", "167772161", "10.0.0.0.1", "10.0.0.1.", "10.0.0.256", "10.0.0.010", "10.0.0.0x1"),
        *("10.0.0.1 ", " 10.0.0.1", "10.0.0.1\n", "10.0.0.1 no", "10.0.0.1\0", "10.0.0.١", "\ud800"),
        *("fd00::1", "10.0.0.1/24"),
    ],
)
def test_other_texts_are_refused_as_an_address(text):
    with pytest.raises(ValueError):
        number(text)


def test_each_address_says_in_words_what_it_is_used_for():
    people = taken(
        leased={"10.255.0.8": "alma-8-8 (52:54:00:00:00:08)", "10.255.0.9": "52:54:00:00:00:09", "10.255.0.10": ""},
        seen={"10.255.0.11": "52:54:00:00:00:0b", "10.255.0.12": ""},
        reserved={"10.255.0.8": "alma-8-8", "10.255.0.11": "", "10.255.0.13": "web", "10.255.0.14": ""},
    )
    said = texts(draw(NET1, [(number("10.255.0.8"), number("10.255.0.99"))], people))
    assert [said[f"10.255.0.{last}"] for last in (0, 1, 2, *range(8, 16), 255)] == [
        "10.255.0.0: not for guests",
        "10.255.0.1: the host",
        "10.255.0.2: free",
        "10.255.0.8: leased to alma-8-8 (52:54:00:00:00:08), reserved",
        "10.255.0.9: leased to 52:54:00:00:00:09",
        "10.255.0.10: leased",
        "10.255.0.11: in use without lease by 52:54:00:00:00:0b, reserved",
        "10.255.0.12: in use without lease",
        "10.255.0.13: reserved for web",
        "10.255.0.14: reserved",
        "10.255.0.15: free, in the DHCP range",
        "10.255.0.255: not for guests",
    ]


def test_a_group_says_how_many_addresses_are_in_which_state():
    people = taken(
        leased=dict.fromkeys(["10.1.2.1", "10.1.2.2", "10.1.2.3"], "vm"),
        seen={"10.1.3.1": "vm"},
        reserved={f"10.1.2.{last}": "vm" for last in range(3, 14)},
    )
    found = draw(ip_interface("10.1.0.1/16"), [(number("10.1.2.0"), number("10.1.2.127"))], people)
    said = texts(found)
    assert said["10.1.0.0/24"] == "10.1.0.0/24: 1 not for guests, the host, 254 free"
    assert said["10.1.2.0/24"] == "10.1.2.0/24: 3 leased, 10 reserved, 243 free"
    assert said["10.1.3.0/24"] == "10.1.3.0/24: 1 in use without lease, 255 free"
    assert said["10.1.4.0/24"] == "10.1.4.0/24: 256 free"
    assert (found.used, found.usable, found.percent) == (14, 2**16 - 3, 0)
    assert found.cells[2].fill == 13 / 256


def test_a_full_group_speaks_of_no_free_address():
    people = Taken(leased=dict.fromkeys(numbers(ip_network("10.1.2.0/24")), ("vm", "")), seen={}, reserved={})
    full = draw(ip_interface("10.1.0.1/16"), (), people).cells[2]
    assert (full.text, full.fill, full.use) == ("10.1.2.0/24: 256 leased", 1, Use.LEASED)


def test_the_state_of_a_group_is_the_most_frequent_one():
    people = taken(
        leased={"10.1.2.1": "vm", "10.1.0.9": "vm"}, reserved=dict.fromkeys(["10.1.2.2", "10.1.2.3", "10.1.3.1"], "vm")
    )
    ranges = [(number("10.1.4.0"), number("10.1.4.255")), (number("10.1.5.0"), number("10.1.5.9"))]
    cells = draw(ip_interface("10.1.0.1/16"), ranges, people).cells
    uses = [cell.use for cell in (*cells[:6], cells[-1])]
    assert uses == [Use.LEASED, Use.FREE, Use.RESERVED, Use.RESERVED, Use.RANGE, Use.FREE, Use.EDGE]


def test_the_map_prefers_edges_then_the_host_then_leases():
    everywhere = {f"10.255.0.{last}": "vm" for last in (0, 1, 2, 255)}
    cells = draw(NET1, NET1_RANGE, taken(leased=everywhere, seen=everywhere, reserved=everywhere)).cells
    assert [cells[last].use for last in (0, 1, 2, 255)] == [Use.EDGE, Use.HOST, Use.LEASED, Use.EDGE]
    assert [cells[last].reserved for last in (0, 1, 2, 255)] == [False, False, True, False]
    assert [cells[last].who for last in (0, 1, 2, 255)] == ["", "", "vm", ""]


def test_the_holder_is_named_by_the_source_that_decides_the_state():
    people = taken(
        leased={"10.255.0.8": "by lease"},
        seen={"10.255.0.8": "as seen", "10.255.0.9": "as seen"},
        reserved=dict.fromkeys(["10.255.0.8", "10.255.0.9", "10.255.0.10"], "as written"),
    )
    cells = draw(NET1, NET1_RANGE, people).cells[8:11]
    assert [(cell.who, cell.reserved) for cell in cells] == [
        ("by lease", True),
        ("as seen", True),
        ("as written", False),
    ]


def test_a_new_block_is_free_but_for_the_edges_and_the_host():
    found = draw(NET1, NET1_RANGE, NOBODY)
    assert found.counts == {**dict.fromkeys(Use, 0), Use.EDGE: 2, Use.HOST: 1, Use.RANGE: 253}
    assert (found.next_free, found.usable, found.free, found.used, found.percent) == ("10.255.0.2", 253, 253, 0, 0)


def test_a_block_is_full_only_when_its_last_address_is_taken():
    people = {f"10.255.0.{last}": "vm" for last in range(2, 254)}
    found = draw(NET1, NET1_RANGE, taken(reserved=people))
    assert (found.percent, found.next_free) == (99, "10.255.0.254")
    found = draw(NET1, NET1_RANGE, taken(reserved=people, seen={"10.255.0.254": "vm"}))
    assert (found.percent, found.next_free) == (100, "")


def test_blocks_up_to_a_23_are_drawn_address_by_address():
    found = draw(ip_interface("10.0.0.1/23"), (), NOBODY)
    assert (found.grouped, found.group, len(found.cells)) == (False, 32, 512)
    found = draw(ip_interface("10.0.0.1/22"), (), NOBODY)
    assert (found.grouped, found.group, len(found.cells)) == (True, 30, 256)


def test_the_map_zooms_from_an_8_block_to_single_addresses():
    whole, people = ip_interface("10.0.0.1/8"), taken(leased={"10.7.8.9": "vm"})
    outer = draw(whole, [(0, 2**32 - 1)], people)
    middle = draw(whole, [(0, 2**32 - 1)], people, ip_network(outer.cells[7].block))
    inner = draw(whole, [(0, 2**32 - 1)], people, ip_network(middle.cells[8].block))
    assert [drawn.block for drawn in (outer, middle, inner)] == ["10.0.0.0/8", "10.7.0.0/16", "10.7.8.0/24"]
    assert [drawn.counts[Use.LEASED] for drawn in (outer, middle, inner)] == [1, 1, 1]
    assert [drawn.next_free for drawn in (outer, middle, inner)] == ["10.0.0.2", "10.7.0.0", "10.7.8.0"]
    assert inner.cells[9].text == "10.7.8.9: leased to vm"
    assert inner.counts[Use.EDGE] == 0


@pytest.mark.parametrize("zoom", ["10.255.1.0/24", "10.255.0.0/23", "10.0.0.0/8"])
def test_the_map_zooms_only_into_its_own_block(zoom):
    with pytest.raises(ValueError, match=r"is not in 10\.255\.0\.0/24"):
        draw(NET1, NET1_RANGE, NOBODY, ip_network(zoom))


@pytest.mark.parametrize("interface", ["10.0.0.0/31", "10.0.0.1/31", "10.0.0.1/32"])
def test_a_block_of_two_addresses_or_one_has_none_for_guests(interface):
    found = draw(ip_interface(interface), [(0, 2**32 - 1)], NOBODY)
    assert {cell.use for cell in found.cells} == {Use.EDGE}
    assert (found.usable, found.percent, found.next_free) == (0, 0, "")


def test_after_the_last_free_address_there_is_none():
    assert next_free(NET1, set()) == "10.255.0.2"
    assert next_free(NET1, {number("10.255.0.2")}) == "10.255.0.3"
    assert next_free(NET1, set(), after=number("10.255.0.8")) == "10.255.0.9"
    assert next_free(NET1, set(), after=number("10.255.0.254")) == ""
