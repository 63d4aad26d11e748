"""Reservations that were changed outside the portal, and requests that depend on them."""

from dataclasses import replace

import pytest

from networks import sync
from networks.definition.document.edit import edit
from networks.definition.document.parse import parse
from networks.definition.events import Event
from networks.models import Network
from networks.reservations.reservations import remove, reserve
from tests.networks.reservations.entries.reserved_entries import (
    BYSTANDERS,
    EIGHT,
    NINE,
    SIX,
    again,
    by_others,
    desired,
    element,
    four,
    in_libvirt,
    settled,
    states,
    take_away,
    texts,
)
from virterweb.hypervisors.desired.carry_out import carry_out
from virterweb.hypervisors.sync import observe

pytestmark = pytest.mark.integration


GUEST = """<domain type='test'><name>vm-8</name><memory>1024</memory><os><type>hvm</type></os><devices>
<interface type='network'><mac address='52:54:00:00:00:08'/><source network='net1'/></interface></devices></domain>"""


def test_two_guests_swap_addresses_and_names_before_a_push(network, push):
    desired(network, EIGHT, NINE)
    push()
    desired(network, replace(EIGHT, ip="10.5.0.99", name="aside-for-now"))
    desired(network, replace(NINE, ip=EIGHT.ip, name=EIGHT.name))
    desired(network, replace(EIGHT, ip=NINE.ip, name=NINE.name))
    assert settled(network, push) == texts(four(8, ip=NINE.ip, name="vm-9"), four(9, ip=EIGHT.ip, name="vm-8"))


def test_a_guest_with_an_entry_has_one_entry_after_a_change(network, push):
    desired(network, EIGHT, SIX)
    push()
    moved = replace(EIGHT, ip="10.5.0.18"), replace(SIX, ip="fd00:5::16")
    desired(network, *moved)
    assert states(network) == {
        **{EIGHT.ip: "being removed", SIX.ip: "being removed"},
        **{host.ip: "being added" for host in moved},
    }
    assert settled(network, push) == texts(*moved)


@pytest.mark.parametrize("was", ["", "10.5.0.18"], ids=["added", "changed"])
def test_a_guest_whose_entry_was_changed_outside_the_portal_has_one_after_the_next_change(network, raw, push, was):
    desired(network, EIGHT)
    push()
    by_others(raw, "modify", element(replace(EIGHT, ip="10.5.0.18")))
    observe(network.hypervisor_id)
    desired(network, replace(EIGHT, ip="10.5.0.28"), was=was)
    assert settled(network, push) == texts(replace(EIGHT, ip="10.5.0.28"))


@pytest.mark.parametrize("seen", [True, False], ids=["seen", "not seen yet"])
def test_an_entry_that_was_deleted_outside_the_portal_can_be_deleted_and_changed(network, raw, push, seen):
    desired(network, EIGHT, NINE)
    push()
    for host in (EIGHT, NINE):
        by_others(raw, "delete", element(host))
    if seen:
        observe(network.hypervisor_id)
    known = network.managed or not seen  # what another's network lacks is simply not there
    said = "missing in libvirt" if seen else "reserved"
    shown = dict.fromkeys((EIGHT.ip, NINE.ip), said) if known else {}
    assert states(network) == shown
    assert take_away(network, EIGHT) == ([EIGHT] if shown else [])
    desired(network, replace(NINE, ip="10.5.0.19"), was=NINE.ip)
    assert settled(network, push) == texts(replace(NINE, ip="10.5.0.19"))


def test_an_entry_that_was_added_and_deleted_outside_the_portal_is_gone(network, raw, push):
    by_others(raw, "add", element(EIGHT))
    observe(network.hypervisor_id)
    by_others(raw, "delete", element(EIGHT))
    assert take_away(network, EIGHT) == [EIGHT]
    assert settled(network, push) == set()
    assert take_away(network, EIGHT) == []


def test_a_name_that_was_taken_outside_the_portal_is_refused_without_a_restart(network, raw, push, restarts):
    push()
    by_others(raw, "add", element(four(9, name=EIGHT.name)))
    before = in_libvirt(raw)
    desired(network, EIGHT)
    carry_out(Network, network.pk, sync.push)
    assert (in_libvirt(raw), restarts) == (before, [])
    assert again(network).status.error
    assert states(network)[EIGHT.ip] == "not added"
    take_away(network, EIGHT)
    assert push() == before - BYSTANDERS.keys()


@pytest.mark.parametrize("network", ["managed"], indirect=True)
def test_accepted_steps_are_carried_out_together_with_later_entries(network, raw, push, restarts):
    desired(network, NINE)
    push()
    raw.createXML(GUEST)
    observe(network.hypervisor_id)
    now = again(network)
    wanted = replace(now.wanted, document=edit(now.full_document, replace(now.spec, mtu=9000)))
    now.change(Event.CHANGED, document=wanted.document, accepted=[step.as_json() for step in now.plan(wanted)])
    desired(network, EIGHT)
    take_away(network, NINE)
    carry_out(Network, network.pk, sync.push)
    of_ours = [call for call in restarts if call != "networkCreateXML"][:3]  # VMs are moved through another network
    assert (str(again(network).status.error), of_ours) == ("", ["networkDefineXML", "destroy", "create"])


@pytest.mark.parametrize("network", ["managed"], indirect=True)
def test_the_history_names_the_user_of_each_entry(network, push, user):
    reserve(again(network), [EIGHT], user)
    push()
    remove(again(network), [EIGHT.ip], user)
    push()
    gone, reserved = network.revisions.all()[:2]
    assert (gone.what, gone.by, gone.result) == ("DHCP reservations of 10.5.0.8 removed", user, "done")
    assert (reserved.what, reserved.by, reserved.result) == ("10.5.0.8 reserved for vm-8", user, "done")
    assert [str(host) for host in parse(reserved.document).hosts] == [str(EIGHT)]
