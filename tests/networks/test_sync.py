"""Pushing wishes and writing down what libvirt has, on libvirt's own test driver."""

from pathlib import Path

import libvirt
import pytest

from networks import sync
from networks.models import DHCPHost, Network
from tests.making import make_host, make_hypervisor, make_network
from virterweb.hypervisors.connections import connected, disconnect
from virterweb.hypervisors.gateway import Host, Refused
from virterweb.hypervisors.reconcile import State, carry_out
from virterweb.hypervisors.sync import observe

EMPTY = """<node><cpu><mhz>1000</mhz><model>i686</model><active>1</active><nodes>1</nodes><sockets>1</sockets>
<cores>1</cores><threads>1</threads></cpu><memory>1000000</memory></node>"""
OTHERS = """<network><name>others</name><bridge name='virbr5'/>
<ip address='10.5.0.1' netmask='255.255.255.0'><dhcp><range start='10.5.0.2' end='10.5.0.9'/></dhcp></ip></network>"""


@pytest.fixture
def lab(db, tmp_path: Path, pokes):
    """A hypervisor of the test driver, private to this process, with nothing in it."""
    path = tmp_path / "host.xml"
    path.write_text(EMPTY)
    yield make_hypervisor(uri=f"test://{path}")
    disconnect()


@pytest.fixture
def raw(lab) -> libvirt.virConnect:
    """libvirt as others use it: the connection that the portal has, for the test driver's is private to each."""
    with connected(lab.pk, lab.uri) as host:
        return host._connection


def push(network: Network) -> Network:
    carry_out(Network, network.pk, sync.push)
    return again(network)


def again(network: Network) -> Network:
    return Network.objects.shown().get(pk=network.pk)


def test_a_wish_is_defined_set_to_autostart_and_started(lab, raw):
    network = push(make_network(lab, domain="lab.test"))
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


def test_a_refused_wish_leaves_nothing_in_libvirt(lab, raw):
    raw.networkDefineXML(OTHERS)
    network = push(make_network(lab, "others"))  # the name is taken, which only libvirt knows yet
    assert network.state == State.FAILED
    assert network.status.error.startswith("Could not define network others: ")
    assert "others" in network.status.detail
    assert [one.name() for one in raw.listAllNetworks()] == ["others"]


def test_a_step_that_fails_takes_back_the_steps_before_it(lab, raw, monkeypatch):
    def refuse(host, uuid, name):
        raise Refused(f"Could not start network {name}: its block is taken")

    monkeypatch.setattr(Host, "start_network", refuse)  # the test driver starts whatever it is told to
    assert push(make_network(lab)).state == State.FAILED
    assert raw.listAllNetworks() == []


def test_a_failed_wish_can_be_tried_again(lab, raw):
    others = raw.networkDefineXML(OTHERS)
    network = push(make_network(lab, "others"))
    others.undefine()
    network.ask_again()
    assert push(network).state == State.READY


def test_everything_that_libvirt_has_is_written_down(lab, raw):
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


def test_a_look_that_finds_nothing_new_writes_nothing(lab, raw):
    push(make_network(lab))
    observe(lab.pk)
    before = again(Network.objects.get()).status.observed_at
    observe(lab.pk)
    assert again(Network.objects.get()).status.observed_at == before


def test_what_others_change_on_a_wish_is_drift_and_is_put_back(lab, raw):
    network = push(make_network(lab))
    found = raw.networkLookupByName("net1")
    found.setAutostart(False)
    found.destroy()
    observe(lab.pk)
    drifted = again(network)
    assert (drifted.state, drifted.status.drifts) == (
        State.DRIFTED,
        ["is not active", "does not start with the host"],
    )
    drifted.ask_again()
    assert push(drifted).state == State.READY


def test_a_wish_that_others_undefined_drifts_and_is_made_anew(lab, raw):
    network = push(make_network(lab))
    found = raw.networkLookupByName("net1")
    found.destroy()
    found.undefine()
    observe(lab.pk)
    assert again(network).status.drift == "libvirt no longer has it"
    network.ask_again()
    assert push(network).state == State.READY
    assert raw.networkLookupByName("net1").UUIDString() == network.uuid_text


def test_removing_takes_it_out_of_libvirt_and_of_the_database(lab, raw):
    network = push(make_network(lab))
    network.remove()
    carry_out(Network, network.pk, sync.push)
    assert raw.listAllNetworks() == []
    assert not Network.objects.exists()


def test_removing_what_libvirt_no_longer_has_succeeds(lab, raw):
    network = push(make_network(lab))
    found = raw.networkLookupByName("net1")
    found.destroy()
    found.undefine()
    network.remove()
    carry_out(Network, network.pk, sync.push)
    assert not Network.objects.exists()


def test_a_host_entry_on_anothers_network_touches_nothing_else(lab, raw):
    raw.networkDefineXML(OTHERS).create()
    observe(lab.pk)
    network = Network.objects.get(name="others")
    make_host(network, "52:54:00:00:00:05", "10.5.0.5")
    network.ask_again()
    push(network)
    assert "<host mac='52:54:00:00:00:05' ip='10.5.0.5'/>" in raw.networkLookupByName("others").XMLDesc()
    network.release_ids(5, 1)
    push(network)
    assert "<host" not in raw.networkLookupByName("others").XMLDesc()
    assert not DHCPHost.objects.exists()
    assert again(network).state == State.UNMANAGED


def test_ids_that_are_reserved_already_are_refused_before_any(lab, raw):
    network = push(make_network(lab))
    network.reserve_ids(5, 2)
    with pytest.raises(ValueError, match="ID 5 has a host entry already: 52:54:00:00:00:05"):
        network.reserve_ids(4, 3)
    assert network.hosts.count() == 2
