"""Lists of a running network change by updates, without a restart."""

from dataclasses import replace

import pytest

from networks.definition.plans.plan import plan
from networks.definition.plans.steps import Command, Disruption, Update, worst
from networks.definition.spec import HostSpec, SubnetSpec
from tests.networks.definition.plans.plan_examples import (
    FIRST,
    LEASED,
    LIVE,
    RICH,
    SECOND,
    TWIN,
    block,
    calls,
    found,
    net,
    wanted,
)


@pytest.mark.parametrize("what", LIVE)
def test_list_entries_change_live_without_disrupting_vms(what):
    desired, side, expected = LIVE[what]
    steps = plan(wanted(desired), found(side))
    assert calls(steps) == expected
    assert all((step.update.live, step.update.stored) == (True, True) for step in steps)
    assert {step.disruption for step in steps} == {Disruption.NONE}
    assert worst(steps) is Disruption.NONE


@pytest.mark.parametrize("what", LIVE)
def test_list_entries_of_an_inactive_network_change_in_its_definition(what):
    desired, side, expected = LIVE[what]
    steps = plan(wanted(desired, active=False), found(side, active=False))
    assert calls(steps) == expected
    assert all((step.update.live, step.update.stored) == (False, True) for step in steps)


def test_one_changed_entry_among_five_hundred_is_one_call():
    entries = [
        HostSpec(mac=f"52:54:00:00:{n // 256:02x}:{n % 256:02x}", ip=f"10.1.{n // 256}.{n % 256}")
        for n in range(2, 502)
    ]
    big = SubnetSpec(address="10.1.0.1", prefix=16, hosts=tuple(entries))
    entries[250] = replace(entries[250], ip="10.1.9.9", name="moved")
    (step,) = plan(wanted(net(subnets=(replace(big, hosts=tuple(entries)),))), found(net(subnets=(big,))))
    assert step.update == Update(
        command=Command.MODIFY,
        section="ip-dhcp-host",
        xml='<host mac="52:54:00:00:00:fc" name="moved" ip="10.1.9.9"/>',
        index=0,
        live=True,
        stored=True,
    )
    assert step.text == (
        "Change DHCP reservation of 10.1.0.1/16: 52:54:00:00:00:fc 10.1.0.252 → 52:54:00:00:00:fc 10.1.9.9 moved"
    )


def test_an_update_has_the_attributes_by_which_libvirt_finds_the_entry():
    steps = plan(wanted(block(SECOND, ranges=(LEASED,))), found(replace(RICH, dns_hosts=(*RICH.dns_hosts, TWIN))))
    assert [(step.text, step.update.xml) for step in steps] == [
        ("Delete DNS host: fd00::5 mirror", '<host ip="fd00::5"/>'),
        (
            "Delete DHCP range of 10.255.0.1/24: 10.255.0.2-10.255.0.254",
            '<range start="10.255.0.2" end="10.255.0.254"/>',
        ),
        (
            "Add DHCP range of 10.255.0.1/24: 10.255.0.2-10.255.0.254 1h",
            '<range start="10.255.0.2" end="10.255.0.254"><lease expiry="3600" unit="seconds"/></range>',
        ),
        (
            "Add DHCP reservation of 10.255.0.1/24: 52:54:00:00:00:09 10.255.0.9",
            '<host mac="52:54:00:00:00:09" ip="10.255.0.9"/>',
        ),
    ]


def test_an_entry_is_added_to_its_block_in_any_order_of_blocks():
    four, six = (SubnetSpec(address=each, prefix=64 if ":" in each else 24) for each in ("10.1.0.1", "fd00::1"))
    entry = HostSpec(name="six", ip="fd00::6")
    desired = net(subnets=(four, replace(six, hosts=(entry,))))
    steps = plan(wanted(desired), found(net(subnets=(six, four)), live=net(subnets=(four, six))))
    assert [(step.update.index, step.update.stored, step.update.live) for step in steps] == [
        (0, True, False),
        (1, False, True),
    ]


def test_the_stored_and_the_live_definition_get_different_updates():
    other = replace(FIRST, ip="10.255.0.80")
    steps = plan(wanted(net(FIRST, SECOND)), found(net(other), live=net(SECOND)))
    assert [(step.update.command, step.update.live, step.update.stored) for step in steps] == [
        (Command.MODIFY, False, True),
        (Command.ADD, False, True),
        (Command.ADD, True, False),
    ]


def test_only_added_and_changed_reservations_are_harmless():
    harmless = {
        "add ip-dhcp-host": True,
        "change ip-dhcp-host": True,
        "delete ip-dhcp-host": False,
        "add ip-dhcp-range": False,
    }
    for command, expected in harmless.items():
        steps = [step for desired, side, _ in LIVE.values() for step in plan(wanted(desired), found(side))]
        assert {step.harmless for step in steps if calls((step,)) == [command]} == {expected}


def test_a_restart_has_the_length_of_the_interruption_and_the_part_that_stp_causes():
    quick, slow = (plan(wanted(net(mtu=9000, stp=stp)), found(net(stp=stp)))[1] for stp in (False, True))
    assert (quick.seconds, quick.note) == (pytest.approx(0.42), "")
    assert (slow.seconds, slow.note) == (
        pytest.approx(4.42),
        "STP on the bridge causes 4 s of the interruption; you can turn STP off",
    )


def test_restarting_a_network_on_a_host_bridge_has_no_stp_delay():
    side = net(forward_mode="bridge", bridge="br0", subnets=())
    restart = plan(wanted(replace(side, isolated_ports=True)), found(side))[1]
    assert (restart.seconds, restart.note) == (pytest.approx(0.42), "")
