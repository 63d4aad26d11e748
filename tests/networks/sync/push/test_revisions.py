"""The history of a network records plans, results and failures."""

from dataclasses import replace

import pytest

from networks.definition.document.edit import edit
from networks.definition.events import Event
from networks.models import Network
from tests.networks.sync.push.pushed_networks import OTHERS, again, change, latest, push, stored, subnet_with
from tests.support.making import make_host, make_network
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.gateway.found import Refused
from virterweb.hypervisors.gateway.nouns.networks import Networks
from virterweb.hypervisors.sync import observe
from virterweb.messages import Message

pytestmark = pytest.mark.integration


def test_the_history_has_plan_result_and_duration(lab, raw):
    network = change(push(make_network(lab)), mtu=9000)
    revision = latest(network)
    assert (revision.what, revision.result) == ("changed", "done")
    assert revision.steps == ["Define net1 again", "Restart net1, because libvirt cannot change this live: MTU"]
    assert 0 <= revision.seconds < 5


def test_the_history_has_the_failed_step_and_the_completed_ones(lab, raw, monkeypatch):
    network = push(make_network(lab))

    def refuse(host, uuid, name):
        raise Refused(Message.external(f"Could not start network {name}: its block is taken"))

    monkeypatch.setattr(Networks, "start", refuse)
    network = change(network, mtu=9000)
    assert network.state == State.FAILED
    revision = latest(network)
    assert (str(revision.error), revision.steps) == (
        *("Could not start network net1: its block is taken", ["Define net1 again"]),
    )
    assert revision.seconds is not None


def test_each_of_several_changes_has_its_result(lab, raw):
    network = push(make_network(lab))
    network.change(Event.CHANGED, document=edit(network.full_document, replace(network.spec, mtu=9000)))
    network.change(Event.CHANGED, document=edit(network.full_document, replace(network.spec, domain="lab.test")))
    network = push(network)
    assert not [revision.what for revision in network.revisions.all() if not revision.result]


def test_adopting_changes_nothing_in_libvirt(lab, raw, writes):
    raw.networkDefineXML(OTHERS).create()
    observe(lab.pk)
    before = raw.networkLookupByName("others").XMLDesc()
    writes.clear()
    network = Network.objects.shown().get(name="others")
    network.adopt()
    assert push(network).state == State.READY
    assert writes == []
    assert raw.networkLookupByName("others").XMLDesc() == before
    assert latest(network).result == "done"


def test_a_released_network_is_only_polled(lab, raw, writes):
    network = push(make_network(lab))
    writes.clear()
    network.release()
    raw.networkLookupByName("net1").setAutostart(False)
    observe(lab.pk)
    assert again(network).state == State.UNMANAGED
    assert writes == ["setAutostart"]


def test_restoring_a_definition_restores_reservations_in_libvirt(lab, raw):
    network = push(make_network(lab))
    host = make_host(network, "52:54:00:00:00:08", "10.255.0.8").spec()
    network = change(network, subnets=subnet_with(network, hosts=(host,)))
    earlier = latest(network).document
    network = change(network, subnets=subnet_with(network, hosts=()))
    assert "<host" not in stored(raw)
    assert not network.hosts.exists()
    network.change(Event.CHANGED, document=earlier)
    push(network)
    assert "<host mac='52:54:00:00:00:08' ip='10.255.0.8'/>" in stored(raw)
