"""Plans for one NIC: what changes live, what is plugged anew, what waits, and what the guest notices."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from networks.definition.plans.steps import Disruption
from networks.definition.spec import BandwidthSpec, NetworkSpec, PortGroupSpec
from tests import DATA
from tests.support.examples import examples
from tests.support.schemas import assert_valid
from vms.definition import wording
from vms.definition.nics.edit import build
from vms.definition.nics.fields import FIELDS, Change, How, drift, fields_changed, own
from vms.definition.nics.parse import parse
from vms.definition.nics.plan import plan
from vms.definition.nics.slots import free_slots
from vms.definition.nics.spec import FoundNIC, NICSpec
from vms.definition.nics.steps import NICPlan, NICStep, OtherMAC, Verb

from .test_spec import domain, specs

DOMAINS = DATA / "nics/domains"
MAC = "52:54:00:00:00:08"
PCI = "0000:00:02.0"
LIMIT = BandwidthSpec(average=1000)


def nic(kind: str = "network", source: str = "net1", **values) -> NICSpec:
    return NICSpec(kind=kind, source=source, mac=MAC, **values)


def found(document: str) -> FoundNIC:
    return parse(etree.fromstring(document))


def defined(spec: NICSpec, *more: str) -> FoundNIC:
    """As the stored definition has it: in a slot, with elements that are not modelled."""
    root = etree.fromstring(build(replace(spec, pci=spec.pci or PCI)))
    root.extend(etree.fromstring(each) for each in more)
    return found(etree.tostring(root, encoding="unicode"))


def running(spec: NICSpec, *more: str, actual: str = "") -> FoundNIC:
    """As a running guest has it: on a tap, with libvirt's alias, and with what its network made of it."""
    root = etree.fromstring(build(replace(spec, pci=spec.pci or PCI)))
    root.extend(etree.fromstring(each) for each in ("<target dev='vnet0'/>", *more))
    if root.find("alias") is None:
        etree.SubElement(root, "alias", name="net0")
    if spec.kind == "network":
        root.find("source").attrib.update({"portid": "ca9e30e4-e423-4b91-94ec-004ba2168389", "bridge": "virbr1"})
    root.set("type", actual or spec.kind)
    return found(etree.tostring(root, encoding="unicode"))


def change(wanted: NICSpec, was: NICSpec | None = None, **how) -> NICPlan:
    """A running NIC that is as it is defined."""
    was = was or nic()
    return plan(wanted, running(was), defined(was), True, **how)


def only(found: NICPlan) -> NICStep:
    (step,) = found.steps
    return step


def in_short(found: NICPlan) -> list[tuple[Verb, bool, bool]]:
    return [(step.verb, step.live, step.stored) for step in found.steps]


def test_nothing_changed_is_no_step():
    assert change(nic()) == NICPlan()
    assert change(nic(model="", pci="")) == NICPlan()
    assert plan(nic(), None, defined(nic()), False) == NICPlan()
    assert plan(None, None, None, True) == NICPlan()


# Every field: what is asked for, and how it reaches a running guest.
CHANGES = {
    "source": (nic(source="net2"), Verb.UPDATE),
    "port_group": (nic(port_group="red"), Verb.REPLUG),
    "model": (nic(model="e1000e"), Verb.REPLUG),
    "mtu": (nic(mtu=9000), Verb.REPLUG),
    "link_up": (nic(link_up=False), Verb.UPDATE),
    "inbound": (nic(inbound=LIMIT), Verb.UPDATE),
    "outbound": (nic(outbound=LIMIT), Verb.UPDATE),
    "vlan": (nic(vlan=42), Verb.REPLUG),
    "isolated": (nic(isolated=True), Verb.UPDATE),
    "trust_rx_filters": (nic(trust_rx_filters=True), Verb.REPLUG),
    "filter": (nic(filter="clean-traffic"), Verb.UPDATE),
    "queues": (nic(queues=4), Verb.REPLUG),
    "boot_order": (nic(boot_order=1), Verb.DEFINE),
    "alias": (nic(alias="ua-first"), Verb.DEFINE),
    "pci": (nic(pci="0000:00:07.0"), Verb.DEFINE),
}
REPLUGGED = [field for field, (_, verb) in CHANGES.items() if verb is Verb.REPLUG]


def test_each_field_is_in_the_table():
    elsewhere = {"mode", "filter_parameters"}  # only with another kind, with another field
    assert CHANGES.keys() | elsewhere == FIELDS.keys()


@pytest.mark.parametrize("field", CHANGES)
def test_a_field_reaches_the_guest_as_libvirt_can(field):
    wanted, verb = CHANGES[field]
    found = change(wanted)
    assert in_short(found) == [(verb, verb is not Verb.DEFINE, True)]
    assert [each.field for each in only(found).fields] == [field]
    assert [each.field for each in found.waiting] == ([field] if verb is Verb.DEFINE else [])
    assert parse(etree.fromstring(only(found).definition)).spec == replace(wanted, pci=wanted.pci or PCI)


@pytest.mark.parametrize("field", CHANGES)
def test_a_field_can_be_taken_back_in_the_same_way(field):
    was, verb = CHANGES[field]
    found = change(replace(nic(), pci=PCI), was)
    assert in_short(found) == [(verb, verb is not Verb.DEFINE, True)]


@pytest.mark.parametrize("field", CHANGES)
def test_a_vm_that_is_off_is_only_defined(field):
    wanted, _ = CHANGES[field]
    found = plan(wanted, None, defined(nic()), False)
    assert in_short(found) == [(Verb.DEFINE, False, True)]
    assert (only(found).calls, only(found).disruption, found.waiting) == ((), Disruption.NONE, ())


@pytest.mark.parametrize("field", REPLUGGED)
def test_who_does_not_want_it_plugged_anew_waits_for_the_next_boot(field):
    wanted, _ = CHANGES[field]
    found = change(wanted, replug=False)
    assert in_short(found) == [(Verb.DEFINE, False, True)]
    assert [each.field for each in found.waiting] == [field]
    assert only(found).text.endswith("at its next boot")
    kept = plan(wanted, running(nic()), defined(wanted), True, replug=False)
    assert (kept.steps, kept.waiting) == ((), found.waiting)
    assert in_short(plan(wanted, running(nic()), defined(wanted), True)) == [(Verb.REPLUG, True, False)]


@pytest.mark.parametrize(
    ("wanted", "text", "disruption"),
    [
        (nic(source="net2"), "Move NIC {} from net1 to net2: live, its link blinks", Disruption.BRIEF),
        (nic("bridge", "br0"), "Move NIC {} from net1 to bridge br0: live, its link blinks", Disruption.BRIEF),
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
        (nic(boot_order=1), "Change NIC {}, boot order none → 1: at its next boot", Disruption.NONE),
    ],
)
def test_a_step_says_what_happens_and_whom_it_disturbs(wanted, text, disruption):
    step = only(change(wanted))
    assert (step.text, step.disruption) == (text.format(MAC), disruption)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (nic(inbound=LIMIT), ["tc on the host", "reading it back"]),
        (nic(inbound=LIMIT, outbound=LIMIT), ["tc on the host"]),
        (nic(vlan=42), ["Open vSwitch or SR-IOV", "the card leave and come", "the same MAC"]),
        (nic(model="e1000e"), ["the card leave and come"]),
        (nic(boot_order=1), ["boot device"]),
    ],
)
def test_what_has_to_be_known_is_noted_once(wanted, words):
    note = only(change(wanted)).note
    assert [note.count(each) for each in words] == [1] * len(words)


def test_a_change_without_conditions_has_no_note():
    assert [only(change(wanted)).note for wanted in (nic(source="net2"), nic(link_up=False), nic(isolated=True))] == [
        *[""] * 3
    ]
    tagged = nic("bridge", "ovsbr0", vlan=42)
    assert "Open vSwitch" not in only(change(replace(tagged, vlan=None), tagged)).note


def test_a_move_takes_the_link_down_and_up_and_keeps_mac_and_slot():
    step = only(change(nic(source="net2")))
    down, up = (parse(etree.fromstring(call)) for call in step.calls)
    assert (down.spec, up.spec) == (nic(source="net2", pci=PCI, link_up=False), nic(source="net2", pci=PCI))
    for call in step.calls:
        root = etree.fromstring(call)
        assert dict(root.find("source").attrib) == {"network": "net2"}
        assert (root.find("target"), root.find("alias").get("name")) == (None, "net0")
        assert_valid("domain", domain(call))
    assert parse(etree.fromstring(step.undo)).spec == nic(pci=PCI)


def test_the_link_of_a_nic_that_is_down_does_not_blink():
    down = nic(link_up=False)
    for wanted in (nic(source="net2", link_up=False), nic(source="net2")):
        step = only(change(wanted, down))
        assert [parse(etree.fromstring(call)).spec for call in step.calls] == [replace(wanted, pci=PCI)]
        assert "blinks" not in step.text


def test_a_move_takes_the_port_group_along():
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
def test_whether_a_nic_moves_live_depends_on_what_its_network_made_of_it(live, verb):
    assert only(plan(nic(source="net2"), live, defined(nic()), True)).verb is verb


def test_a_device_of_the_host_changes_by_nothing_but_a_replug():
    assert only(plan(nic(link_up=False), running(nic(), actual="hostdev"), defined(nic()), True)).verb is Verb.REPLUG


def test_a_virtual_port_takes_vlan_tags():
    on_ovs = running(nic("bridge", "ovsbr0"), "<virtualport type='openvswitch'/>")
    step = only(plan(nic("bridge", "ovsbr0", vlan=42), on_ovs, defined(nic("bridge", "ovsbr0")), True))
    assert step.verb is Verb.REPLUG
    assert "Open vSwitch" not in step.note


def test_a_replug_attaches_what_is_defined_at_the_place_where_it_was():
    live = running(nic(pci="0000:00:05.0"))
    stored = defined(nic(pci="0000:00:06.0"), "<coalesce><rx><frames max='7'/></rx></coalesce>")
    step = only(plan(nic(model="e1000e"), live, stored, True))
    detached, attached = step.calls
    assert detached == f'<interface type="network"><mac address="{MAC}"/><source network="net1"/></interface>'
    assert parse(etree.fromstring(attached)).spec == nic(model="e1000e", pci="0000:00:05.0")
    assert etree.fromstring(attached).find("coalesce/rx/frames").get("max") == "7"
    assert parse(etree.fromstring(step.definition)).spec.pci == "0000:00:06.0"
    undone = etree.fromstring(step.undo)
    assert (parse(undone).spec, undone.find("target")) == (live.spec, None)


def test_what_waits_for_the_next_boot_is_left_out_of_what_the_guest_gets_now():
    wanted = nic(model="e1000e", boot_order=2, alias="ua-first", pci="0000:00:09.0")
    found = change(wanted)
    assert in_short(found) == [(Verb.REPLUG, True, False), (Verb.DEFINE, False, True)]
    replug, define = found.steps
    assert parse(etree.fromstring(replug.calls[1])).spec == nic(model="e1000e", pci=PCI)
    assert parse(etree.fromstring(define.definition)).spec == wanted
    assert [each.field for each in replug.fields] == ["model"]
    assert [each.field for each in define.fields] == ["model", "boot_order", "alias", "pci"]
    assert [each.field for each in found.waiting] == ["boot_order", "alias", "pci"]


def test_what_can_change_live_does_even_if_the_rest_waits():
    found = change(nic(source="net2", mtu=9000), replug=False)
    assert in_short(found) == [(Verb.UPDATE, True, False), (Verb.DEFINE, False, True)]
    assert parse(etree.fromstring(found.steps[0].calls[-1])).spec == nic(source="net2", pci=PCI)


def test_a_move_that_waits_takes_all_of_its_place_along():
    found = change(nic("direct", "eth0", mode="vepa", link_up=False), replug=False)
    update, define = found.steps
    assert parse(etree.fromstring(update.calls[0])).spec == nic(link_up=False, pci=PCI)
    assert parse(etree.fromstring(define.definition)).spec == nic("direct", "eth0", mode="vepa", link_up=False, pci=PCI)


@pytest.mark.parametrize(
    ("what", "live", "stored", "is_on", "steps"),
    [
        ("only the guest differs", nic(source="net2"), nic(), True, [(Verb.UPDATE, True, False)]),
        ("only the definition differs", nic(), nic(source="net2"), True, [(Verb.DEFINE, False, True)]),
        ("both do", nic(source="net2"), nic(source="net2"), True, [(Verb.UPDATE, True, True)]),
        (
            "each in another field",
            nic(source="net2"),
            nic(mtu=9000),
            True,
            [(Verb.UPDATE, True, False), (Verb.DEFINE, False, True)],
        ),
        (
            "each in another field, one in both",
            nic(mtu=1400, link_up=False),
            nic(mtu=9000),
            True,
            [(Verb.REPLUG, True, True)],
        ),
        ("the guest lacks it", None, nic(), True, [(Verb.ATTACH, True, False)]),
        ("the guest lacks it, and the definition differs", None, nic(mtu=9000), True, [(Verb.ATTACH, True, True)]),
        ("both lack it", None, None, True, [(Verb.ATTACH, True, True)]),
        ("the definition lacks it", nic(), None, True, [(Verb.ATTACH, False, True)]),
        (
            "the definition lacks it, and the guest differs",
            nic(source="net2"),
            None,
            True,
            [(Verb.UPDATE, True, False), (Verb.ATTACH, False, True)],
        ),
        ("it is off", None, nic(source="net2"), False, [(Verb.DEFINE, False, True)]),
        ("it is off and lacks it", None, None, False, [(Verb.ATTACH, False, True)]),
        ("it has gone off since it was seen", nic(source="net2"), nic(), False, []),
    ],
)
def test_the_guest_and_the_definition_get_what_each_needs(what, live, stored, is_on, steps):
    found = plan(nic(), live and running(live), stored and defined(stored), is_on)
    assert in_short(found) == steps, what
    for step in found.steps:
        assert bool(step.calls) == step.live
        assert bool(step.definition) == step.stored


@pytest.mark.parametrize(
    ("live", "stored", "is_on", "step"),
    [
        (nic(), nic(), True, (Verb.DETACH, True, True)),
        (nic(), None, True, (Verb.DETACH, True, False)),
        (None, nic(), True, (Verb.DETACH, False, True)),
        (None, nic(), False, (Verb.DETACH, False, True)),
    ],
)
def test_a_nic_that_is_not_wanted_is_detached(live, stored, is_on, step):
    found = plan(None, live and running(live), stored and defined(stored), is_on)
    assert in_short(found) == [step]
    assert only(found).text == f"Detach NIC {MAC} from net1"
    assert only(found).disruption is (Disruption.LASTING if live else Disruption.NONE)
    assert bool(only(found).note) == bool(live)


def test_a_new_nic_is_attached_with_its_mac_to_both_alike():
    wanted = nic(mtu=1400, pci="0000:00:07.0")
    step = only(plan(wanted, None, None, True))
    assert step.calls == (step.definition,) == (build(wanted),)
    assert step.text == f"Attach NIC {MAC} to net1"
    assert (step.disruption, step.fields) == (Disruption.NONE, ())


def test_a_nic_that_waits_in_the_definition_is_attached_wherever_the_guest_has_room():
    stored = defined(nic(), "<coalesce><rx><frames max='7'/></rx></coalesce>")
    (call,) = only(plan(nic(), None, stored, True)).calls
    assert parse(etree.fromstring(call)).spec == nic()
    assert etree.fromstring(call).find("coalesce") is not None


def test_a_nic_that_the_definition_lacks_is_defined_as_the_guest_has_it():
    live = running(nic(), "<coalesce><rx><frames max='7'/></rx></coalesce>")
    root = etree.fromstring(only(plan(nic(), live, None, True)).definition)
    assert parse(root).spec == nic(pci=PCI)
    assert root.find("coalesce") is not None
    assert dict(root.find("source").attrib) == {"network": "net1"}


def test_a_mac_cannot_change():
    other = replace(nic(), mac="52:54:00:00:00:09")
    for live, stored in ((running(nic()), None), (None, defined(nic()))):
        with pytest.raises(OtherMAC, match="52:54:00:00:00:08 cannot become 52:54:00:00:00:09"):
            plan(other, live, stored, True)
    assert plan(replace(nic(), mac=MAC.upper()), running(nic()), defined(nic()), True) == NICPlan()


LENT = nic(inbound=LIMIT, vlan=42, isolated=True)


def test_what_a_network_lends_its_nics_is_no_difference():
    assert plan(nic(), running(LENT), defined(nic()), True) == NICPlan()
    assert plan(nic(), running(LENT), None, True).steps[0].verb is Verb.ATTACH
    step = only(plan(nic(source="net2"), running(LENT), defined(nic()), True))
    assert step.verb is Verb.UPDATE
    for call in (*step.calls, step.undo):
        spec = parse(etree.fromstring(call)).spec
        assert (spec.inbound, spec.vlan, spec.isolated) == (None, None, False)


def test_what_the_nic_has_of_its_own_is_taken_from_it():
    assert only(plan(nic(), running(LENT), defined(LENT), True)).verb is Verb.REPLUG
    assert only(plan(nic(vlan=42), running(LENT), defined(LENT), True)).verb is Verb.UPDATE
    on_bridge = replace(LENT, kind="bridge", source="br0")
    assert in_short(plan(nic("bridge", "br0"), running(on_bridge), defined(nic("bridge", "br0")), True)) == [
        (Verb.REPLUG, True, False)
    ]


def test_what_the_guest_has_already_is_only_defined():
    assert in_short(plan(LENT, running(LENT), defined(nic()), True)) == [(Verb.DEFINE, False, True)]


def _worded(each: Change) -> tuple[str, str, str]:
    return wording.title(each.field), wording.value(each.field, each.was), wording.value(each.field, each.becomes)


def test_a_changed_field_is_named_with_what_it_was_and_becomes():
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


def one_mac(spec: NICSpec) -> NICSpec:
    return replace(spec, mac=MAC)


somewhere = specs().map(one_mac)


def carried_out(found: NICPlan, live: FoundNIC, stored: FoundNIC | None) -> tuple[FoundNIC, FoundNIC | None]:
    """What libvirt has once every call was made: it writes the host's side anew, and its own alias if there is none."""
    for step in found.steps:
        if step.live:
            live = running(parse(etree.fromstring(step.calls[-1])).spec)
        if step.stored:
            stored = parse(etree.fromstring(step.definition))
    return live, stored


@settings(max_examples=examples(150), deadline=None)
@given(somewhere, somewhere, st.none() | somewhere, st.booleans())
def test_a_plan_that_was_carried_out_leaves_nothing_but_what_waits(wanted, live, stored, replug):
    before = running(live), stored and defined(stored)
    first = plan(wanted, *before, True, replug=replug)
    after = carried_out(first, *before)
    again = plan(wanted, *after, True, replug=replug)
    assert again.steps == ()
    late = {How.NEXT_BOOT} if replug else {How.NEXT_BOOT, How.REPLUG}
    assert {FIELDS[each.field] for each in again.waiting if each.field != "source"} <= late
    assert fields_changed(wanted, after[1]) == ()


@settings(max_examples=examples(100), deadline=None)
@given(somewhere, somewhere, st.none() | somewhere)
def test_every_document_of_a_plan_is_one_of_libvirts(wanted, live, stored):
    for step in plan(wanted, running(live), stored and defined(stored), True).steps:
        for document in filter(None, (*step.calls, step.undo, step.definition)):
            assert_valid("domain", domain(document))
            assert parse(etree.fromstring(document)).mac == MAC


NETWORK = NetworkSpec(
    name="net1",
    isolated_ports=True,
    mtu=1400,
    port_groups=(
        PortGroupSpec(name="red", tags=(42,), inbound=LIMIT),
        PortGroupSpec(name="plain", default=True, outbound=LIMIT),
    ),
)


@pytest.mark.parametrize(
    "has, own_ones",
    [
        (nic(isolated=True, mtu=1400, outbound=LIMIT), nic()),
        (nic(port_group="red", vlan=42, inbound=LIMIT), nic(port_group="red")),
        (nic(port_group="red", vlan=43, inbound=LIMIT, mtu=1300), nic(port_group="red", vlan=43, mtu=1300)),
        (nic(port_group="blue", inbound=LIMIT), nic(port_group="blue", inbound=LIMIT)),
        (nic(filter="clean-traffic", boot_order=2), nic(filter="clean-traffic", boot_order=2)),
    ],
)
def test_what_a_network_lends_a_nic_is_not_its_own(has, own_ones):
    assert own(running(has), NETWORK) == own_ones


def test_the_place_that_libvirt_chose_is_nobodys_wish():
    assert own(running(nic(pci="0000:00:09.0")), None) == nic()


@pytest.mark.parametrize("field", CHANGES)
def test_what_others_changed_is_drift_unless_it_only_waits_for_a_boot(field):
    wanted, verb = CHANGES[field]
    waits = verb is Verb.DEFINE
    assert [each.field for each in drift(wanted, running(nic()), True)] == ([] if waits else [field])
    assert [each.field for each in drift(wanted, defined(nic()), False)] == [field]


def test_what_waits_for_a_boot_by_choice_is_no_drift():
    assert drift(nic(mtu=9000), running(nic()), True, replug=False) == ()
    assert drift(nic(source="net2"), running(nic()), True, replug=False) != ()
    assert drift(nic("direct", "eth0"), running(nic()), True, replug=False) == ()


def test_what_a_network_lends_is_no_drift():
    assert drift(nic(), running(nic(inbound=LIMIT, vlan=42, isolated=True, mtu=1400)), True) == ()
    assert drift(nic(mtu=1300), running(nic(mtu=1400)), True) != ()


def machine(name: str) -> str:
    return (DOMAINS / f"{name}.xml").read_text()


def test_a_q35_machine_takes_a_nic_for_each_root_port_that_is_free():
    document = machine("q35")
    assert free_slots(document) == 1
    taken = f"<interface type='user'><mac address='{MAC}'/><address type='pci' bus='0x05' slot='0x00'/></interface>"
    assert free_slots(document.replace("</devices>", f"{taken}</devices>")) == 0
    assert free_slots(document.replace("port='0xc'", "port='0xc' hotplug='off'")) == 0


def test_an_i440fx_machine_takes_a_nic_for_each_slot_that_is_free():
    document = machine("i440fx")
    assert free_slots(document) == 28
    taken = "<sound model='ich6'><address type='pci' domain='0x0000' bus='0x00' slot='{}' function='0x0'/></sound>"
    for slot, left in (("0x1f", 27), ("0x02", 28), ("0x01", 28)):
        assert free_slots(document.replace("</devices>", f"{taken.format(slot)}</devices>")) == left


def test_an_i440fx_machine_without_acpi_takes_none():
    assert free_slots(machine("i440fx").replace("<acpi/>", "")) == 0


def test_of_another_machine_nothing_is_known():
    assert free_slots(machine("i440fx").replace("pc-i440fx-7.2", "pseries")) is None
    assert free_slots(domain(build(nic()))) is None
