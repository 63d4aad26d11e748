"""The values that the form of a reservation proposes."""

from dataclasses import replace

import pytest

from networks.definition.spec import HostSpec
from networks.reservations.proposals import propose
from networks.reservations.reservations import Known
from tests.networks.reservations.entries.reserved_entries import (
    EIGHT,
    NETWORK,
    NINE,
    SIX,
    again,
    desired,
    found,
    four,
    refused,
    states,
)
from tests.support.making import make_foreign_network, make_lease, make_running, make_vm
from virterweb.messages import Message


def test_without_a_guest_the_next_free_address_is_proposed(net):
    found(net, four(2))
    desired(net, four(3))
    make_lease(net, NINE.mac, "10.5.0.4")
    assert propose(Known(again(net))) == HostSpec(ip="10.5.0.5")
    assert propose(Known(again(net)), ip="10.5.0.50") == HostSpec(ip="10.5.0.50")


def test_the_current_address_of_a_guest_is_proposed(net):
    make_lease(net, EIGHT.mac, "10.5.0.80", "calls-itself")
    make_lease(net, EIGHT.mac, "fd00:5::80")
    assert propose(Known(net), EIGHT.mac) == HostSpec(mac=EIGHT.mac, ip="10.5.0.80", name="calls-itself")
    assert propose(Known(net), EIGHT.mac, ip="10.5.0.81").ip == "10.5.0.81"


@pytest.mark.parametrize("how", ["found", "saved"])
def test_the_next_free_address_is_proposed_if_the_current_one_is_reserved(net, how):
    make_lease(net, EIGHT.mac, NINE.ip)
    (found if how == "found" else desired)(net, NINE)
    assert propose(Known(net), EIGHT.mac).ip == "10.5.0.2"


def test_a_saved_but_not_yet_applied_address_is_not_proposed(net):
    desired(net, four(2))
    net.status.write(generation=again(net).generation, error=Message.external("libvirt refused it"))
    assert states(net) == {"10.5.0.2": "not added"}
    assert propose(Known(again(net))).ip == "10.5.0.3"


def test_a_lease_that_has_ended_proposes_nothing(net):
    make_lease(net, EIGHT.mac, "10.5.0.80", "calls-itself", last_seen=net.created_at)
    assert propose(Known(net), EIGHT.mac) == HostSpec(mac=EIGHT.mac, ip="10.5.0.2")


def test_the_name_of_the_vm_is_proposed_before_the_host_name(lab, net):
    make_running(make_vm(lab, "alma-8-8"), ("net1", EIGHT.mac, "vnet8"))
    make_lease(net, EIGHT.mac, "10.5.0.80", "localhost")
    assert propose(Known(net), EIGHT.mac).name == "alma-8-8"


@pytest.mark.parametrize(
    ("vm", "hostname", "name"),
    [
        ("My VM", "calls-itself", "calls-itself"),
        ("under_score", "", ""),
        ("VM-9", "calls-itself", "calls-itself"),
        ("vm-9", "vm-9", ""),
        ("vm-6", "", "vm-6"),
    ],
    ids=["spaces", "not a DNS name", "another has it", "another has both", "only an IPv6 guest has it"],
)
def test_an_unavailable_name_is_not_proposed(lab, net, vm, hostname, name):
    make_running(make_vm(lab, vm), ("net1", EIGHT.mac, "vnet8"))
    make_lease(net, EIGHT.mac, "10.5.0.80", hostname)
    found(net, NINE, SIX)
    assert propose(Known(net), EIGHT.mac).name == name


def test_a_guest_that_has_an_entry_keeps_its_name(lab, net):
    make_running(make_vm(lab, "alma-8-8"), ("net1", EIGHT.mac, "vnet8"))
    make_lease(net, EIGHT.mac, "10.5.0.80", "localhost")
    found(net, EIGHT)
    assert propose(Known(net), EIGHT.mac) == replace(EIGHT, ip="10.5.0.80")


def test_an_ipv6_lease_is_kept_by_its_client_id(lab, net):
    make_running(make_vm(lab, "alma-8-8"), ("net1", EIGHT.mac, "vnet8"))
    found(net, EIGHT, four(9, name="alma-8-8"))
    proposed = propose(Known(net), EIGHT.mac, "fd00:5::80", SIX.duid)
    assert proposed == HostSpec(duid=SIX.duid, ip="fd00:5::80", name="vm-8")


def test_an_ipv6_guest_that_has_an_entry_keeps_its_name(lab, net):
    make_running(make_vm(lab, "alma-8-8"), ("net1", EIGHT.mac, "vnet8"))
    found(net, SIX)
    assert propose(Known(net), EIGHT.mac, "fd00:5::80", SIX.duid).name == SIX.name


def test_an_entry_is_added_to_the_ipv4_block_with_dhcp(lab):
    before = "<ip address='10.4.0.1' prefix='24'/><ip address='10.5.0.1'"
    network = make_foreign_network(lab, NETWORK.replace("<ip address='10.5.0.1'", before))
    assert propose(Known(network)).ip == "10.5.0.2"
    assert [field for field, _ in refused(network, four(8, ip="10.4.0.8"))] == ["ip"]
