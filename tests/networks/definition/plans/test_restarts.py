"""Changes that need a restart of the network, and what the restart does to its VMs."""

from dataclasses import replace

import pytest

from networks.definition.document.compare import differences
from networks.definition.plans.plan import plan
from networks.definition.plans.steps import Disruption, Verb, worst
from networks.definition.spec import BandwidthSpec, DNSHostSpec, ForwarderSpec, RangeSpec, RouteSpec, SubnetSpec
from tests.networks.definition.plans.plan_examples import (
    FIRST,
    LEASED,
    RANGE,
    RESTARTED,
    RICH,
    TXT,
    VMS,
    block,
    found,
    net,
    verbs,
    wanted,
    xml,
)

BOOTED = replace(RICH.subnets[0], tftp_root="/srv/tftp", boot_file="pxelinux.0")

# Fields that need a new definition and, if the network runs, a restart.
RIGID = {
    "Forward mode": replace(RICH, forward_mode="route"),
    "NAT ports": replace(RICH, nat_ports="2000-3000"),
    "NAT addresses": replace(RICH, nat_addresses="203.0.113.8-203.0.113.9"),
    "NAT of IPv6": replace(RICH, nat_ipv6=True),
    "Bridge": replace(RICH, bridge="virbr10"),
    "STP": replace(RICH, stp=False),
    "MTU": replace(RICH, mtu=1400),
    "Isolated ports": replace(RICH, isolated_ports=True),
    "Domain": replace(RICH, domain="other.test"),
    "Domain is local only": replace(RICH, local_only=True),
    "DNS forwarder": replace(RICH, forwarders=(ForwarderSpec(address="10.0.0.53"),)),
    "Block": replace(RICH, subnets=(*RICH.subnets, SubnetSpec(address="fd00::1", prefix=64))),
    "TFTP root of 10.255.0.1/24, Boot file of 10.255.0.1/24": replace(RICH, subnets=(BOOTED,)),
    "Route": replace(RICH, routes=(RouteSpec(destination="10.8.0.0/16", gateway="10.255.0.7"),)),
    "Bandwidth in": replace(RICH, inbound=BandwidthSpec(average=1000)),
    "Bandwidth out": replace(RICH, outbound=BandwidthSpec(average=1000)),
    "dnsmasq option": replace(RICH, dnsmasq_options=("log-dhcp",)),
    "DNS": replace(RICH, dns=False, dns_hosts=()),
    "Bridge delay": xml(RICH, '<bridge name="virbr9"/>', '<bridge name="virbr9" delay="3"/>'),
    "Firewall zone": xml(RICH, '<bridge name="virbr9"/>', '<bridge name="virbr9" zone="lab"/>'),
    "MAC address of the host": xml(RICH, "<domain", '<mac address="52:54:00:00:00:01"/><domain'),
    "dns forwardPlainNames": xml(RICH, "<dns>", '<dns forwardPlainNames="no">'),
    "ipv6": xml(RICH, "<network>", '<network ipv6="yes">'),
}


@pytest.mark.parametrize("field", RIGID)
def test_a_field_that_libvirt_cannot_change_live_needs_a_restart_that_names_the_reason_and_the_vms(field):
    steps = plan(wanted(RIGID[field]), found(RICH))
    assert verbs(steps) == RESTARTED
    define, restart, reconnect = steps
    assert differences(wanted(RIGID[field]).document, define.xml) == ()
    assert restart.text == f"Restart net1, because libvirt cannot change this live: {field}"
    assert [step.disruption for step in steps] == [Disruption.NONE, Disruption.BRIEF, Disruption.NONE]
    assert (restart.vms, reconnect.vms) == (VMS, VMS)
    assert reconnect.text == "Reconnect 2 running VMs: alma-8-8, alma-8-9"
    assert define.seconds == reconnect.seconds == 0


@pytest.mark.parametrize("field", RIGID)
def test_an_inactive_network_is_only_redefined(field):
    steps = plan(wanted(RIGID[field], active=False), found(RICH, active=False))
    assert verbs(steps) == [Verb.DEFINE]
    assert worst(steps) is Disruption.NONE


@pytest.mark.parametrize(
    ("what", "desired", "side"),
    [
        (
            "two DNS hosts of an address",
            replace(RICH, dns_hosts=(*RICH.dns_hosts, DNSHostSpec(ip="10.255.0.5", names=("www",)))),
            RICH,
        ),
        (
            "one of two DNS hosts of an address",
            RICH,
            replace(RICH, dns_hosts=(*RICH.dns_hosts, DNSHostSpec(ip="10.255.0.5", names=("www",)))),
        ),
        ("two entries of a MAC", block(FIRST, replace(FIRST, ip="10.255.0.80")), block(FIRST)),
        (
            "two TXT records of a name",
            xml(RICH, "<dns>", f"<dns>{TXT}{TXT.replace('one', 'two')}"),
            xml(RICH, "<dns>", f"<dns>{TXT}"),
        ),
    ],
)
def test_entries_that_libvirt_cannot_distinguish_live_need_a_restart(what, desired, side):
    assert verbs(plan(wanted(desired), found(side))) == RESTARTED, what


def test_a_block_that_would_lose_its_boot_file_with_its_last_range_needs_a_restart():
    booted, other = replace(RICH, subnets=(BOOTED,)), RangeSpec(start="10.255.0.2", end="10.255.0.3")
    leased, two = (replace(RICH, subnets=(replace(BOOTED, ranges=each),)) for each in ((LEASED,), (RANGE, other)))
    assert verbs(plan(wanted(leased), found(booted))) == RESTARTED
    assert verbs(plan(wanted(two), found(booted))) == [Verb.UPDATE]
    assert verbs(plan(wanted(booted), found(two))) == [Verb.UPDATE]


def test_only_a_restart_and_a_stop_disrupt_vms():
    steps = [
        *plan(wanted(net()), None),
        *plan(wanted(net(FIRST, domain="a.test")), found(net())),
        *plan(wanted(net(FIRST), active=False, autostart=False), found(net())),
    ]
    assert {step.verb: step.disruption for step in steps if step.disruption is not Disruption.NONE} == {
        Verb.RESTART: Disruption.BRIEF,
        Verb.STOP: Disruption.LASTING,
    }


def test_changing_a_network_without_running_vms_disrupts_nothing():
    assert worst(plan(wanted(net(mtu=9000)), found(net(), attached=()))) is Disruption.NONE
    assert worst(plan(wanted(net(mtu=9000)), found(net()))) is Disruption.BRIEF
    assert worst(plan(wanted(net(), active=False), found(net()))) is Disruption.LASTING
