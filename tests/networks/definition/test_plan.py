"""Plans: the steps from what libvirt has to what is wished, and what they do to VMs."""

from dataclasses import dataclass, replace

import libvirt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from networks.definition.document.compare import differences
from networks.definition.document.edit import build, edit
from networks.definition.document.parse import parse
from networks.definition.plans.plan import plan
from networks.definition.plans.steps import Command, Disruption, Found, Step, Update, Verb, Wanted, worst
from networks.definition.plans.updates import plan_hosts
from networks.definition.spec import (
    BandwidthSpec,
    DNSHostSpec,
    ForwarderSpec,
    HostSpec,
    NetworkSpec,
    PortGroupSpec,
    RangeSpec,
    RouteSpec,
    SubnetSpec,
)
from tests.support.examples import examples
from tests.support.schemas import judge
from tests.support.specs import UUID, dns_hosts, groups_with_one_default, specs, subnets

FIRST = HostSpec(mac="52:54:00:00:00:08", ip="10.255.0.8")
SECOND = HostSpec(mac="52:54:00:00:00:09", ip="10.255.0.9")
RANGE = RangeSpec(start="10.255.0.2", end="10.255.0.254")
VMS = ("alma-8-8", "alma-8-9")


def net(*hosts: HostSpec, **values) -> NetworkSpec:
    subnet = SubnetSpec(address="10.255.0.1", prefix=24, ranges=(RANGE,), hosts=hosts)
    return NetworkSpec(name="net1", uuid=UUID, **{"subnets": (subnet,), **values})


def wanted(spec: NetworkSpec | str, active: bool = True, autostart: bool = True) -> Wanted:
    return Wanted(document=spec if isinstance(spec, str) else build(spec), active=active, autostart=autostart)


def found(
    stored: NetworkSpec | str, live: NetworkSpec | str | None = None, active: bool = True, **values: object
) -> Found:
    """What libvirt has; by default it runs as stored, with two VMs on it."""
    stored, live = (each if isinstance(each, str) else build(each) for each in (stored, live or stored))
    defaults = {"autostart": True, "attached": VMS if active else ()}
    return Found(document=stored, live=live if active else "", active=active, **{**defaults, **values})


def verbs(steps: tuple[Step, ...]) -> list[Verb]:
    return [step.verb for step in steps]


def calls(steps: tuple[Step, ...]) -> list[str]:
    """The updates in short: command and section."""
    return [f"{step.update.command.value} {step.update.section}" for step in steps]


NO_MTU = ("mtu size", "", "9000", "")  # the code of a difference
RESTARTED = [Verb.DEFINE, Verb.RESTART, Verb.RECONNECT]


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
        ("VMs were left off the wire", wanted(net()), found(net(), cut=VMS[:1]), [Verb.RECONNECT]),
        (
            "VMs were left off the wire, and an entry is missing",
            wanted(net(FIRST)),
            found(net(), cut=VMS[:1]),
            [Verb.UPDATE, Verb.RECONNECT],
        ),
        ("nobody is on it", wanted(net(mtu=9000)), found(net(), attached=()), [Verb.DEFINE, Verb.RESTART]),
    ],
)
def test_the_steps_are_as_few_as_will_do(what, desired, side, expected):
    assert verbs(plan(desired, side)) == expected, what


def xml(spec: NetworkSpec, old: str, new: str) -> str:
    """The spec's document with what the portal does not model."""
    document = build(spec)
    assert old in document
    return document.replace(old, new)


RICH = net(
    forward_mode="nat",
    forward_devices=("eth0",),
    bridge="virbr9",
    domain="lab.test",
    dns_hosts=(DNSHostSpec(ip="10.255.0.5", names=("mirror",)),),
    port_groups=(PortGroupSpec(name="fast", default=True), PortGroupSpec(name="slow")),
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
def test_what_libvirt_cannot_change_live_takes_a_restart_that_says_why_and_names_the_vms(field):
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
def test_an_inactive_network_is_only_defined_anew(field):
    steps = plan(wanted(RIGID[field], active=False), found(RICH, active=False))
    assert verbs(steps) == [Verb.DEFINE]
    assert worst(steps) is Disruption.NONE


def block(*hosts: HostSpec, ranges: tuple[RangeSpec, ...] = (RANGE,)) -> NetworkSpec:
    return replace(RICH, subnets=(replace(RICH.subnets[0], hosts=hosts, ranges=ranges),))


TXT = '<txt name="a" value="one"/>'
SRV = '<srv service="ldap" protocol="tcp" domain="lab.test" target="." port="389"/>'
LEASED = replace(RANGE, lease=3600)
TWIN = DNSHostSpec(ip="fd00::5", names=("mirror",))

# Lists that libvirt changes live: the wish, what is found, and the updates between them.
LIVE = {
    "DHCP reservation added": (block(FIRST, SECOND), block(FIRST), ["add ip-dhcp-host"]),
    "DHCP reservation deleted": (block(SECOND), block(FIRST, SECOND), ["delete ip-dhcp-host"]),
    "DHCP reservation changed": (block(replace(FIRST, ip="10.255.0.80")), block(FIRST), ["change ip-dhcp-host"]),
    "one entry for another": (block(SECOND), block(FIRST), ["delete ip-dhcp-host", "add ip-dhcp-host"]),
    "lease time of an entry": (block(replace(FIRST, lease=0)), block(FIRST), ["change ip-dhcp-host"]),
    "names that two guests exchange": (
        block(replace(FIRST, name="b"), replace(SECOND, name="a")),
        block(replace(FIRST, name="a"), replace(SECOND, name="b")),
        ["delete ip-dhcp-host"] * 2 + ["add ip-dhcp-host"] * 2,
    ),
    "a name for another MAC": (
        block(HostSpec(mac=SECOND.mac, ip=FIRST.ip, name="a")),
        block(replace(FIRST, name="a")),
        ["delete ip-dhcp-host", "add ip-dhcp-host"],
    ),
    "range added": (
        block(ranges=(RANGE, RangeSpec(start="10.255.0.2", end="10.255.0.3"))),
        RICH,
        ["add ip-dhcp-range"],
    ),
    "last range deleted": (block(ranges=()), RICH, ["delete ip-dhcp-range"]),
    "lease time of a range": (block(ranges=(LEASED,)), RICH, ["delete ip-dhcp-range", "add ip-dhcp-range"]),
    "forward device": (
        replace(RICH, forward_devices=("eth1",)),
        RICH,
        ["delete forward-interface", "add forward-interface"],
    ),
    "port group added": (
        replace(RICH, port_groups=(*RICH.port_groups, PortGroupSpec(name="new"))),
        RICH,
        ["add portgroup"],
    ),
    "port group deleted": (replace(RICH, port_groups=RICH.port_groups[:1]), RICH, ["delete portgroup"]),
    "port group changed": (
        replace(RICH, port_groups=(RICH.port_groups[0], PortGroupSpec(name="slow", tags=(7,)))),
        RICH,
        ["change portgroup"],
    ),
    "another default port group": (
        replace(RICH, port_groups=(PortGroupSpec(name="slow", default=True), PortGroupSpec(name="fast"))),
        RICH,
        ["change portgroup"] * 2,
    ),
    "DNS host added": (replace(RICH, dns_hosts=(*RICH.dns_hosts, TWIN)), RICH, ["add dns-host"]),
    "DNS host deleted": (RICH, replace(RICH, dns_hosts=(*RICH.dns_hosts, TWIN)), ["delete dns-host"]),
    "DNS host changed": (
        replace(RICH, dns_hosts=(DNSHostSpec(ip="10.255.0.5", names=("mirror", "www")),)),
        RICH,
        ["delete dns-host", "add dns-host"],
    ),
    "TXT record added": (xml(RICH, "<dns>", f"<dns>{TXT}"), RICH, ["add dns-txt"]),
    "TXT record changed": (
        xml(RICH, "<dns>", f"<dns>{TXT}").replace("one", "two"),
        xml(RICH, "<dns>", f"<dns>{TXT}"),
        ["delete dns-txt", "add dns-txt"],
    ),
    "SRV record added": (xml(RICH, "<dns>", f"<dns>{SRV}"), RICH, ["add dns-srv"]),
    "SRV record deleted": (RICH, xml(RICH, "<dns>", f"<dns>{SRV}"), ["delete dns-srv"]),
}


@pytest.mark.parametrize("what", LIVE)
def test_lists_change_live_and_disturb_nobody(what):
    desired, side, expected = LIVE[what]
    steps = plan(wanted(desired), found(side))
    assert calls(steps) == expected
    assert all((step.update.live, step.update.stored) == (True, True) for step in steps)
    assert {step.disruption for step in steps} == {Disruption.NONE}
    assert worst(steps) is Disruption.NONE


@pytest.mark.parametrize("what", LIVE)
def test_lists_of_an_inactive_network_change_in_its_definition(what):
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


def test_an_update_says_what_libvirt_needs_to_find_the_entry():
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


def test_an_entry_goes_to_its_block_whatever_the_order_of_blocks_in_libvirt():
    four, six = (SubnetSpec(address=each, prefix=64 if ":" in each else 24) for each in ("10.1.0.1", "fd00::1"))
    entry = HostSpec(name="six", ip="fd00::6")
    desired = net(subnets=(four, replace(six, hosts=(entry,))))
    steps = plan(wanted(desired), found(net(subnets=(six, four)), live=net(subnets=(four, six))))
    assert [(step.update.index, step.update.stored, step.update.live) for step in steps] == [
        (0, True, False),
        (1, False, True),
    ]


def test_stored_and_live_definition_are_changed_each_as_it_needs():
    other = replace(FIRST, ip="10.255.0.80")
    steps = plan(wanted(net(FIRST, SECOND)), found(net(other), live=net(SECOND)))
    assert [(step.update.command, step.update.live, step.update.stored) for step in steps] == [
        (Command.MODIFY, False, True),
        (Command.ADD, False, True),
        (Command.ADD, True, False),
    ]


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
def test_entries_that_libvirt_cannot_tell_apart_live_take_a_restart(what, desired, side):
    assert verbs(plan(wanted(desired), found(side))) == RESTARTED, what


def test_a_block_that_would_lose_its_boot_file_with_its_last_range_takes_a_restart():
    booted, other = replace(RICH, subnets=(BOOTED,)), RangeSpec(start="10.255.0.2", end="10.255.0.3")
    leased, two = (replace(RICH, subnets=(replace(BOOTED, ranges=each),)) for each in ((LEASED,), (RANGE, other)))
    assert verbs(plan(wanted(leased), found(booted))) == RESTARTED
    assert verbs(plan(wanted(two), found(booted))) == [Verb.UPDATE]
    assert verbs(plan(wanted(booted), found(two))) == [Verb.UPDATE]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<bridge", "<title>The lab’s</title><bridge"),
        ("<bridge", "<description>for all</description><bridge"),
        ("<bridge", "<metadata><lab:owner xmlns:lab='https://lab.example/'>storage</lab:owner></metadata><bridge"),
    ],
)
def test_what_is_only_written_down_restarts_nothing(old, new):
    titled = xml(RICH, old, new)
    assert verbs(plan(wanted(titled), found(RICH))) == [Verb.DEFINE]
    assert verbs(plan(wanted(titled), found(titled, live=RICH))) == []
    assert verbs(plan(wanted(titled), found(RICH, active=False))) == [Verb.DEFINE, Verb.START]
    with_entry = edit(titled, parse(titled).with_hosts([FIRST]))
    steps = plan(wanted(with_entry), found(RICH))
    assert verbs(steps) == [Verb.DEFINE, Verb.UPDATE]
    assert (steps[1].update.live, steps[1].update.stored) == (True, False)


def test_what_libvirt_does_not_keep_is_not_asked_for_again_and_again():
    desired, side = wanted(replace(RICH, mtu=9000, title="The lab’s")), found(RICH)
    left = [one.code for one in differences(desired.document, side.document)]
    assert left == [("title", "", "The lab’s", ""), NO_MTU]
    assert plan(desired, side, ignored=left) == ()
    assert verbs(plan(desired, side, ignored=left[:1])) == RESTARTED


def test_ignoring_one_difference_hides_no_other():
    desired = wanted(replace(RICH, mtu=9000, domain="other.test"))
    restart = plan(desired, found(RICH), ignored=[NO_MTU])[1]
    assert restart.text == "Restart net1, because libvirt cannot change this live: Domain"
    assert verbs(plan(desired, found(replace(RICH, mtu=1400)), ignored=[NO_MTU])) == RESTARTED


def test_only_restart_and_stop_disturb_vms():
    steps = [
        *plan(wanted(net()), None),
        *plan(wanted(net(FIRST, domain="a.test")), found(net())),
        *plan(wanted(net(FIRST), active=False, autostart=False), found(net())),
    ]
    assert {step.verb: step.disruption for step in steps if step.disruption is not Disruption.NONE} == {
        Verb.RESTART: Disruption.BRIEF,
        Verb.STOP: Disruption.LASTING,
    }


def test_a_network_without_running_vms_disturbs_nobody():
    assert worst(plan(wanted(net(mtu=9000)), found(net(), attached=()))) is Disruption.NONE
    assert worst(plan(wanted(net(mtu=9000)), found(net()))) is Disruption.BRIEF
    assert worst(plan(wanted(net(), active=False), found(net()))) is Disruption.LASTING


def test_only_entries_that_are_added_or_changed_may_come_at_any_time():
    harmless = {
        "add ip-dhcp-host": True,
        "change ip-dhcp-host": True,
        "delete ip-dhcp-host": False,
        "add ip-dhcp-range": False,
    }
    for command, expected in harmless.items():
        steps = [step for desired, side, _ in LIVE.values() for step in plan(wanted(desired), found(side))]
        assert {step.harmless for step in steps if calls((step,)) == [command]} == {expected}


def test_a_restart_says_how_long_vms_are_cut_off_and_what_of_it_can_be_saved():
    quick, slow = (plan(wanted(net(mtu=9000, stp=stp)), found(net(stp=stp)))[1] for stp in (False, True))
    assert (quick.seconds, quick.note) == (pytest.approx(0.42), "")
    assert (slow.seconds, slow.note) == (
        pytest.approx(4.42),
        "4 s of this are caused by STP of the bridge, which can be turned off",
    )


def test_a_bridge_of_the_host_has_no_stp_of_ours():
    side = net(forward_mode="bridge", bridge="br0", subnets=())
    restart = plan(wanted(replace(side, isolated_ports=True)), found(side))[1]
    assert (restart.seconds, restart.note) == (pytest.approx(0.42), "")


def test_a_new_definition_keeps_the_bridge_and_the_mac_that_libvirt_chose():
    stored = xml(net(), "<ip", "<bridge name='virbr7'/><mac address='52:54:00:9f:62:4e'/><ip")
    define = plan(wanted(net(mtu=9000)), found(stored))[0]
    assert parse(define.xml) == net(mtu=9000, bridge="virbr7")
    assert "52:54:00:9f:62:4e" in define.xml


def test_a_step_is_kept_in_the_database_as_codes():
    _, restart, _ = plan(wanted(net(mtu=9000, stp=False)), found(net(stp=False)))
    assert restart.as_json() == {
        **{"step": "restart", "variant": "", "network": "net1", "fields": [["mtu size", ""]], "stored": []},
        **{"command": "", "field": ["", ""], "value": "", "was": ""},
        "disruption": "brief",
        "vms": list(VMS),
        "seconds": 0.42,
        "note": "",
    }


def test_host_entries_alone_touch_nothing_else():
    side = found(net(FIRST), live=net(FIRST, mtu=9000))
    assert plan_hosts((FIRST,), (), side) == ()
    steps = plan_hosts((SECOND,), (FIRST.mac,), side)
    assert [(step.update.command.value, step.update.xml) for step in steps] == [
        ("delete", '<host mac="52:54:00:00:00:08" ip="10.255.0.8"/>'),
        ("add", '<host mac="52:54:00:00:00:09" ip="10.255.0.9"/>'),
    ]
    assert all((step.update.live, step.update.stored) == (True, True) for step in steps)
    assert plan_hosts((FIRST,), (), None) == ()


def test_an_entry_that_is_live_only_is_stored_too():
    (step,) = plan_hosts((FIRST,), (), found(net(), live=net(FIRST)))
    assert (step.update.live, step.update.stored) == (False, True)
    (step,) = plan_hosts((FIRST,), (), found(net(), active=False))
    assert (step.update.live, step.update.stored) == (False, True)


def test_an_entry_that_no_block_holds_is_left_out():
    assert plan_hosts((HostSpec(mac=FIRST.mac, ip="10.9.0.8"),), (), found(net())) == ()


def test_all_entries_of_a_mac_go_whatever_their_address():
    twice = found(net(FIRST, replace(FIRST, ip="10.255.0.80")))
    assert calls(plan_hosts((), (FIRST.mac,), twice)) == ["delete ip-dhcp-host"] * 2


def test_an_entry_that_takes_the_place_of_its_macs_others_is_changed():
    moved = replace(FIRST, ip="10.255.0.80")
    assert calls(plan_hosts((moved,), (FIRST.mac,), found(net(FIRST)))) == ["change ip-dhcp-host"]


# Plans carried out


@dataclass
class Played:
    """A network in a libvirt that is played: so strict as the real one in what it takes for an update."""

    stored: str
    live: str

    def run(self, step: Step) -> None:
        if step.verb is Verb.DEFINE:
            self.stored = step.xml
        elif step.verb in (Verb.RESTART, Verb.START):
            self.live = self.stored
        elif step.verb is Verb.UPDATE:
            assert step.update.live or step.update.stored
            self.stored = updated(self.stored, step.update) if step.update.stored else self.stored
            self.live = updated(self.live, step.update) if step.update.live else self.live


# By what libvirt tells entries apart.
TELLING = {
    "ip-dhcp-host": ("mac", "name", "ip"),
    "ip-dhcp-range": ("start", "end"),
    "forward-interface": ("dev",),
    "portgroup": ("name",),
    "dns-host": ("ip",),
}


def updated(document: str, update: Update) -> str:
    """The document after one virNetworkUpdate."""
    root, entry = etree.fromstring(document), etree.fromstring(update.xml)
    parent = _parent(root, update)
    there, telling = parent.findall(entry.tag), TELLING[update.section]
    match update.command:
        case Command.ADD:
            enough = all if update.section == "ip-dhcp-range" else any
            assert not [each for each in there if enough(_alike(entry, each, telling))], "there is one like it"
            parent.append(entry)
        case Command.MODIFY:  # the first that has the MAC or the name
            parent.replace(next(each for each in there if any(_alike(entry, each, ("mac", "name")))), entry)
        case Command.DELETE:
            names = set(entry.xpath("hostname/text()"))
            found = [
                each
                for each in there
                if all(_alike(entry, each, telling)) or names & set(each.xpath("hostname/text()"))
            ]
            assert len(found) == 1, "none or several are like it"
            parent.remove(found[0])
    if parent.tag == "dhcp" and parent.find("range") is None and parent.find("host") is None:
        etree.strip_elements(parent, "bootp")  # libvirt forgets it
    assert len(parent.findall("portgroup[@default='yes']")) < 2, "two defaults"
    return etree.tostring(root, encoding="unicode")


def _alike(entry: etree._Element, other: etree._Element, names: tuple[str, ...]) -> list[bool]:
    """For each of these attributes that an entry has, whether the other's is the same."""
    return [entry.get(name) == other.get(name) for name in names if entry.get(name)]


def _parent(root: etree._Element, update: Update) -> etree._Element:
    """Where a section's entries are; what is missing of it is made."""
    if update.section.startswith("ip-dhcp"):
        assert update.index >= 0
        parent, tag = root.findall("ip")[update.index], "dhcp"
    else:
        assert update.index == -1
        parent, tag = root, {"forward-interface": "forward", "portgroup": "", "dns-host": "dns"}[update.section]
    if not tag:
        return parent
    device = root.find(tag).attrib.pop("dev", None) if tag == "forward" else None
    if device and not root.findall("forward/interface"):  # libvirt makes the one of the other
        etree.SubElement(root.find(tag), "interface", dev=device)
    return parent.find(tag) if parent.find(tag) is not None else etree.SubElement(parent, tag)


@st.composite
def with_other_lists(draw, spec: NetworkSpec) -> NetworkSpec:
    """The same network but for what libvirt changes live."""
    return replace(
        spec,
        subnets=tuple(
            replace(each, ranges=other.ranges, hosts=other.hosts, boot_file="", boot_server="")
            for each in spec.subnets
            for other in [draw(subnets(each.interface, dhcp=each.dhcp))]
        ),
        dns_hosts=draw(st.lists(dns_hosts, max_size=3, unique_by=lambda host: host.ip).map(tuple)) if spec.dns else (),
        port_groups=draw(groups_with_one_default()),
        forward_devices=tuple(draw(st.permutations(spec.forward_devices)))[: draw(st.integers(1, 3))],
    )


def carry_out(desired: NetworkSpec, stored: NetworkSpec, live: NetworkSpec, active: bool) -> None:
    """Plan and carry out: once is enough. What is only kept need not be live."""
    desired, stored, live = (build(replace(spec, name="net1")) for spec in (desired, stored, live))
    played = Played(stored, live)
    for step in plan(wanted(desired, active=active), found(stored, live=live, active=active)):
        played.run(step)
    assert differences(desired, played.stored) == ()
    left = {str(one.field) for one in differences(desired, played.live)} if active else set()
    assert left <= {"Title", "Description"}
    assert plan(wanted(desired, active=active), found(played.stored, live=played.live, active=active)) == ()


@settings(max_examples=examples(75), deadline=None)
@given(specs(), specs(), specs(), st.booleans())
def test_a_plan_carried_out_gives_what_is_wanted(desired, stored, live, active):
    carry_out(desired, stored, live, active)


def three_of(spec: NetworkSpec) -> st.SearchStrategy[tuple[NetworkSpec, NetworkSpec, NetworkSpec]]:
    return st.tuples(*[with_other_lists(spec)] * 3)


@settings(max_examples=examples(100), deadline=None)
@given(specs().flatmap(three_of), st.booleans())
def test_lists_changed_live_give_what_is_wanted(three, active):
    carry_out(*three, active)


def call_libvirt(network: libvirt.virNetwork, update: Update) -> None:
    commands = {Command.ADD: "ADD_LAST", Command.DELETE: "DELETE", Command.MODIFY: "MODIFY"}
    command = getattr(libvirt, f"VIR_NETWORK_UPDATE_COMMAND_{commands[update.command]}")
    section = getattr(libvirt, f"VIR_NETWORK_SECTION_{update.section.upper().replace('-', '_')}")
    flags = libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE if update.live else 0
    flags |= libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG if update.stored else 0
    network.update(command, section, update.index, update.xml, flags)


def assert_libvirt_can(desired: str, stored: str, active: bool) -> None:
    """The plan, carried out in libvirt's test driver, gives what is wanted. The driver knows one definition only."""
    network = judge().networkDefineXML(stored)
    try:
        if active:
            network.create()
        document = network.XMLDesc()
        for step in plan(wanted(desired, active=active), found(document, active=active)):
            if step.verb is Verb.UPDATE:
                call_libvirt(network, step.update)
            elif step.verb is Verb.DEFINE:
                network = judge().networkDefineXML(step.xml)
            elif step.verb is Verb.RESTART:
                network.destroy()
                network.create()
        left = differences(desired, network.XMLDesc())
        assert [str(one) for one in left if str(one.field) != "dnsmasq option"] == []
    finally:
        if network.isActive():
            network.destroy()
        network.undefine()


@pytest.mark.parametrize("what", LIVE)
def test_libvirt_takes_the_updates(what):
    desired, stored, _ = LIVE[what]
    assert_libvirt_can(wanted(desired).document, wanted(stored).document, active=True)


@settings(max_examples=examples(60), deadline=None)
@given(specs(described=False).flatmap(three_of), st.booleans())
def test_libvirt_takes_whatever_updates(three, active):
    desired, stored, _ = (build(replace(spec, name="net1", dnsmasq_options=())) for spec in three)
    assert_libvirt_can(desired, stored, active)
