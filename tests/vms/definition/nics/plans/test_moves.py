"""A NIC moves to another network or bridge."""

from dataclasses import replace

import pytest
from lxml import etree

from tests.support.schemas import assert_valid
from tests.vms.definition.nics.nic_documents import domain
from tests.vms.definition.nics.plans.planned_nics import PCI, change, defined, in_short, nic, only, running
from vms.definition.nics.parse import parse
from vms.definition.nics.plan import plan
from vms.definition.nics.steps import NICPlan, Verb


def test_a_move_sets_the_link_down_and_up_and_keeps_mac_and_slot():
    step = only(change(nic(source="net2")))
    down, up = (parse(etree.fromstring(call)) for call in step.calls)
    assert (down.spec, up.spec) == (nic(source="net2", pci=PCI, link_up=False), nic(source="net2", pci=PCI))
    for call in step.calls:
        root = etree.fromstring(call)
        assert dict(root.find("source").attrib) == {"network": "net2"}
        assert (root.find("target"), root.find("alias").get("name")) == (None, "net0")
        assert_valid("domain", domain(call))
    assert parse(etree.fromstring(step.undo)).spec == nic(pci=PCI)


def test_a_move_of_a_nic_whose_link_is_down_does_not_set_it_up():
    down = nic(link_up=False)
    for wanted in (nic(source="net2", link_up=False), nic(source="net2")):
        step = only(change(wanted, down))
        assert [parse(etree.fromstring(call)).spec for call in step.calls] == [replace(wanted, pci=PCI)]
        assert "blinks" not in step.text


def test_a_move_changes_the_port_group_too():
    found = change(nic(source="net2", port_group="blue"), nic(port_group="red"))
    assert in_short(found) == [(Verb.UPDATE, True, True)]
    assert dict(etree.fromstring(only(found).calls[-1]).find("source").attrib) == {
        "network": "net2",
        "portgroup": "blue",
    }
    assert in_short(change(nic("bridge", "br0"), nic(port_group="red"))) == [(Verb.UPDATE, True, True)]


PLACES = {
    "network": nic(source="net2"),
    "bridge": nic("bridge", "br7"),
    "direct": nic("direct", "eth7", mode="bridge"),
    "user": nic("user", ""),
}


@pytest.mark.parametrize("before", PLACES)
@pytest.mark.parametrize("after", PLACES)
def test_a_nic_moves_live_only_among_networks_and_bridges(before, after):
    was, wanted = PLACES[before], PLACES[after]
    if before == after:
        was = replace(was, source="another")
    live = {before, after} <= {"network", "bridge"}
    if before == after == "user":  # there is only one such place
        assert change(wanted, was).steps == ()
    else:
        assert in_short(change(wanted, was)) == [(Verb.UPDATE if live else Verb.REPLUG, True, True)]


def test_another_mode_of_macvtap_needs_a_replug():
    was = nic("direct", "eth0", mode="bridge")
    assert in_short(change(replace(was, mode="vepa"), was)) == [(Verb.REPLUG, True, True)]
    assert change(replace(was, mode=""), was) == NICPlan()


@pytest.mark.parametrize(
    ("live", "verb"),
    [
        (running(nic(), actual="bridge"), Verb.UPDATE),
        (running(nic(), actual="direct"), Verb.REPLUG),
        (running(nic(), "<virtualport type='openvswitch'/>", actual="bridge"), Verb.REPLUG),
        (running(nic(), actual="hostdev"), Verb.REPLUG),
    ],
)
def test_a_live_move_depends_on_the_actual_type_of_the_nic(live, verb):
    assert only(plan(nic(source="net2"), live, defined(nic()), True)).verb is verb


def test_a_host_device_changes_only_by_a_replug():
    assert only(plan(nic(link_up=False), running(nic(), actual="hostdev"), defined(nic()), True)).verb is Verb.REPLUG


def test_a_nic_with_a_virtual_port_accepts_vlan_tags():
    on_ovs = running(nic("bridge", "ovsbr0"), "<virtualport type='openvswitch'/>")
    step = only(plan(nic("bridge", "ovsbr0", vlan=42), on_ovs, defined(nic("bridge", "ovsbr0")), True))
    assert step.verb is Verb.REPLUG
    assert "Open vSwitch" not in step.note
