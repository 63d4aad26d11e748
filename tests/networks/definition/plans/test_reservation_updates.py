"""Plans that change only DHCP reservations."""

from dataclasses import replace

from networks.definition.plans.updates import plan_hosts
from networks.definition.spec import HostSpec
from tests.networks.definition.plans.plan_examples import FIRST, SECOND, calls, found, net


def test_a_plan_of_reservations_changes_nothing_else():
    side = found(net(FIRST), live=net(FIRST, mtu=9000))
    assert plan_hosts((FIRST,), (), side) == ()
    steps = plan_hosts((SECOND,), (FIRST.mac,), side)
    assert [(step.update.command.value, step.update.xml) for step in steps] == [
        ("delete", '<host mac="52:54:00:00:00:08" ip="10.255.0.8"/>'),
        ("add", '<host mac="52:54:00:00:00:09" ip="10.255.0.9"/>'),
    ]
    assert all((step.update.live, step.update.stored) == (True, True) for step in steps)
    assert plan_hosts((FIRST,), (), None) == ()


def test_an_entry_that_is_only_live_is_also_stored():
    (step,) = plan_hosts((FIRST,), (), found(net(), live=net(FIRST)))
    assert (step.update.live, step.update.stored) == (False, True)
    (step,) = plan_hosts((FIRST,), (), found(net(), active=False))
    assert (step.update.live, step.update.stored) == (False, True)


def test_an_entry_outside_of_all_blocks_is_omitted():
    assert plan_hosts((HostSpec(mac=FIRST.mac, ip="10.9.0.8"),), (), found(net())) == ()


def test_all_entries_of_a_mac_are_deleted():
    twice = found(net(FIRST, replace(FIRST, ip="10.255.0.80")))
    assert calls(plan_hosts((), (FIRST.mac,), twice)) == ["delete ip-dhcp-host"] * 2


def test_an_entry_that_replaces_another_of_the_same_mac_is_changed():
    moved = replace(FIRST, ip="10.255.0.80")
    assert calls(plan_hosts((moved,), (FIRST.mac,), found(net(FIRST)))) == ["change ip-dhcp-host"]
