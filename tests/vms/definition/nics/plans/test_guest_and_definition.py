"""The running guest and the stored definition get the changes that each needs."""

from dataclasses import replace

import pytest
from lxml import etree

from networks.definition.plans.steps import Disruption
from tests.vms.definition.nics.plans.planned_nics import MAC, PCI, defined, in_short, nic, only, running
from vms.definition.nics.edit import build
from vms.definition.nics.parse import parse
from vms.definition.nics.plan import plan
from vms.definition.nics.steps import NICPlan, OtherMAC, Verb


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
def test_the_guest_and_the_definition_get_separate_changes(what, live, stored, is_on, steps):
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
def test_a_nic_that_is_no_longer_desired_is_detached(live, stored, is_on, step):
    found = plan(None, live and running(live), stored and defined(stored), is_on)
    assert in_short(found) == [step]
    assert only(found).text == f"Detach NIC {MAC} from net1"
    assert only(found).disruption is (Disruption.LASTING if live else Disruption.NONE)
    assert bool(only(found).note) == bool(live)


def test_a_new_nic_is_attached_to_guest_and_definition_with_the_same_document():
    wanted = nic(mtu=1400, pci="0000:00:07.0")
    step = only(plan(wanted, None, None, True))
    assert step.calls == (step.definition,) == (build(wanted),)
    assert step.text == f"Attach NIC {MAC} to net1"
    assert (step.disruption, step.fields) == (Disruption.NONE, ())


def test_a_nic_of_the_definition_is_attached_to_any_free_slot_of_the_guest():
    stored = defined(nic(), "<coalesce><rx><frames max='7'/></rx></coalesce>")
    (call,) = only(plan(nic(), None, stored, True)).calls
    assert parse(etree.fromstring(call)).spec == nic()
    assert etree.fromstring(call).find("coalesce") is not None


def test_a_nic_that_the_definition_lacks_is_copied_from_the_guest():
    live = running(nic(), "<coalesce><rx><frames max='7'/></rx></coalesce>")
    root = etree.fromstring(only(plan(nic(), live, None, True)).definition)
    assert parse(root).spec == nic(pci=PCI)
    assert root.find("coalesce") is not None
    assert dict(root.find("source").attrib) == {"network": "net1"}


def test_a_mac_cannot_change():
    other = replace(nic(), mac="52:54:00:00:00:09")
    for live, stored in ((running(nic()), None), (None, defined(nic()))):
        with pytest.raises(OtherMAC, match="52:54:00:00:00:08 cannot change to 52:54:00:00:00:09"):
            plan(other, live, stored, True)
    assert plan(replace(nic(), mac=MAC.upper()), running(nic()), defined(nic()), True) == NICPlan()
