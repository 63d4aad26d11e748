"""Networks that a worker makes or changes while somebody edits them, or while another worker polls."""

from dataclasses import replace

import pytest

from networks.definition.document.edit import edit
from networks.definition.events import Event
from networks.definition.plans.steps import Step, Verb, Wanted
from networks.models import Network
from tests.networks.sync.push.pushed_networks import again, push
from tests.support.making import make_network
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.gateway.nouns.networks import Networks
from virterweb.hypervisors.models import Hypervisor, ReadingProblem
from virterweb.hypervisors.sync import observe

pytestmark = pytest.mark.integration

RESTART = ["networkDefineXML", "destroy", "create"]


def wanted(network: Network, **fields: object) -> Wanted:
    return replace(network.wanted, document=edit(network.full_document, replace(network.spec, **fields)))


def save(network: Network, wanted: Wanted, shown: tuple[Step, ...]) -> Network:
    network.change(Event.CHANGED, document=wanted.document, accepted=[step.as_json() for step in shown])
    return push(network)


def test_a_change_of_a_network_that_was_made_after_the_preview_is_carried_out(lab: Hypervisor, writes):
    network = make_network(lab)
    after = wanted(network, mtu=9000)
    shown = network.plan(after)
    assert [step.verb for step in shown] == [Verb.DEFINE, Verb.AUTOSTART, Verb.START]
    push(network)
    writes.clear()
    assert save(network, after, shown).state == State.READY
    assert writes == RESTART


def test_a_change_is_carried_out_if_an_earlier_one_has_restarted_the_network_since_the_preview(lab: Hypervisor, writes):
    network = push(make_network(lab))
    observe(lab.pk)
    first = wanted(again(network), mtu=9000)
    network.change(Event.CHANGED, document=first.document, accepted=[s.as_json() for s in again(network).plan(first)])
    second = wanted(again(network), mtu=9000, domain="lab.test")
    shown = again(network).plan(second)
    assert push(network).state == State.READY
    writes.clear()
    assert save(again(network), second, shown).state == State.READY
    assert writes == RESTART


@pytest.mark.parametrize("is_changed", [True, False])
def test_a_network_that_is_deleted_during_a_poll_is_no_problem_of_the_poll(lab: Hypervisor, monkeypatch, is_changed):
    network, read = push(make_network(lab)), Networks.all
    observe(lab.pk)
    if is_changed:  # in libvirt, since the last poll
        network.status.write(fingerprint="")

    def read_and_delete(networks: Networks, guard: object) -> object:
        found = list(read(networks, guard))
        network.delete()
        return found

    monkeypatch.setattr(Networks, "all", read_and_delete)
    observe(lab.pk)
    assert not lab.reading_problems.exclude(kind=ReadingProblem.Kind.POOL).exists()  # the driver has none


def test_a_network_that_is_made_during_a_poll_is_no_problem_of_the_poll(lab: Hypervisor, monkeypatch):
    read = Networks.all

    def make_and_read(networks: Networks, guard: object) -> object:
        monkeypatch.setattr(Networks, "all", read)
        push(make_network(lab))
        return read(networks, guard)

    monkeypatch.setattr(Networks, "all", make_and_read)
    observe(lab.pk)
    assert not lab.reading_problems.exclude(kind=ReadingProblem.Kind.POOL).exists()  # the driver has none
    assert Network.objects.get(name="net1").managed
