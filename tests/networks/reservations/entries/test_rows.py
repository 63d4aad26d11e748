"""The rows of the list of reservations."""

from networks.reservations.proposals import unreserved
from networks.reservations.reservations import Known, remove, rows
from tests.networks.reservations.entries.reserved_entries import (
    EIGHT,
    NETWORK,
    NINE,
    SIX,
    TEN,
    desired,
    found,
    four,
    row,
)
from tests.support.making import make_foreign_network, make_lease, make_running, make_vm


def test_rows_are_sorted_by_address_with_ipv4_first(net):
    found(net, SIX, four(100), NINE)
    desired(net, four(20))
    assert [row.host for row in rows(net)] == [NINE, four(20), four(100), SIX]


def test_a_row_names_the_vm_with_the_mac_and_its_network(lab, net):
    make_foreign_network(lab, NETWORK.replace("net1", "net2").replace("10.5.", "10.6."))
    make_running(make_vm(lab, "vm-8"), ("net1", EIGHT.mac, "vnet8"))
    make_running(make_vm(lab, "vm-9", 9), ("net2", NINE.mac, "vnet9"))
    found(net, EIGHT, NINE, TEN)
    here, there, none = (row(net, host) for host in (EIGHT, NINE, TEN))
    assert (here.holder.vm, here.here) == ("vm-8", True)
    assert (there.holder.vm, there.holder.source, there.here) == ("vm-9", "net2", False)
    assert (none.holder, none.here) == (None, False)


def test_a_row_shows_the_current_address_of_its_guest(net):
    found(net, EIGHT, NINE, four(11), SIX)
    make_lease(net, EIGHT.mac, "10.5.0.8")
    make_lease(net, EIGHT.mac, "fd00:5::8")
    make_lease(net, NINE.mac, "10.5.0.90")
    make_lease(net, four(11).mac, "10.5.0.91", last_seen=net.created_at)
    shown = {host.ip: (row(net, host).leased, row(net, host).differs) for host in (EIGHT, NINE, four(11), SIX)}
    assert shown == {
        "10.5.0.8": (("10.5.0.8",), False),
        "10.5.0.9": (("10.5.0.90",), True),
        "10.5.0.11": ((), False),
        "fd00:5::6": ((), False),
    }


def test_nics_without_an_entry_are_listed_by_vm(lab, net):
    make_foreign_network(lab, NETWORK.replace("net1", "net2").replace("10.5.", "10.6."))
    make_running(make_vm(lab, "b", 8), ("net1", EIGHT.mac, "vnet8"), ("net2", "52:54:00:80:00:08", "vnet80"))
    make_running(make_vm(lab, "A", 9), ("net1", NINE.mac, "vnet9"))
    make_running(make_vm(lab, "c", 11), ("net1", four(11).mac, "vnet11"))
    make_running(make_vm(lab, "d", 12), ("net1", four(12).mac, "vnet12"))
    found(net, four(11))
    desired(net, four(12))
    assert [(nic.vm, nic.mac) for nic in unreserved(Known(net))] == [("A", NINE.mac), ("b", EIGHT.mac)]
    remove(net, [four(11).ip], None)
    assert [nic.vm for nic in unreserved(Known(net))] == ["A", "b", "c"]


def test_desired_reservations_are_read_as_the_values_of_their_rows(net):
    desired(net, EIGHT, SIX, four(20))
    assert net.hosts.specs() == tuple(entry.spec() for entry in net.hosts.all())
    assert set(net.wanted_hosts()) == {EIGHT, SIX, four(20)}
