"""A push that would disconnect running VMs is refused unless it was shown."""

from dataclasses import replace

import pytest

from networks.definition.document.edit import edit
from networks.definition.events import Event
from networks.models import Network
from tests.networks.sync.push.pushed_networks import GUEST, again, change, latest, push, stored
from tests.support.making import make_network
from virterweb.hypervisors.connections.pool import connected
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.gateway import temporary
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundPort
from virterweb.hypervisors.gateway.nouns.networks import Networks
from virterweb.hypervisors.gateway.nouns.ports import Ports
from virterweb.hypervisors.sync import observe

pytestmark = pytest.mark.integration


def test_a_push_that_disconnects_vms_is_refused_unless_it_was_shown(lab, raw, writes):
    network = push(make_network(lab))
    raw.createXML(GUEST)
    before = stored(raw)
    writes.clear()
    network = change(network, accepted=False, mtu=9000)
    assert network.state == State.FAILED
    assert str(network.status.error) == (
        "Nothing was done, because the plan has changed since you saw it: Restart net1, because libvirt cannot change "
        "this live: MTU. "
        "Check the plan and confirm it again."
    )
    assert (str(latest(network).error), latest(network).plan) == (str(network.status.error), [])
    assert writes == []
    assert stored(raw) == before
    network.change(Event.CHANGED, accepted=[step.as_json() for step in network.plan()])
    assert push(network).state == State.READY
    temporary_network = ["networkCreateXML", "destroy"]  # by which VMs are reconnected
    assert writes == ["networkDefineXML", temporary_network[0], "destroy", "create", temporary_network[1]]


def test_a_network_that_a_killed_worker_has_stopped_to_restart_it_is_started(lab, raw, monkeypatch):
    def die(connection: Connection, uuid: str, name: str) -> None:
        raise SystemExit

    network = push(make_network(lab))
    raw.createXML(GUEST)
    with monkeypatch.context() as killed, pytest.raises(SystemExit):
        killed.setattr(Networks, "start", die)
        change(network, mtu=9000)
    assert not raw.networkLookupByName("net1").isActive()
    observe(lab.pk)
    network = push(network)
    assert raw.networkLookupByName("net1").isActive()
    assert (network.state, network.status.drift) == (State.READY, "")


def test_a_temporary_network_that_a_killed_worker_left_is_removed_and_never_shown(lab, raw):
    network = push(make_network(lab))
    for uuid in (network.uuid_text, "0d0d0d0d-0000-4000-8000-000000000001"):  # the second is no network any more
        raw.networkCreateXML(temporary.network_document(uuid, network.document))
    with connected(lab.pk, lab.uri) as connection:
        assert [found.name for found in connection.networks.all()] == ["net1"]
    observe(lab.pk)
    assert [one.name() for one in raw.listAllNetworks()] == ["net1"]
    assert [row.name for row in Network.objects.all()] == ["net1"]


def test_a_temporary_network_with_a_vm_on_it_stays_and_the_vm_is_on_its_network(lab, raw):
    network = push(make_network(lab))
    raw.networkCreateXML(temporary.network_document(network.uuid_text, network.document))
    raw.createXML(GUEST.replace("'net1'", f"'{temporary.network_name(network.uuid_text)}'"))
    observe(lab.pk)
    assert len(raw.listAllNetworks()) == 2
    assert [vm for _, vm, _ in again(network).status.disconnected] == ["alma-8-8"]
    with connected(lab.pk, lab.uri) as connection:
        (domain,) = (found for found in connection.domains.all() if found.name == "alma-8-8")
    assert "<source network='net1'" in domain.document


def test_a_vm_that_was_started_after_the_plan_is_not_disconnected(lab, raw):
    network = push(make_network(lab))
    wanted = replace(network.wanted, document=edit(network.full_document, replace(network.spec, mtu=9000)))
    network.change(Event.CHANGED, document=wanted.document, accepted=[step.as_json() for step in network.plan(wanted)])
    raw.createXML(GUEST)
    assert push(network).state == State.FAILED
    assert "mtu" not in stored(raw)


def test_a_stop_that_was_not_shown_is_refused(lab, raw):
    network = push(make_network(lab))
    raw.createXML(GUEST)
    network.change(Event.STOPPED, active=False)
    assert str(push(network).status.error).startswith(
        "Nothing was done, because the plan has changed since you saw it: Stop net1."
    )
    assert raw.networkLookupByName("net1").isActive()


def test_deleting_a_network_with_disconnected_vms_must_be_confirmed(lab, raw, monkeypatch):
    network = push(make_network(lab))
    where = {"document": "<interface/>", "plugged": False, "seen": True, "port": "", "half_way": False}
    port = FoundPort(vm_uuid="1", vm="web", mac="52:54:00:00:00:09", **where)
    monkeypatch.setattr(Ports, "of_network", lambda host, uuid: [port])
    again(network).remove(allow_disconnect=["other"])
    assert "this would disconnect web" in str(push(network).status.error)
    assert raw.networkLookupByName("net1").isActive()
