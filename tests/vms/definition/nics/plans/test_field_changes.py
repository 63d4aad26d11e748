"""Each field of a NIC changes live, by a replug or at the next boot."""

from dataclasses import replace

import pytest
from lxml import etree

from networks.definition.plans.steps import Disruption
from networks.definition.spec import BandwidthSpec
from tests.vms.definition.nics.plans.planned_nics import (
    CHANGES,
    LIMIT,
    MAC,
    PCI,
    change,
    defined,
    in_short,
    nic,
    only,
    running,
)
from vms.definition import wording
from vms.definition.nics.fields import FIELDS, Change, fields_changed
from vms.definition.nics.parse import parse
from vms.definition.nics.plan import plan
from vms.definition.nics.steps import NICPlan, Verb


def test_no_change_needs_no_step():
    assert change(nic()) == NICPlan()
    assert change(nic(model="", pci="")) == NICPlan()
    assert plan(nic(), None, defined(nic()), False) == NICPlan()
    assert plan(None, None, None, True) == NICPlan()


REPLUGGED = [field for field, (_, verb) in CHANGES.items() if verb is Verb.REPLUG]


def test_each_field_is_in_the_table():
    elsewhere = {"mode", "filter_parameters"}  # only with another kind, with another field
    assert CHANGES.keys() | elsewhere == FIELDS.keys()


@pytest.mark.parametrize("field", CHANGES)
def test_a_changed_field_is_applied_in_the_way_that_libvirt_supports(field):
    wanted, verb = CHANGES[field]
    found = change(wanted)
    assert in_short(found) == [(verb, verb is not Verb.DEFINE, True)]
    assert [each.field for each in only(found).fields] == [field]
    assert [each.field for each in found.waiting] == ([field] if verb is Verb.DEFINE else [])
    assert parse(etree.fromstring(only(found).definition)).spec == replace(wanted, pci=wanted.pci or PCI)


@pytest.mark.parametrize("field", CHANGES)
def test_a_field_is_reset_in_the_same_way(field):
    was, verb = CHANGES[field]
    found = change(replace(nic(), pci=PCI), was)
    assert in_short(found) == [(verb, verb is not Verb.DEFINE, True)]


@pytest.mark.parametrize("field", CHANGES)
def test_the_nic_of_a_vm_that_is_off_is_only_changed_in_the_definition(field):
    wanted, _ = CHANGES[field]
    found = plan(wanted, None, defined(nic()), False)
    assert in_short(found) == [(Verb.DEFINE, False, True)]
    assert (only(found).calls, only(found).disruption, found.waiting) == ((), Disruption.NONE, ())


@pytest.mark.parametrize("field", REPLUGGED)
def test_without_a_replug_the_change_waits_for_the_next_boot(field):
    wanted, _ = CHANGES[field]
    found = change(wanted, replug=False)
    assert in_short(found) == [(Verb.DEFINE, False, True)]
    assert [each.field for each in found.waiting] == [field]
    assert only(found).text.endswith("at the next boot")
    kept = plan(wanted, running(nic()), defined(wanted), True, replug=False)
    assert (kept.steps, kept.waiting) == ((), found.waiting)
    assert in_short(plan(wanted, running(nic()), defined(wanted), True)) == [(Verb.REPLUG, True, False)]


@pytest.mark.parametrize(
    ("wanted", "text", "disruption"),
    [
        (
            nic(source="net2"),
            "Move NIC {} from net1 to net2: live, with a short interruption of its link",
            Disruption.BRIEF,
        ),
        (
            nic("bridge", "br0"),
            "Move NIC {} from net1 to bridge br0: live, with a short interruption of its link",
            Disruption.BRIEF,
        ),
        (
            nic("direct", "eth0", mode="vepa"),
            "Move NIC {} from net1 to macvtap on eth0, macvtap mode none → vepa: unplugged and plugged in again",
            Disruption.BRIEF,
        ),
        (
            nic(source="net2", mtu=9000),
            "Move NIC {} from net1 to net2, MTU none → 9000: unplugged and plugged in again",
            Disruption.BRIEF,
        ),
        (nic(link_up=False), "Change NIC {}, link up → down: live", Disruption.LASTING),
        (nic(isolated=True), "Change NIC {}, isolated port no → yes: live", Disruption.NONE),
        (nic(inbound=LIMIT), "Change NIC {}, bandwidth in none → 1000: live", Disruption.NONE),
        (
            nic(filter="clean-traffic", filter_parameters=(("IP", "10.0.0.1"),)),
            "Change NIC {}, network filter none → clean-traffic, filter parameters none → IP=10.0.0.1: live",
            Disruption.NONE,
        ),
        (nic(model="e1000e"), "Change NIC {}, model virtio → e1000e: unplugged and plugged in again", Disruption.BRIEF),
        (nic(vlan=0), "Change NIC {}, VLAN tag none → 0: unplugged and plugged in again", Disruption.BRIEF),
        (nic(boot_order=1), "Change NIC {}, boot order none → 1: at the next boot", Disruption.NONE),
    ],
)
def test_a_step_has_a_text_and_a_disruption(wanted, text, disruption):
    step = only(change(wanted))
    assert (step.text, step.disruption) == (text.format(MAC), disruption)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (nic(inbound=LIMIT), ["tc on the host"]),
        (nic(inbound=LIMIT, outbound=LIMIT), ["tc on the host"]),
        (nic(vlan=42), ["Open vSwitch or SR-IOV", "the NIC removed and added", "the same MAC"]),
        (nic(model="e1000e"), ["the NIC removed and added"]),
        (nic(boot_order=1), ["boot device"]),
    ],
)
def test_each_condition_of_a_change_is_noted_once(wanted, words):
    note = only(change(wanted)).note
    assert [note.count(each) for each in words] == [1] * len(words)


def test_a_change_without_conditions_has_no_note():
    assert [only(change(wanted)).note for wanted in (nic(source="net2"), nic(link_up=False), nic(isolated=True))] == [
        *[""] * 3
    ]
    tagged = nic("bridge", "ovsbr0", vlan=42)
    assert "Open vSwitch" not in only(change(replace(tagged, vlan=None), tagged)).note


def _worded(each: Change) -> tuple[str, str, str]:
    return wording.title(each.field), wording.value(each.field, each.was), wording.value(each.field, each.becomes)


def test_a_changed_field_is_named_with_its_old_and_new_value():
    was = defined(nic(inbound=LIMIT, filter="a", filter_parameters=(("IP", "10.0.0.1"), ("IP", "10.0.0.2"))))
    wanted = nic("user", "", model="", inbound=BandwidthSpec(average=7, burst=8), trust_rx_filters=True)
    assert [_worded(each) for each in fields_changed(wanted, was)] == [
        ("Attached to", "net1", "user networking"),
        ("Bandwidth in", "1000", "7,,8"),
        ("Guest’s receive filters trusted", "no", "yes"),
        ("Network filter", "a", "none"),
        ("Filter parameters", "IP=10.0.0.1, IP=10.0.0.2", "none"),
    ]
    assert fields_changed(nic(), defined(nic())) == ()
