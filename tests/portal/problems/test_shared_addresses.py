"""Addresses and client IDs that several guests use."""

import pytest

from tests.portal.problems.observed_network import (
    EIGHT,
    NINE,
    NOBODY,
    TWO,
    check_network,
    host,
    lease,
    nic,
    only,
    report,
)
from virterweb.portal.problems import Kind, Step


def test_a_network_without_faults_has_no_problem():
    assert (
        check_network(*TWO, leases=(lease(),), hosts=(host(),), reported=(report("10.255.0.9"),), size=253, free=250)
        == ()
    )
    assert check_network() == ()


@pytest.mark.parametrize(
    ("leases", "reported_addresses", "said"),
    [
        ((lease(),), (report(),), ("by DHCP lease", "by guest agent")),
        ((lease(),), (report(source="arp"),), ("by DHCP lease", "by ARP table")),
        ((), (report(mac=EIGHT), report(source="arp")), ("by guest agent", "by ARP table")),
        ((), (report("fd00::8", EIGHT), report("fd00::8")), ("by guest agent", "by guest agent")),
    ],
)
def test_two_machines_with_the_same_address_are_both_named(leases, reported_addresses, said):
    problem = only(check_network(*TWO, leases=leases, reported=reported_addresses), Kind.TWO_MACHINES)
    one, other = f"alma-8 ({EIGHT}), {said[0]}", f"alma-9 ({NINE}), {said[1]}"
    assert f"is used by 2 machines: {one} and {other}." in problem.text
    assert (problem.step, problem.vm, problem.mac) == (Step.LOOK_AT_VM, "alma-9", NINE)


@pytest.mark.parametrize(
    ("leases", "reported_addresses"),
    [
        ((lease(),), (report(mac=EIGHT), report(mac=EIGHT, source="arp"))),  # several sources tell of one machine
        ((lease(), lease("fd00::8")), ()),
        ((lease(),), (report("10.255.0.9"),)),
        ((lease(), lease("10.255.0.9", NINE)), ()),
    ],
)
def test_machines_with_different_addresses_are_no_problem(leases, reported_addresses):
    assert check_network(*TWO, leases=leases, reported=reported_addresses) == ()


def test_three_machines_are_counted_and_all_named():
    three = (*TWO, nic(NOBODY, "alma-10"))
    text = only(
        check_network(*three, leases=(lease(),), reported=(report(), report(mac=NOBODY))), Kind.TWO_MACHINES
    ).text
    assert "by 3 machines" in text
    assert all(name in text for name in ("alma-8", "alma-9", "alma-10"))


def copied(now: str = NINE, before: str = EIGHT, client_id: str = "ff:01", **ended) -> dict:
    """Return a lease that has passed from one MAC to another with the same client ID."""
    then = {"mac": before, "client_id": client_id} | ended
    return {"leases": (lease(mac=now, client_id=client_id),), "ended": (lease(**then),)}


def test_two_running_guests_with_the_same_client_id_are_both_named():
    problem = only(check_network(*TWO, **copied()), Kind.ONE_CLIENT_ID)
    for part in (f"alma-8 ({EIGHT}) and alma-9 ({NINE})", "ff:01", "both 10.255.0.8", "machine-id"):
        assert part in problem.text
    assert (problem.step, problem.vm) == (Step.LOOK_AT_VM, "alma-9")


@pytest.mark.parametrize(
    ("nics", "leases"),
    [
        ((nic(running=False), nic(NINE, "alma-9")), copied()),  # the one before has gone: its lease was passed on
        ((nic(), nic(NINE, "alma-9", running=False)), copied()),
        ((nic(), nic(NINE)), copied()),  # two NICs of one VM
        ((nic(),), copied(EIGHT, EIGHT)),  # it has left and come back
        (TWO, copied(client_id="")),
        (TWO, copied() | {"ended": (lease(client_id="ff:02"),)}),
        (TWO, copied(ip="10.255.0.7")),
        ((nic(NINE, "alma-9"),), copied()),  # no VM has the other MAC any more
    ],
)
def test_a_lease_that_passes_to_another_guest_is_no_shared_client_id(nics, leases):
    assert check_network(*nics, **leases) == ()
