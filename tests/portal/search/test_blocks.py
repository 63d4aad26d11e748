"""Search for a block of addresses."""

import pytest

from tests.portal.search.search_results import MAC, NET1, OTHER, entry, ips, named, rows
from tests.support.making import make_foreign_network, make_lease
from vms.models import NICAddress


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10.255.0.64/26", ["10.255.0.64", "10.255.0.100", "10.255.0.126", "10.255.0.127"]),
        ("10.255.0.99/26", ["10.255.0.64", "10.255.0.100", "10.255.0.126", "10.255.0.127"]),
        ("10.255.0.64/255.255.255.192", ["10.255.0.64", "10.255.0.100", "10.255.0.126", "10.255.0.127"]),
        ("10.255.0.126/31", ["10.255.0.126", "10.255.0.127"]),
        ("10.255.1.0/24", []),
        ("fd00:1::80/122", ["fd00:1::80", "fd00:1::bf"]),
    ],
)
def test_a_block_lists_only_the_addresses_in_it(ask, net1, vm, text, found):
    for ip in ("10.255.0.63", "10.255.0.64", "10.255.0.127", "10.255.0.128", "fd00:1::7f", "fd00:1::80", "fd00:1::c0"):
        make_lease(net1, OTHER, ip)
    entry(net1, "10.255.0.126", OTHER)
    entry(net1, "10.255.0.129", OTHER)
    for ip in ("10.255.0.100", "10.255.0.9", "fd00:1::bf"):
        NICAddress.objects.create(vm=vm.status, mac=OTHER, ip=ip, source="agent")
    assert ips(ask(text)) == found


def test_the_beginning_of_an_address_is_a_block(ask, net1, default, vm):
    make_lease(default, MAC, "192.168.122.8")
    for ip in ("10.255.0.9", "10.255.0.207"):
        make_lease(net1, OTHER, ip)
    for text in ("10.", "10.255", "10.255.", "10.255.0", "10.255.0.", "10.255.0.*"):
        assert ips(ask(text)) == ["10.255.0.1", "10.255.0.9", "10.255.0.207"]
    assert ips(ask("192.168.122.")) == ["192.168.122.1", "192.168.122.8"]


def test_a_block_names_each_network_in_it_once(ask, lab):
    two = NET1.replace("family='ipv6' address='fd00:1::1' prefix='64'", "address='10.255.1.1' prefix='24'")
    make_foreign_network(lab, two)
    answer = ask("10.255.0.0/16")
    assert named(answer) == ["network net1 10.255.0.1/24,10.255.1.1/24 on lab-1"]
    assert rows(answer) == [
        ["10.255.0.1", "", "", "", "net1", "", "the host"],
        ["10.255.1.1", "", "", "", "net1", "", "the host"],
    ]
