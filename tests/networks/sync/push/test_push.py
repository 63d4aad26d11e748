"""A desired network is defined and started, and what libvirt has is recorded."""

import pytest

from networks import sync
from networks.models import Network
from tests.networks.sync.push.pushed_networks import OTHERS, again, change, push, redefine, stored
from tests.support.making import make_network
from virterweb.hypervisors.desired.carry_out import carry_out
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.gateway.found import Refused
from virterweb.hypervisors.gateway.nouns.networks import Networks
from virterweb.hypervisors.sync import observe
from virterweb.messages import Message

pytestmark = pytest.mark.integration


def test_a_new_network_is_defined_set_to_autostart_and_started(lab, raw):
    network = push(make_network(lab, spec={"domain": "lab.test"}))
    found = raw.networkLookupByName("net1")
    assert found.UUIDString() == network.uuid_text
    assert (found.isActive(), found.autostart()) == (1, 1)
    assert network.state == State.READY
    assert (network.facts.ip_range, network.facts.dhcp) == ("10.255.0.1/24", "10.255.0.2-10.255.0.254")


def test_pushing_twice_changes_nothing(lab, raw):
    network = push(make_network(lab))
    before = raw.networkLookupByName("net1").XMLDesc()
    network.ask_again()
    assert push(network).state == State.READY
    assert raw.networkLookupByName("net1").XMLDesc() == before


def test_a_refused_network_leaves_nothing_in_libvirt(lab, raw):
    raw.networkDefineXML(OTHERS)
    network = push(make_network(lab, "others"))  # the name is taken, which only libvirt knows yet
    assert network.state == State.FAILED
    assert str(network.status.error).startswith("Could not define network others: ")
    assert "others" in network.status.detail
    assert [one.name() for one in raw.listAllNetworks()] == ["others"]


def test_a_failed_step_undoes_the_previous_steps(lab, raw, monkeypatch):
    def refuse(host, uuid, name):
        raise Refused(Message.external(f"Could not start network {name}: its block is taken"))

    monkeypatch.setattr(Networks, "start", refuse)  # the test driver starts whatever it is told to
    assert push(make_network(lab)).state == State.FAILED
    assert raw.listAllNetworks() == []


def test_a_failed_push_can_be_retried(lab, raw):
    others = raw.networkDefineXML(OTHERS)
    network = push(make_network(lab, "others"))
    others.undefine()
    network.ask_again()
    assert push(network).state == State.READY


def test_everything_that_libvirt_has_is_recorded(lab, raw):
    raw.networkDefineXML(OTHERS)
    observe(lab.pk)
    network = Network.objects.shown().get(name="others")
    assert (network.state, network.managed, network.status.active) == (State.UNMANAGED, False, False)
    assert (network.facts.ip_range, network.facts.bridge) == ("10.5.0.1/24", "virbr5")
    raw.networkLookupByName("others").create()
    observe(lab.pk)
    assert again(network).status.active
    raw.networkLookupByName("others").destroy()
    raw.networkLookupByName("others").undefine()
    observe(lab.pk)
    assert not Network.objects.filter(name="others").exists()


def test_a_poll_without_changes_writes_nothing(lab, raw):
    push(make_network(lab))
    observe(lab.pk)
    before = again(Network.objects.get()).status.observed_at
    observe(lab.pk)
    assert again(Network.objects.get()).status.observed_at == before


def test_deleting_removes_a_network_from_libvirt_and_the_database(lab, raw):
    network = push(make_network(lab))
    network.remove()
    carry_out(Network, network.pk, sync.push)
    assert raw.listAllNetworks() == []
    assert not Network.objects.exists()


def test_deleting_a_network_that_libvirt_no_longer_has_succeeds(lab, raw):
    network = push(make_network(lab))
    found = raw.networkLookupByName("net1")
    found.destroy()
    found.undefine()
    network.remove()
    carry_out(Network, network.pk, sync.push)
    assert not Network.objects.exists()


def test_ipv4_blocks_are_defined_by_netmask_as_virter_reads_them(lab, raw):
    defined = raw.networkLookupByName(push(make_network(lab)).name).XMLDesc()
    assert "netmask='255.255.255.0'" in defined
    assert "prefix" not in defined


def test_a_block_by_prefix_is_no_drift_and_is_written_by_netmask_at_the_next_definition(lab, raw):
    network = make_network(lab, active=False)
    old = network.document.replace('netmask="255.255.255.0"', 'prefix="24"')
    Network.objects.filter(pk=network.pk).update(document=old)
    network = push(again(network))
    redefine(raw, "netmask='255.255.255.0'", "prefix='24'", active=False)
    observe(lab.pk)
    assert again(network).state == State.READY
    assert change(again(network), mtu=9000).state == State.READY
    assert "netmask='255.255.255.0'" in stored(raw)
    assert "prefix=" not in stored(raw)
