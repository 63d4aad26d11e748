"""Reservations that are refused, and two people who change them."""

from dataclasses import replace

import pytest

from networks.reservations.reservations import Conflict, entries, remove, reserve
from tests.networks.reservations.entries.reserved_entries import (
    EIGHT,
    NINE,
    TEN,
    again,
    desired,
    found,
    four,
    refused,
    saved_entries,
    take_away,
    texts,
)
from tests.support.making import make_network


def test_all_are_reserved_or_none(net):
    found(net, EIGHT)
    assert refused(net, NINE, four(11, ip=EIGHT.ip)) == (
        ("ip", f"10.5.0.8 is already reserved for {EIGHT.mac} (vm-8)."),
    )
    assert refused(net, NINE, four(11, ip=NINE.ip, name="vm-9"), TEN) == (
        ("ip", f"10.5.0.9 is already reserved for {NINE.mac} (vm-9)."),
        ("name", f"vm-9 is already the name of {NINE.mac} (10.5.0.9)."),
    )


def test_nothing_moves_when_one_of_several_is_refused(net):
    desired(net, EIGHT)
    refused(net, replace(EIGHT, ip="10.5.0.18"), replace(NINE, ip="10.6.0.9"))
    assert saved_entries(net) == texts(EIGHT)


def test_a_changed_entry_cannot_have_the_address_of_another(net):
    found(net, EIGHT, NINE)
    assert refused(net, replace(EIGHT, ip=NINE.ip), was=EIGHT.ip)[0][0] == "ip"
    assert refused(net, replace(EIGHT, name=NINE.name), was=EIGHT.ip)[0][0] == "name"
    assert refused(net, replace(EIGHT, mac=NINE.mac), was=EIGHT.ip)[0][0] == "mac"


def test_the_second_of_two_users_sees_the_entry_of_the_first(net):
    first, second = again(net), again(net)
    reserve(first, [EIGHT], None)
    with pytest.raises(Conflict, match=f"10.5.0.8 is already reserved for {EIGHT.mac}"):
        reserve(second, [four(9, ip=EIGHT.ip)], None)
    reserve(second, [NINE], None)
    assert saved_entries(net) == texts(EIGHT, NINE)
    assert remove(first, [EIGHT.ip], None) == [EIGHT]
    assert remove(second, [EIGHT.ip], None) == []
    assert entries(first) == entries(second) == {NINE.ip: NINE}
    assert again(net).generation == 3


def test_the_second_of_two_users_can_have_an_address_that_the_first_gave_up(net):
    found(net, EIGHT)
    first, second = again(net), again(net)
    remove(first, [EIGHT.ip], None)
    reserve(second, [four(9, ip=EIGHT.ip)], None)
    assert entries(net) == {EIGHT.ip: four(9, ip=EIGHT.ip)}


def test_deleting_returns_the_entries_and_enqueues_nothing_without_any(net):
    found(net, EIGHT)
    assert remove(net, ["10.5.0.99", EIGHT.ip, "10.5.0.98"], None) == [EIGHT]
    before = again(net).generation
    assert remove(net, ["10.5.0.99", EIGHT.ip], None) == []
    assert again(net).generation == before


def test_many_deleted_entries_are_named_by_the_first_three(lab):
    network = make_network(lab, "net1", "10.5.0.1/24")
    desired(network, *map(four, range(20, 25)))
    take_away(network, *map(four, range(20, 25)))
    assert network.revisions.first().what == "DHCP reservations of 10.5.0.20, 10.5.0.21, 10.5.0.22 and 2 more removed"
