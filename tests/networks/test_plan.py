"""Plans: the steps from what libvirt has to what is wished, and what they do to VMs."""

from dataclasses import replace

import pytest

from networks.network_xml import HostSpec, NetworkSpec, RangeSpec, SubnetSpec, build, edit, parse
from networks.plan import Disruption, Found, Verb, plan, plan_hosts

FIRST = HostSpec(mac="52:54:00:00:00:08", ip="10.255.0.8")
SECOND = HostSpec(mac="52:54:00:00:00:09", ip="10.255.0.9")


def wanted(*hosts: HostSpec, **values) -> NetworkSpec:
    ranges = (RangeSpec(start="10.255.0.2", end="10.255.0.254"),)
    subnet = SubnetSpec(address="10.255.0.1", prefix=24, ranges=ranges, hosts=hosts)
    return NetworkSpec(name="net1", uuid="4dea22b3-1d52-d8f3-2516-782e98ab3fa0", **{"subnets": (subnet,), **values})


def found(stored: NetworkSpec, live: NetworkSpec | None = None, active=True, autostart=True) -> Found:
    running = build(live or stored) if active else ""
    return Found(document=build(stored), live=running, active=active, autostart=autostart)


@pytest.mark.parametrize(
    ("what", "wish", "side", "verbs"),
    [
        ("nothing is there", wanted(), None, [Verb.DEFINE, Verb.AUTOSTART, Verb.START]),
        ("all is there", wanted(FIRST), found(wanted(FIRST)), []),
        ("it is inactive", wanted(), found(wanted(), active=False), [Verb.START]),
        ("it does not start with the host", wanted(), found(wanted(), autostart=False), [Verb.AUTOSTART]),
        (
            "it is defined and no more",
            wanted(),
            found(wanted(), active=False, autostart=False),
            [Verb.AUTOSTART, Verb.START],
        ),
        ("a host entry is missing", wanted(FIRST, SECOND), found(wanted(FIRST)), [Verb.ADD_HOST]),
        ("a host entry is too many", wanted(SECOND), found(wanted(FIRST, SECOND)), [Verb.DELETE_HOST]),
        ("one for another", wanted(SECOND), found(wanted(FIRST)), [Verb.DELETE_HOST, Verb.ADD_HOST]),
        ("a host entry of an inactive one", wanted(FIRST), found(wanted(), active=False), [Verb.DEFINE, Verb.START]),
        ("the domain differs", wanted(domain="a.test"), found(wanted()), [Verb.DEFINE, Verb.RESTART]),
        ("the MTU and a host entry", wanted(FIRST, mtu=9000), found(wanted()), [Verb.DEFINE, Verb.RESTART]),
        ("only the live one differs", wanted(), found(wanted(), wanted(dns=False)), [Verb.RESTART]),
        (
            "the block differs while inactive",
            wanted(subnets=()),
            found(wanted(), active=False),
            [Verb.DEFINE, Verb.START],
        ),
    ],
)
def test_the_steps_are_as_few_as_will_do(what, wish, side, verbs):
    assert [step.verb for step in plan(wish, side)] == verbs, what


def test_only_a_restart_disturbs_vms():
    steps = [*plan(wanted(), None), *plan(wanted(FIRST, domain="a.test"), found(wanted()))]
    assert {step.verb for step in steps if step.disruption is not Disruption.NONE} == {Verb.RESTART}


def test_an_edit_is_written_into_what_libvirt_has():
    stored = build(wanted()).replace("<dns", "<route address='10.9.0.0' prefix='16' gateway='10.255.0.2'/><dns")
    side = replace(found(wanted()), document=stored)
    (define, _) = plan(wanted(domain="a.test"), side)
    assert define.xml == edit(stored, wanted(domain="a.test"))


def test_a_network_made_anew_is_written_into_its_kept_document():
    document = "<network><name>old</name><title>the lab's</title></network>"
    define = plan(wanted(), None, document)[0]
    assert "the lab's" in define.xml
    assert parse(define.xml) == wanted()


def test_host_entries_alone_touch_nothing_else():
    side = found(wanted(FIRST))
    assert plan_hosts((FIRST,), (), side) == ()
    assert [step.xml for step in plan_hosts((SECOND,), (FIRST.mac,), side)] == [
        '<host mac="52:54:00:00:00:08" ip="10.255.0.8"/>',
        '<host mac="52:54:00:00:00:09" ip="10.255.0.9"/>',
    ]
    assert plan_hosts((FIRST,), (), None) == ()


def test_all_entries_of_a_mac_go_whatever_their_address():
    twice = found(wanted(FIRST, replace(FIRST, ip="10.255.0.80")))
    assert len(plan_hosts((), (FIRST.mac,), twice)) == 2
