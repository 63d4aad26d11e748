"""Virter's address rules, with the figures of its own documentation."""

from ipaddress import ip_address, ip_interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from networks.definition.addressing import (
    dhcp_range,
    generated_hosts,
    id_of_mac,
    ip_of_id,
    mac_of_id,
    mac_plus,
    may_be_in_mac,
    parse_mac,
)


@pytest.mark.parametrize(
    ("number", "mac", "ip"),
    [(8, "52:54:00:00:00:08", "192.168.122.8"), (254, "52:54:00:00:00:fe", "192.168.122.254")],
)
def test_an_id_decides_mac_and_address(number, mac, ip):
    assert mac_of_id(number) == mac
    assert str(ip_of_id(ip_interface("192.168.122.1/24"), number)) == ip
    assert id_of_mac(mac) == number


def test_ids_carry_into_the_next_byte():
    assert mac_of_id(256) == "52:54:00:00:01:00"
    assert str(ip_of_id(ip_interface("10.0.0.1/16"), 256)) == "10.0.1.0"


@pytest.mark.parametrize("number", [0, 255, 256, -1])
def test_an_id_outside_the_block_has_no_address(number):
    with pytest.raises(ValueError, match="has no address in"):
        ip_of_id(ip_interface("192.168.122.1/24"), number)


@pytest.mark.parametrize("number", [0, 2**24])
def test_an_id_outside_the_macs_has_none(number):
    with pytest.raises(ValueError, match="must be between 1 and"):
        mac_of_id(number)


def test_other_macs_have_no_id():
    assert id_of_mac("52:54:01:00:00:00") is None
    assert id_of_mac("02:00:00:00:00:08") is None


@given(st.integers(1, 2**24 - 1))
def test_the_mac_of_an_id_is_read_back_as_the_id(number):
    assert id_of_mac(mac_of_id(number)) == number


@pytest.mark.parametrize(
    ("interface", "first", "last"),
    [
        ("10.255.0.1/24", "10.255.0.2", "10.255.0.254"),
        ("10.255.0.100/24", "10.255.0.101", "10.255.0.254"),
        ("10.0.0.1/16", "10.0.0.2", "10.0.255.254"),
        ("10.0.0.1/8", "10.0.0.2", "10.0.255.255"),
        ("10.0.0.1/30", "10.0.0.2", "10.0.0.2"),
        ("fd00::1/64", "fd00::2", "fd00::ffff"),
        ("fd00::1/112", "fd00::2", "fd00::fffe"),
    ],
)
def test_dhcp_begins_after_the_host_and_is_capped_at_65536(interface, first, last):
    assert dhcp_range(ip_interface(interface)) == (ip_address(first), ip_address(last))


def test_a_host_at_the_end_of_its_block_leaves_no_range():
    with pytest.raises(ValueError, match="leaves no address for DHCP"):
        dhcp_range(ip_interface("10.255.0.254/24"))


def test_generated_entries_count_from_the_base_and_from_the_host():
    entries = generated_hosts(ip_interface("10.255.0.1/24"), "52:54:00:00:00:ff", 8, 2)
    assert entries == (
        ("52:54:00:00:01:07", ip_address("10.255.0.2")),
        ("52:54:00:00:01:08", ip_address("10.255.0.3")),
    )


def test_generated_entries_fill_a_block_and_no_more():
    assert len(generated_hosts(ip_interface("10.255.0.1/24"), "52:54:00:00:00:00", 0, 253)) == 253
    with pytest.raises(ValueError, match="room for 253 DHCP reservations"):
        generated_hosts(ip_interface("10.255.0.1/24"), "52:54:00:00:00:00", 0, 254)


def test_a_mac_past_the_last_is_refused():
    with pytest.raises(ValueError, match="There is no MAC"):
        mac_plus("ff:ff:ff:ff:ff:ff", 1)


@pytest.mark.parametrize(
    "text",
    [
        *("52:54:00:b3:72:d7", "52:54:00:B3:72:D7", "52-54-00-B3-72-D7", "52-54-00-b3-72-d7"),
        *("5254.00b3.72d7", "5254.00B3.72D7", "525400b372d7", "525400B372D7", " 52:54:00:b3:72:d7 "),
    ],
)
def test_macs_are_read_as_people_write_them(text):
    assert parse_mac(text) == "52:54:00:b3:72:d7"


@pytest.mark.parametrize(
    "text",
    [
        *("", "52:54:00:b3:72", "52:54:00:b3:72:d7:00", "52:54:0:b3:72:d7", "52:54:00:b3:72:dx"),
        *("5254.00b3", "5254.00b3.72d7.0000", "52.54.00.b3.72.d7", "525400b372d", "525400b372d70", "٥٢5400b372d7"),
        *("01:00:5e:00:00:01", "0100.5e00.0001", "01005e000001", "00:00:00:00:00:00", "0000.0000.0000", "000000000000"),
    ],
)
def test_a_mac_that_no_guest_can_have_is_refused(text):
    with pytest.raises(ValueError, match="MAC"):
        parse_mac(text)


@pytest.mark.parametrize(
    ("text", "may"), [("52:54", True), ("aB", True), (":0", True), ("vm-1", False), ("net", False), ("52:54 ", False)]
)
def test_a_search_knows_which_text_may_be_part_of_a_mac(text, may):
    assert may_be_in_mac(text) is may
