"""An edit is pushed with the fewest changes in libvirt."""

import pytest

from tests.networks.sync.push.pushed_networks import change, push, stored, subnet_with
from tests.support.making import make_host, make_network
from virterweb.hypervisors.desired.state import State

pytestmark = pytest.mark.integration


def test_an_edit_is_pushed(lab, raw):
    network = change(push(make_network(lab, active=False)), mtu=9000, domain="lab.test")
    assert (network.state, network.status.not_kept) == (State.READY, [])
    assert "<mtu size='9000'/>" in stored(raw)
    assert "<domain name='lab.test'/>" in stored(raw)
    assert not raw.networkLookupByName("net1").isActive()


def test_an_edit_that_is_not_possible_live_restarts_a_running_network(lab, raw, writes):
    network = push(make_network(lab))
    writes.clear()
    assert change(network, mtu=9000).state == State.READY
    assert writes == ["networkDefineXML", "destroy", "create"]
    assert raw.networkLookupByName("net1").isActive()


def test_an_edit_that_is_possible_live_restarts_nothing(lab, raw, writes):
    network = push(make_network(lab))
    writes.clear()
    host = make_host(network, "52:54:00:00:00:08", "10.255.0.8").spec()
    network = change(network, subnets=subnet_with(network, hosts=(host,)))
    assert network.state == State.READY
    assert "<host mac='52:54:00:00:00:08' ip='10.255.0.8'/>" in stored(raw)
    assert set(writes) == {"update"}


def test_a_push_without_differences_writes_nothing_to_libvirt(lab, raw, writes):
    network = change(push(make_network(lab)), mtu=9000, dnsmasq_options=("log-dhcp",), title="Kept by nobody")
    before = stored(raw)
    writes.clear()
    network.ask_again()
    assert push(network).state == State.READY
    assert writes == []
    assert stored(raw) == before
