"""Drift is shown, accepted or reverted, as the hypervisor is configured."""

import pytest

from networks.definition.events import Event
from tests.networks.sync.push.pushed_networks import GUEST, again, change, latest, push, redefine, stored
from tests.support.making import make_network
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.sync import observe

pytestmark = pytest.mark.integration


def test_a_change_outside_the_portal_is_drift_and_is_reverted(lab, raw):
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
    assert push(drifted).state == State.DRIFTED  # nothing of it was changed here
    drifted.change(Event.REVERTED, overwrite=True)
    assert push(drifted).state == State.READY


def test_a_network_that_was_undefined_outside_the_portal_is_drift_and_is_recreated(lab, raw):
    network = push(make_network(lab))
    found = raw.networkLookupByName("net1")
    found.destroy()
    found.undefine()
    observe(lab.pk)
    assert again(network).status.drift_text == "libvirt no longer has it"
    network.ask_again()
    assert str(push(network).status.error).startswith("libvirt no longer has net1. Revert to the saved definition")
    network.change(Event.REVERTED, overwrite=True)
    assert push(network).state == State.READY
    assert raw.networkLookupByName("net1").UUIDString() == network.uuid_text


def test_values_that_libvirt_does_not_store_are_named_and_no_drift(lab, raw, writes):
    network = push(make_network(lab, active=False))
    network = change(network, dnsmasq_options=("log-dhcp",), title="T", description="D", mtu=9000)
    assert (network.state, network.status.drift) == (State.READY, "")
    kept = "<title>T</title>" in raw.networkLookupByName("net1").XMLDesc()  # not by every release
    assert network.status.ignored_fields == [*([] if kept else ["Title", "Description"]), "dnsmasq option log-dhcp"]
    assert network.spec.title == "T"
    assert network.plan() == ()
    writes.clear()
    observe(lab.pk)
    assert again(network).state == State.READY
    change(network, domain="lab.test")
    assert again(network).state == State.READY
    assert ["dnsmasq option", "", "log-dhcp", ""] in again(network).status.not_kept


def test_drift_is_found_next_to_values_that_libvirt_does_not_store(lab, raw):
    network = change(push(make_network(lab)), dnsmasq_options=("log-dhcp",))
    redefine(raw, "<ip ", "<mtu size='1400'/><ip ")
    observe(lab.pk)
    assert again(network).status.drifts == ["MTU: found 1400, expected none"]


def test_by_default_drift_is_only_shown(lab, raw, enqueued):
    network = push(make_network(lab))
    raw.networkLookupByName("net1").setAutostart(False)
    observe(lab.pk)
    assert again(network).state == State.DRIFTED
    assert again(network).generation == network.generation


def test_drift_is_accepted_where_an_operator_configured_it(lab, raw):
    network = push(make_network(lab, on_drift="take"))
    redefine(raw, "<ip ", "<mtu size='1400'/><ip ")
    raw.networkLookupByName("net1").setAutostart(False)
    observe(lab.pk)
    network = again(network)
    assert (network.spec.mtu, network.autostart) == (1400, False)
    assert latest(network).what == "changes from libvirt accepted automatically"
    assert push(network).state == State.READY
    assert "<mtu size='1400'/>" in stored(raw)
    assert not raw.networkLookupByName("net1").autostart()


def test_drift_is_reverted_where_an_operator_configured_it(lab, raw):
    network = push(make_network(lab, on_drift="put back"))
    redefine(raw, "</dhcp>", "<host mac='52:54:00:aa:00:01' ip='10.255.0.77'/></dhcp>")
    raw.networkLookupByName("net1").setAutostart(False)
    observe(lab.pk)
    network = push(network)
    assert network.state == State.READY
    assert "<host" not in stored(raw)
    assert raw.networkLookupByName("net1").autostart()
    assert network.overwrite is False
    assert latest(network).what == "reverted to saved definition automatically"


def test_automatic_reverts_end_when_another_program_undoes_them_and_the_page_says_so(lab, raw, page):
    network = push(make_network(lab, on_drift="put back"))
    for _ in range(5):
        raw.networkLookupByName("net1").setAutostart(False)
        observe(lab.pk)
        network = push(again(network))
    assert network.state == State.DRIFTED
    assert network.revisions.filter(event="reverted by itself").count() == 3
    assert "another program changed it again" in page.get(network.get_absolute_url()).content.decode()
    network.change(Event.REVERTED, overwrite=True)
    push(again(network))
    raw.networkLookupByName("net1").setAutostart(False)
    observe(lab.pk)
    assert push(again(network)).state == State.READY, "somebody has decided, so it is reverted again"


def test_an_automatic_revert_disconnects_no_vm(lab, raw):
    network = push(make_network(lab, on_drift="put back"))
    raw.createXML(GUEST)
    redefine(raw, "<ip ", "<mtu size='1400'/><ip ")
    observe(lab.pk)
    network = push(network)
    assert network.state == State.FAILED
    assert str(network.status.error).startswith(
        "Nothing was done, because the plan has changed since you saw it: Restart net1"
    )
    assert "<mtu size='1400'/>" in stored(raw)
    generation = network.generation
    observe(lab.pk)
    assert again(network).generation == generation  # it is not tried again and again


def test_an_undefined_network_is_recreated_where_an_operator_configured_it(lab, raw):
    network = push(make_network(lab, on_drift="put back"))
    raw.networkLookupByName("net1").destroy()
    raw.networkLookupByName("net1").undefine()
    observe(lab.pk)
    assert push(network).state == State.READY
    assert raw.networkLookupByName("net1").isActive()
