"""Stored values and decisions about networks do not depend on the wording."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from networks import sync
from networks.definition import wording
from networks.definition.document.edit import edit
from networks.definition.events import Event
from networks.definition.plans.steps import identity
from networks.models import Network
from tests.networks.sync.push.pushed_networks import EMPTY
from tests.support.making import make_hypervisor, make_network
from tests.support.rewording import reworded  # noqa: F401
from virterweb.hypervisors.connections.pool import connected, disconnect
from virterweb.hypervisors.desired.carry_out import carry_out
from virterweb.hypervisors.desired.drift import decoded
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.sync import observe

GUEST = """<domain type='test'><name>guest</name><memory>1024</memory><os><type>hvm</type></os>
<devices><interface type='network'><source network='net1'/></interface></devices></domain>"""


@pytest.fixture
def lab(db, tmp_path: Path, enqueued):
    path = tmp_path / "host.xml"
    path.write_text(EMPTY)
    yield make_hypervisor(uri=f"test://{path}")
    disconnect()


@pytest.fixture
def raw(lab):
    with connected(lab.pk, lab.uri) as connection:
        return connection.session.libvirt


def again(network: Network) -> Network:
    return Network.objects.shown().get(pk=network.pk)


def push(network: Network) -> Network:
    carry_out(Network, network.pk, sync.push)
    return again(network)


def change(network: Network, **fields: object) -> Network:
    wanted = again(network).wanted
    spec = again(network).spec
    wanted = replace(wanted, document=edit(wanted.document, replace(spec, **fields)))
    steps = [step.as_json() for step in again(network).plan(wanted)]
    again(network).change(Event.CHANGED, document=wanted.document, accepted=steps)
    return again(network)


def redefine(raw, old: str, new: str) -> None:
    raw.networkDefineXML(raw.networkLookupByName("net1").XMLDesc().replace(old, new, 1))


def test_every_text_is_of_a_code():
    assert {event.value for event in Event} == wording.EVENTS.keys()


def test_a_new_wording_does_not_change_a_settled_network(lab, reworded):  # noqa: F811
    network = change(push(make_network(lab, active=False)), dnsmasq_options=("log-dhcp",), mtu=9000)
    network = push(network)
    assert (network.state, bool(network.status.not_kept)) == (State.READY, True)
    generation, revisions = network.generation, network.revisions.count()
    reworded()
    network.status.write(compared=0)  # so that the poll compares it again
    observe(lab.pk)
    network = again(network)
    assert (network.state, network.status.drift, network.generation) == (State.READY, "", generation)
    assert (network.revisions.count(), network.plan()) == (revisions, ())


@pytest.mark.parametrize("on_drift", [Network.OnDrift.ASK, Network.OnDrift.ACCEPT, Network.OnDrift.REVERT])
def test_a_new_wording_does_not_change_the_reaction_to_drift(lab, raw, reworded, on_drift):  # noqa: F811
    network = push(make_network(lab, active=False, on_drift=on_drift))
    reworded()
    redefine(raw, "<ip ", "<mtu size='1400'/><ip ")
    observe(lab.pk)
    network = push(network)
    expected = State.DRIFTED if on_drift == Network.OnDrift.ASK else State.READY
    assert network.state == expected
    if expected == State.DRIFTED:
        assert [code["field"] for code in decoded(network.status.drift)] == [["mtu size", ""]]
    assert network.spec.mtu == (1400 if on_drift == Network.OnDrift.ACCEPT else None)


def test_the_same_drift_has_the_same_digest(lab, raw, reworded):  # noqa: F811
    network = push(make_network(lab, active=False))
    redefine(raw, "<ip ", "<mtu size='1400'/><ip ")
    observe(lab.pk)
    seen = again(network).status.drift_digest
    reworded()
    network.status.write(compared=0)
    observe(lab.pk)
    assert again(network).status.drift_digest == seen


def test_only_the_accepted_plan_is_carried_out(lab, raw, reworded):  # noqa: F811
    network = push(make_network(lab))
    raw.createXML(GUEST)
    observe(lab.pk)
    network = change(network, mtu=9000)
    assert network.accepted[1]["vms"] == ["guest"]
    shown = [identity(step) for step in network.accepted]
    reworded()
    assert [step.identity for step in network.plan()] == shown
    assert push(network).state == State.READY
    network = again(network)
    wanted = edit(network.full_document, network.spec)
    network.change(Event.CHANGED, document=wanted.replace("9000", "1400"), accepted=[])
    assert push(network).state == State.FAILED


def test_history_and_steps_are_codes(lab, raw, reworded):  # noqa: F811
    reworded()
    network = push(change(push(make_network(lab)), mtu=9000))
    revision = network.revisions.first()
    assert (revision.event, revision.result, revision.what) == ("changed", "done", "XXXX")
    assert [step["step"] for step in revision.plan] == ["define", "restart"]
    assert set(revision.steps) == {"XXXX"}
    assert "XXXX" not in json.dumps([revision.plan, network.accepted, network.status.not_kept, network.status.drift])
