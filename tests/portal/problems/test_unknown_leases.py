"""Leases of MAC addresses that no VM has."""

from datetime import datetime

from tests.portal.problems.observed_network import ELSEWHERE, NOBODY, TWO, check_network, lease, nic, only
from virterweb.portal.problems import Kind, Step


def test_a_lease_of_an_unknown_mac_can_be_released():
    leases = (lease(mac=NOBODY, name="old-guest", until=datetime(2026, 3, 1, 17, 5)),)
    problem = only(check_network(*TWO, leases=leases), Kind.NOBODYS_LEASE)
    assert problem.text == f"10.255.0.8 is leased to {NOBODY} (old-guest) until 17:05. No VM has this MAC."
    assert (problem.step, problem.lease, problem.vm) == (Step.RELEASE, 7, "")


def test_an_ipv6_lease_of_an_unknown_mac_offers_no_release():
    assert only(check_network(leases=(lease("fd00::8"),)), Kind.NOBODYS_LEASE).step == Step.LOOK_AT_LEASES


def test_more_than_three_unknown_leases_are_one_problem():
    leases = tuple(lease(f"10.255.0.{number}", f"52:54:00:cc:00:{number:02x}") for number in range(1, 91))
    assert [problem.step for problem in check_network(*TWO, leases=leases[:3])] == [Step.RELEASE] * 3
    problem = only(check_network(*TWO, leases=leases), Kind.NOBODYS_LEASE)
    named = "10.255.0.1, 10.255.0.2, 10.255.0.3 and 87 more"
    assert problem.text == f"90 addresses are leased to MAC addresses that no VM has: {named}."
    assert problem.step == Step.LOOK_AT_LEASES


def test_a_lease_of_a_vm_that_is_off_or_has_moved_is_not_unknown():
    assert check_network(nic(running=False), leases=(lease(),)) == ()
    assert check_network(nic(network=ELSEWHERE), leases=(lease(),)) == ()
