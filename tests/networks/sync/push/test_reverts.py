"""Reverting pushes everything, and ends when it was refused or the network was released."""

import pytest

from networks.definition.events import Event
from networks.definition.spec import HostSpec
from networks.reservations import reservations as hosts
from tests.networks.sync.push.pushed_networks import OUTSIDE, again, push, redefine, stored
from tests.support.making import make_host, make_network
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.sync import observe
from virterweb.messages import Message

pytestmark = pytest.mark.integration


def test_only_a_revert_pushes_everything(lab, raw):
    network = push(make_network(lab, active=False))
    redefine(raw, *OUTSIDE["their domain"], active=False)
    observe(lab.pk)
    network.change(Event.REVERTED, overwrite=True)
    assert push(network).state == State.READY
    assert "external" not in stored(raw)


def test_a_network_that_was_stopped_outside_the_portal_stays_stopped_until_it_is_started(lab, raw):
    network = push(make_network(lab))
    raw.networkLookupByName("net1").destroy()
    network.reserve_ids(8, 1)
    network = push(network)
    assert not raw.networkLookupByName("net1").isActive()
    assert network.status.drifts == ["is not active"]
    network.change(Event.STARTED, active=True, requested=("active",))
    assert push(network).state == State.READY
    assert raw.networkLookupByName("net1").isActive()


def test_a_reservation_in_a_deleted_block_has_an_error(lab, raw):
    network = push(make_network(lab))
    found = raw.networkLookupByName("net1")
    found.destroy()
    raw.networkDefineXML(f"<network><name>net1</name><uuid>{network.uuid_text}</uuid></network>")
    make_host(network, "52:54:00:00:00:08", "10.255.0.8")
    network.ask_again()
    assert str(push(network).status.error) == (
        "In libvirt, net1 no longer has the block 10.255.0.1/24. "
        "Revert to the saved definition, or accept the changes from libvirt."
    )


def test_a_revert_that_was_refused_is_not_carried_out_by_a_later_reservation(lab, raw):
    network = push(make_network(lab))
    redefine(raw, *OUTSIDE["their domain"])
    observe(lab.pk)
    again(network).change(Event.REVERTED, overwrite=True)
    network.status.write(generation=again(network).generation, error=Message.external("refused"))
    hosts.reserve(again(network), [HostSpec(mac="52:54:00:00:00:08", ip="10.255.0.8")], None)
    network = push(network)
    assert "10.255.0.8" in stored(raw)
    assert "<domain name='external'/>" in stored(raw)


def test_a_pending_revert_is_kept_by_a_later_reservation(lab, raw):
    network = push(make_network(lab))
    redefine(raw, *OUTSIDE["their domain"])
    observe(lab.pk)
    again(network).change(Event.REVERTED, overwrite=True)
    hosts.reserve(again(network), [HostSpec(mac="52:54:00:00:00:08", ip="10.255.0.8")], None)
    assert again(network).overwrite


def test_releasing_a_network_cancels_its_pending_revert(lab, raw):
    network = push(make_network(lab))
    again(network).change(Event.REVERTED, overwrite=True)
    again(network).release()
    again(network).adopt()
    redefine(raw, *OUTSIDE["their DHCP reservation"])
    again(network).ask_again()  # as the admin's action does
    push(network)
    assert "10.255.0.77" in stored(raw)
