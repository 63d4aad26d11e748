"""The plan has the fewest steps that change what libvirt has into the desired definition."""

from dataclasses import replace

import pytest

from networks.definition.document.compare import differences
from networks.definition.document.edit import edit
from networks.definition.document.parse import parse
from networks.definition.plans.plan import plan
from networks.definition.plans.steps import Verb
from tests.networks.definition.plans.plan_examples import FIRST, RESTARTED, RICH, VMS, found, net, verbs, wanted, xml

NO_MTU = ("mtu size", "", "9000", "")  # the code of a difference


@pytest.mark.parametrize(
    ("what", "desired", "side", "expected"),
    [
        ("nothing is there", wanted(net()), None, [Verb.DEFINE, Verb.AUTOSTART, Verb.START]),
        ("nothing is there and no more is wanted", wanted(net(), False, False), None, [Verb.DEFINE]),
        ("all is there", wanted(net(FIRST)), found(net(FIRST)), []),
        ("it is inactive", wanted(net()), found(net(), active=False), [Verb.START]),
        ("it is to stop", wanted(net(), active=False), found(net()), [Verb.STOP]),
        ("it does not start with the host", wanted(net()), found(net(), autostart=False), [Verb.AUTOSTART]),
        ("it starts with the host", wanted(net(), autostart=False), found(net()), [Verb.NO_AUTOSTART]),
        (
            "it is defined and no more",
            wanted(net()),
            found(net(), active=False, autostart=False),
            [Verb.AUTOSTART, Verb.START],
        ),
        (
            "an entry of an inactive one",
            wanted(net(FIRST)),
            found(net(), active=False),
            [Verb.UPDATE, Verb.START],
        ),
        ("the MTU and a DHCP reservation", wanted(net(FIRST, mtu=9000)), found(net()), RESTARTED),
        ("only the live one differs", wanted(net()), found(net(), net(dns=False)), [Verb.RESTART, Verb.RECONNECT]),
        ("only the stored one differs", wanted(net()), found(net(dns=False), net()), [Verb.DEFINE]),
        (
            "the stored one differs much, the live one in an entry",
            wanted(net(FIRST, mtu=9000)),
            found(net(), net(mtu=9000)),
            [Verb.DEFINE, Verb.UPDATE],
        ),
        (
            "the live one differs much, the stored one in an entry",
            wanted(net(FIRST, mtu=9000)),
            found(net(mtu=9000), net()),
            RESTARTED,
        ),
        (
            "it changes and is to stop",
            wanted(net(mtu=9000), active=False),
            found(net()),
            [Verb.DEFINE, Verb.STOP],
        ),
        (
            "it changes while inactive",
            wanted(net(mtu=9000)),
            found(net(), active=False),
            [Verb.DEFINE, Verb.START],
        ),
        ("VMs were left off the wire", wanted(net()), found(net(), disconnected=VMS[:1]), [Verb.RECONNECT]),
        (
            "VMs were left off the wire, and an entry is missing",
            wanted(net(FIRST)),
            found(net(), disconnected=VMS[:1]),
            [Verb.UPDATE, Verb.RECONNECT],
        ),
        ("nobody is on it", wanted(net(mtu=9000)), found(net(), attached=()), [Verb.DEFINE, Verb.RESTART]),
    ],
)
def test_a_plan_has_the_fewest_steps_that_are_enough(what, desired, side, expected):
    assert verbs(plan(desired, side)) == expected, what


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<bridge", "<title>The lab’s</title><bridge"),
        ("<bridge", "<description>for all</description><bridge"),
        ("<bridge", "<metadata><lab:owner xmlns:lab='https://lab.example/'>storage</lab:owner></metadata><bridge"),
    ],
)
def test_a_changed_title_description_or_metadata_needs_no_restart(old, new):
    titled = xml(RICH, old, new)
    assert verbs(plan(wanted(titled), found(RICH))) == [Verb.DEFINE]
    assert verbs(plan(wanted(titled), found(titled, live=RICH))) == []
    assert verbs(plan(wanted(titled), found(RICH, active=False))) == [Verb.DEFINE, Verb.START]
    with_entry = edit(titled, parse(titled).with_hosts([FIRST]))
    steps = plan(wanted(with_entry), found(RICH))
    assert verbs(steps) == [Verb.DEFINE, Verb.UPDATE]
    assert (steps[1].update.live, steps[1].update.stored) == (True, False)


def test_differences_that_libvirt_does_not_store_are_ignored():
    desired, side = wanted(replace(RICH, mtu=9000, title="The lab’s")), found(RICH)
    left = [one.code for one in differences(desired.document, side.document)]
    assert left == [("title", "", "The lab’s", ""), NO_MTU]
    assert plan(desired, side, ignored=left) == ()
    assert verbs(plan(desired, side, ignored=left[:1])) == RESTARTED


def test_an_ignored_difference_does_not_hide_other_differences():
    desired = wanted(replace(RICH, mtu=9000, domain="other.test"))
    restart = plan(desired, found(RICH), ignored=[NO_MTU])[1]
    assert restart.text == "Restart net1, because libvirt cannot change this live: Domain"
    assert verbs(plan(desired, found(replace(RICH, mtu=1400)), ignored=[NO_MTU])) == RESTARTED


def test_a_new_definition_keeps_the_bridge_and_the_mac_that_libvirt_chose():
    stored = xml(net(), "<ip", "<bridge name='virbr7'/><mac address='52:54:00:9f:62:4e'/><ip")
    define = plan(wanted(net(mtu=9000)), found(stored))[0]
    assert parse(define.xml) == net(mtu=9000, bridge="virbr7")
    assert "52:54:00:9f:62:4e" in define.xml


@pytest.mark.parametrize(
    "forward", ["<forward mode='bridge'/><bridge name='br0'/>", "<forward mode='private' dev='e1'/>"]
)
def test_a_definition_without_a_bridge_of_its_own_gets_neither_bridge_nor_mac(forward):
    stored = xml(net(), "<ip", "<bridge name='virbr7'/><mac address='52:54:00:9f:62:4e'/><ip")
    define = plan(wanted(f"<network><name>net1</name>{forward}</network>"), found(stored))[0]
    assert "52:54:00:9f:62:4e" not in define.xml
    assert "virbr7" not in define.xml


def test_a_step_is_stored_as_codes():
    _, restart, _ = plan(wanted(net(mtu=9000, stp=False)), found(net(stp=False)))
    assert restart.as_json() == {
        **{"step": "restart", "variant": "", "network": "net1", "fields": [["mtu size", ""]], "stored": []},
        **{"command": "", "field": ["", ""], "value": "", "was": ""},
        "disruption": "brief",
        "vms": list(VMS),
        "seconds": 0.42,
        "note": "",
    }
