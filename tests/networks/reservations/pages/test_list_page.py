"""The list of DHCP reservations."""

import pytest

from networks.definition.spec import HostSpec
from networks.reservations.reservations import remove, reserve
from tests.networks.reservations.pages.reservation_pages import (
    DUID,
    EIGHT,
    HOSTILE,
    MAC,
    NINE,
    OTHER_MAC,
    SIX,
    again,
    at,
    found,
    table,
    text,
    tree,
)
from tests.support.making import make_lease, make_running, make_vm


def test_the_table_shows_guest_and_state_of_each_entry(page, lab, net):
    make_running(make_vm(lab, "vm-8"), ("net1", MAC, "vnet8"))
    make_lease(net, MAC, "10.5.0.80")
    found(net, EIGHT, SIX)
    reserve(again(net), [NINE], None)
    remove(again(net), [SIX.ip], None)
    assert table(page.get(at(net)), "hosts-table") == [
        ["10.5.0.8", MAC, "eight", "vm-8", "10.5.0.80", "reserved", "Edit Remove"],
        ["10.5.0.9", OTHER_MAC, "nine", "no VM has this MAC", "", "being added", "Edit Remove"],
        ["fd00:5::6", DUID, "six", "", "", "being removed", ""],
    ]


def test_the_table_can_show_only_unused_entries(page, lab, net):
    make_running(make_vm(lab, "vm-8"), ("net1", MAC, "vnet8"))
    found(net, EIGHT, NINE, SIX)
    assert [row[0] for row in table(page.get(at(net) + "?unused=1"), "hosts-table")] == ["10.5.0.9"]
    net.found_hosts.filter(mac=OTHER_MAC).delete()
    assert "Every DHCP reservation is for a VM." in text(tree(page.get(at(net) + "?unused=1")))


@pytest.mark.parametrize("key", ["ip", "mac", "name", "vm", "current", "state"])
def test_the_table_sorts_by_each_column(page, lab, net, key):
    make_running(make_vm(lab, "vm-8"), ("net1", MAC, "vnet8"))
    make_lease(net, MAC, "10.5.0.80")
    found(net, EIGHT, SIX)
    reserve(again(net), [NINE, HostSpec(mac="52:54:00:00:00:10", ip="10.5.0.10", name="vm-10")], None)
    column = ["ip", "mac", "name", "vm", "current", "state"].index(key)
    rising, falling = (
        [
            row[column].replace("no VM has this MAC", "")
            for row in table(page.get(f"{at(net)}?sort={sign}{key}"), "hosts-table")
        ]
        for sign in ("", "-")
    )
    expected = {
        "ip": ["10.5.0.8", "10.5.0.9", "10.5.0.10", "fd00:5::6"],
        "name": ["eight", "nine", "six", "vm-10"],
        "current": ["", "", "", "10.5.0.80"],
    }
    assert rising == expected.get(key, rising)
    assert len(rising) == 4
    assert falling == rising[::-1]


def test_an_empty_table_explains_reservations(page, net):
    assert "No DHCP reservations yet." in text(tree(page.get(at(net))))
    alone = page.get(at(net), headers={"HX-Request": "true"})
    assert tree(alone).get("id") == "hosts"


def test_a_name_from_outside_is_escaped(page, net):
    found(net, HostSpec(mac=MAC, ip=EIGHT.ip, name=HOSTILE))
    for path in (at(net), at(net, "host_edit", EIGHT.ip), at(net, "addresses")):
        assert HOSTILE not in page.get(path).content.decode()
    assert HOSTILE in text(tree(page.get(at(net))))
