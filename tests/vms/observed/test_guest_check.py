"""The check of a guest's NIC against its expected configuration: a table of cases, and general properties."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from vms.observed import wording
from vms.observed.addresses import Address, Source
from vms.observed.expected import Situation, why_not
from vms.observed.guest_check import CLOUD_INIT, READING, check
from vms.observed.guest_seen import CloudInit, Interface, Seen, State, Verdict, Wanted

CONFIGURE, REBOOT = wording.FIXES["configure"], wording.FIXES["reboot"]

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LONG_AGO, JUST_NOW = NOW - timedelta(hours=1), NOW - timedelta(seconds=30)
IP, OTHER, OUTSIDE, SIX = "10.255.0.50", "10.255.0.207", "192.168.7.3", "fd00::50"
FOUR = frozenset({4})
BOTH = frozenset({4, 6})
NONE: frozenset[int] = frozenset()
DHCP = Wanted(dhcp=FOUR, served=FOUR, blocks=("10.255.0.1/24",))
DUAL = Wanted(dhcp=BOTH, served=BOTH, blocks=("10.255.0.1/24", "fd00::1/64"))
RESERVED = replace(DHCP, reserved=IP)
STATIC = Wanted(addresses=(f"{IP}/24",), served=FOUR, blocks=DHCP.blocks)
UP = Wanted(served=NONE)
ALONE = Wanted(managed=False)


def leased(*ips: str) -> tuple[Address, ...]:
    return tuple(Address(ip=ip, source=Source.LEASE, since=LONG_AGO) for ip in ips)


def report(*ips: str, source: Source = Source.AGENT, since: datetime = LONG_AGO) -> tuple[Address, ...]:
    return tuple(Address(ip=ip, source=source, since=since) for ip in ips)


def card(up: bool = True, dhcp: frozenset[int] | None = FOUR) -> Interface:
    return Interface(name="eth1", up=up, dhcp=dhcp)


def verdict(wanted: Wanted, **known) -> Verdict:
    known.setdefault("since", LONG_AGO)
    return check(wanted, Seen(**known), NOW)


@pytest.mark.parametrize(
    ("wanted", "known", "reason"),
    [
        (DHCP, {"addresses": leased(IP)}, f"up, with a lease of {IP}"),
        (DHCP, {"addresses": leased(IP), "agent": True, "interface": card()}, f"up, with a lease of {IP}"),
        (DHCP, {"addresses": leased(IP), "since": JUST_NOW, "cloud_init": CloudInit.RUNNING}, IP),
        (DHCP, {"addresses": leased(IP), "cloud_init": CloudInit.ERROR, "errors": "scripts-user failed"}, IP),
        (DHCP, {"addresses": (Address(ip=IP, source=Source.AGENT, also=(Source.LEASE,)),)}, f"a lease of {IP}"),
        (
            DHCP,
            {"addresses": leased(IP), "interface": card(up=False), "reported_at": LONG_AGO - timedelta(seconds=9)},
            IP,
        ),
        (DHCP, {"addresses": leased(IP), "agent": True, "interface": card(), "reported_at": LONG_AGO + READING}, IP),
        (DUAL, {"addresses": leased(IP, SIX)}, f"{IP} and {SIX}"),
        (DUAL, {"addresses": leased(IP) + report(SIX)}, IP),
        (RESERVED, {"addresses": leased(IP)}, IP),
        (RESERVED, {"addresses": leased(IP) + report(OTHER, IP)}, IP),
        (Wanted(dhcp=FOUR), {"addresses": report(OUTSIDE, source=Source.ARP)}, f"up, with {OUTSIDE}"),
        (STATIC, {"addresses": report(IP), "agent": True}, f"up, with {IP}"),
        (STATIC, {"addresses": report(IP, source=Source.ARP)}, IP),
        (UP, {"agent": True, "interface": card(dhcp=NONE)}, "up, without address"),
        (UP, {"agent": True, "interface": card(dhcp=None), "since": JUST_NOW}, "up, without address"),
        (UP, {"addresses": report(OUTSIDE, source=Source.ARP)}, OUTSIDE),
    ],
)
def test_a_guest_as_expected_is_ok(wanted, known, reason):
    found = verdict(wanted, **known)
    assert (found.state, found.problem, found.fix) == (State.AS_WANTED, "", "")
    assert reason in found.reason


@pytest.mark.parametrize(
    ("wanted", "known", "reason", "since"),
    [
        (DHCP, {"since": JUST_NOW}, "the guest is starting", JUST_NOW),
        (DUAL, {"since": JUST_NOW, "addresses": leased(IP)}, "no IPv6 address: the guest is starting", JUST_NOW),
        (DHCP, {"plugged": JUST_NOW}, "it was just added", JUST_NOW),
        (DHCP, {"plugged": JUST_NOW, "cloud_init": CloudInit.ERROR}, "it was just added", JUST_NOW),
        (DHCP, {"since": JUST_NOW, "agent": True, "interface": card(up=False)}, "the guest is starting", JUST_NOW),
        (
            DHCP,
            {"since": NOW - CLOUD_INIT / 2, "cloud_init": CloudInit.RUNNING},
            "cloud-init is still running",
            NOW - CLOUD_INIT / 2,
        ),
        (RESERVED, {"since": JUST_NOW}, "the guest is starting", JUST_NOW),
        (RESERVED, {"in_libvirt": False}, "it is being reserved", None),
        (STATIC, {"since": JUST_NOW}, "the guest is starting", JUST_NOW),
        (STATIC, {"since": JUST_NOW, "addresses": report(OTHER)}, "the guest is starting", JUST_NOW),
        (UP, {"since": JUST_NOW, "interface": card(up=False)}, "the guest is starting", JUST_NOW),
        (UP, {"since": JUST_NOW, "agent": False}, "the guest is starting", JUST_NOW),
        (
            DHCP,
            {"addresses": report(IP, since=JUST_NOW + timedelta(seconds=15))},
            f"no lease of {IP} was seen yet",
            ...,
        ),
        (replace(ALONE, reserved=IP), {"since": JUST_NOW}, "has not requested an address yet", None),
    ],
)
def test_waiting(wanted, known, reason, since):
    found = verdict(wanted, **known)
    assert (found.state, found.problem) == (State.WAITING, "")
    assert reason in found.reason
    assert since in (..., found.since)


NO_CLIENT = {"agent": True, "interface": card(dhcp=NONE)}


@pytest.mark.parametrize(
    ("wanted", "known", "reason", "fix"),
    [
        (DHCP, {"link_up": False}, "its link is down", "Set its link up, or end the isolation"),
        (UP, {"link_up": False}, "its link is down", "Set its link up, or end the isolation"),
        (DHCP, {"agent": False}, "the guest agent does not answer, so the reason is unknown", "Check the console"),
        (DHCP, {}, "has no agent that could report the reason", "Check the console"),
        (DHCP, {"agent": True, "refused": "forbidden"}, "the guest agent does not allow the portal", REBOOT),
        (DHCP, {"agent": True}, "the guest agent does not list it", REBOOT),
        (DHCP, {"addresses": report(OUTSIDE)}, f"uses {OUTSIDE}, which is outside 10.255.0.0/24", REBOOT),
        (DHCP, {"addresses": report(OUTSIDE), "agent": True}, "outside 10.255.0.0/24", CONFIGURE),
        (DHCP, {"addresses": report(OTHER)}, f"uses {OTHER} and has not requested a lease", REBOOT),
        (DHCP, {"addresses": leased(IP) + report(OTHER)}, f"has leased {IP}, but uses {OTHER}", REBOOT),
        (
            DHCP,
            {"addresses": leased(IP), "agent": True, "interface": card(dhcp=NONE), "reported_at": JUST_NOW},
            f"has leased {IP}, but does not use it",
            CONFIGURE,
        ),
        (DHCP, {"cloud_init": CloudInit.RUNNING}, "cloud-init is still running", "Check on the console"),
        (
            DHCP,
            {"cloud_init": CloudInit.ERROR, "errors": "no <b>key</b>"},
            "cloud-init failed: no <b>key</b>",
            "Check the console",
        ),
        (
            DHCP,
            {"cloud_init": CloudInit.ERROR, "since": JUST_NOW},
            "cloud-init failed without an error message",
            "Check the console",
        ),
        (
            DHCP,
            {"cloud_init": CloudInit.ERROR, "errors": "no data", "agent": True, "interface": card(up=False)},
            "its interface eth1 is down in the guest; cloud-init failed",
            CONFIGURE,
        ),
        (DHCP, {"cloud_init": CloudInit.NOT_INSTALLED} | NO_CLIENT, "the image has no cloud-init", "from an image"),
        (DHCP, {"cloud_init": CloudInit.DISABLED}, "cloud-init is disabled", "in the guest"),
        (DHCP, {"cloud_init": CloudInit.NOT_RUN}, "cloud-init has not run", "in the guest"),
        (DHCP, {"agent": True, "interface": card(up=False)}, "its interface eth1 is down in the guest", CONFIGURE),
        (DHCP, {"addresses": leased(IP), "interface": card(up=False)}, "eth1 is down in the guest", REBOOT),
        (DHCP, {"addresses": leased(IP), "interface": card(up=False), "reported_at": JUST_NOW}, "eth1 is down", REBOOT),
        (UP, {"interface": card(up=False), "cloud_init": CloudInit.DONE}, "eth1 is down in the guest", REBOOT),
        (DHCP, NO_CLIENT | {"cloud_init": CloudInit.DONE}, "no DHCP client runs on eth1", CONFIGURE),
        (DUAL, NO_CLIENT | {"addresses": leased(IP)}, "no IPv6 address: no DHCP client runs on eth1", CONFIGURE),
        (DHCP, {"agent": True, "interface": card(dhcp=None)}, "eth1 is up in the guest, and has no address", CONFIGURE),
        (DHCP, {"agent": True, "interface": card()}, "runs on eth1 and gets no answer", "free addresses"),
        (DHCP, {"interface": card(), "cloud_init": CloudInit.NOT_INSTALLED}, "gets no answer", "free addresses"),
        (replace(DHCP, served=NONE), {"agent": True, "interface": card()}, "its network has no DHCP", "Turn DHCP on"),
        (replace(DUAL, served=FOUR), {"addresses": leased(IP)}, "its network has no DHCPv6", "Turn DHCP on"),
        (DHCP, {"plugged": LONG_AGO}, "added while the guest was running", REBOOT),
        (DHCP, NO_CLIENT | {"plugged": LONG_AGO}, "added while the guest was running", CONFIGURE),
        (UP, {"plugged": LONG_AGO, "agent": True, "interface": card(up=False)}, "added while", CONFIGURE),
        (UP, {"agent": True, "interface": card()}, "a DHCP client runs on eth1, which should have none", CONFIGURE),
        (STATIC, {"agent": True, "addresses": report(OTHER)}, f"the guest uses {OTHER}", CONFIGURE),
        (STATIC, {"agent": True, "interface": card(dhcp=NONE)}, "up in the guest, and has no address", CONFIGURE),
        (RESERVED, {"addresses": leased(OTHER)}, f"its lease of {OTHER} is older", "Renew the lease"),
        (RESERVED, {"addresses": report(OTHER)}, "configured manually", ""),
        (RESERVED, NO_CLIENT, "no DHCP client runs on eth1", CONFIGURE),
        (replace(ALONE, reserved=IP), {"addresses": leased(OTHER)}, "is older", "Renew the lease"),
        (replace(ALONE, reserved=IP), {}, "no DHCP client runs on this NIC", ""),
    ],
)
def test_a_guest_with_a_mismatch_is_reported_with_its_fix(wanted, known, reason, fix):
    found = verdict(wanted, **known)
    assert found.state is State.NOT_AS_WANTED
    assert reason in found.reason
    assert fix in found.fix and found.problem == found.text
    assert found.problem.endswith(found.fix or found.reason)


@pytest.mark.parametrize(
    ("wanted", "known", "reason"),
    [
        (DHCP, {"running": False}, ""),
        (ALONE, {}, ""),
        (ALONE, {"link_up": False, "agent": True, "interface": card(up=False)}, ""),
        (UP, {}, "up without address, but this cannot be verified: the guest has no agent"),
        (UP, {"since": JUST_NOW}, "up without address, but this cannot be verified: the guest has no agent"),
        (UP, {"agent": False}, "up without address, but this cannot be verified: the guest agent does not answer"),
        (
            UP,
            {"agent": True, "refused": "forbidden"},
            "up without address, but this cannot be verified: the guest agent does not allow the portal to run a "
            "program",
        ),
        (STATIC, {}, f"{IP} is configured in the guest, but this cannot be verified: the guest has no agent"),
    ],
)
def test_a_nic_that_cannot_be_checked_is_unknown_with_the_reason(wanted, known, reason):
    found = verdict(wanted, **known)
    assert (found.state, found.text, found.problem) == (State.UNKNOWN, reason, "")


@pytest.mark.parametrize("wanted", [RESERVED, STATIC, replace(ALONE, reserved=IP)])
@pytest.mark.parametrize(
    "known",
    [{}, {"addresses": report(OTHER)}, {"link_up": False}, {"addresses": leased(OTHER)}, {"since": JUST_NOW}],
)
def test_a_missing_reserved_address_is_named(wanted, known):
    found = verdict(wanted, **known)
    assert IP in found.text
    assert found.state is not State.AS_WANTED


@pytest.mark.parametrize(
    "addresses", [(), leased(IP), leased(OTHER), report(IP), report(OTHER), leased(IP) + report(OTHER)]
)
@pytest.mark.parametrize("link_up", [True, False])
@pytest.mark.parametrize("in_libvirt", [True, False])
@pytest.mark.parametrize("since", [JUST_NOW, LONG_AGO])
def test_a_nic_without_its_reserved_address_is_never_ok(addresses, link_up, in_libvirt, since):
    seen = Seen(addresses=addresses, link_up=link_up, in_libvirt=in_libvirt, since=since)
    situation = Situation(
        reserved=IP,
        leased=seen.ips(Source.LEASE),
        reported=seen.ips(Source.AGENT, Source.ARP),
        link_up=link_up,
        in_libvirt=in_libvirt,
        since=since,
    )
    if why_not(situation, NOW):
        assert check(RESERVED, seen, NOW).state is not State.AS_WANTED
