"""DHCP ranges that are nearly full, and reservations that do not match the guests."""

from datetime import datetime

import pytest

from tests.portal.problems.observed_network import EIGHT, ELSEWHERE, TWO, check_network, host, lease, nic, only
from virterweb.portal.problems import Kind, Step


@pytest.mark.parametrize(
    ("size", "free", "said"),
    [
        (253, 12, "only 12 of the 253 DHCP addresses are free"),
        (253, 1, "only 1 of the 253 DHCP addresses is free"),
        (253, 0, "none of the 253 DHCP addresses is free"),
        (8, 2, "only 2 of the 8 DHCP addresses"),
    ],
)
def test_a_range_with_few_free_addresses_is_nearly_full(size, free, said):
    problem = only(check_network(size=size, free=free), Kind.FULL)
    assert problem.text.startswith("net1: ")
    assert said in problem.text
    assert problem.step == Step.CHANGE_NETWORK


@pytest.mark.parametrize(("size", "free"), [(253, 13), (253, 253), (8, 3), (0, 0), (2, 2), (1, 1)])
def test_a_range_with_enough_free_addresses_or_without_leases_is_not_nearly_full(size, free):
    assert check_network(size=size, free=free) == ()


@pytest.mark.parametrize(
    ("there", "where"),
    [
        (nic(network=ELSEWHERE), "net2"),
        (nic(network=ELSEWHERE, running=False), "net2"),
        (nic(network=None, kind="bridge", source="br0"), "br0"),
    ],
)
def test_a_reservation_for_a_vm_on_another_network_names_that_network(there, where):
    problem = only(check_network(there, hosts=(host(),)), Kind.GONE)
    assert problem.text == f"10.255.0.8 is reserved here for alma-8 ({EIGHT}), but the NIC is attached to {where}."
    assert (problem.step, problem.ip) == (Step.CHANGE_ENTRY, "10.255.0.8")


def test_a_reservation_is_no_problem_if_a_vm_on_this_network_has_its_mac_too():
    both = (nic(running=False), nic(vm="other", network=ELSEWHERE))
    assert check_network(*both, hosts=(host(),)) == ()
    assert check_network(*reversed(both), hosts=(host(),)) == ()


def test_a_lease_of_another_than_the_reserved_address_has_its_expiry():
    until = datetime(2026, 3, 1, 17, 5)
    leases = (lease("10.255.0.77", until=until),)
    problem = only(check_network(nic(), leases=leases, hosts=(host(),)), Kind.OTHER_ADDRESS)
    for part in (f"alma-8 ({EIGHT}) has 10.255.0.77", "though 10.255.0.8 is reserved for it", "at the latest at 17:05"):
        assert part in problem.text
    assert (problem.step, problem.ip, problem.lease) == (Step.RESERVE_THIS, "10.255.0.77", 7)


@pytest.mark.parametrize(
    ("leases", "hosts"),
    [
        ((lease(),), (host(),)),
        ((lease("10.255.0.77"), lease()), (host(),)),  # it has the reserved one as well
        ((lease("fd00::77"),), (host(),)),
        ((lease("fd00::77"), lease()), (host(),)),
        ((lease(),), (host("fd00::8"),)),
        ((lease(),), (host(mac="", ip="10.255.0.9", name="alma-8"),)),
        ((), (host(),)),
    ],
)
def test_a_guest_that_has_the_reserved_address_or_none_is_no_problem(leases, hosts):
    assert check_network(nic(), leases=leases, hosts=hosts) == ()


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "10.255.0.1 is reserved for 52:54:00:cc:00:01. No VM has this MAC."),
        (2, "2 addresses are reserved for MACs that no VM has: 10.255.0.1, 10.255.0.2."),
        (3, "3 addresses are reserved for MACs that no VM has: 10.255.0.1, 10.255.0.2, 10.255.0.3."),
        (90, "90 addresses are reserved for MACs that no VM has: 10.255.0.1, 10.255.0.2, 10.255.0.3 and 87 more."),
    ],
)
def test_unused_reservations_are_one_problem_that_names_three(count, said):
    hosts = tuple(host(f"10.255.0.{number}", f"52:54:00:cc:00:{number:02x}") for number in range(1, count + 1))
    problem = only(check_network(*TWO, hosts=hosts), Kind.UNUSED)
    assert (problem.text, problem.step) == (said, Step.LOOK_AT_ENTRIES)
    assert check_network(*TWO, hosts=hosts, static_dhcp=True) == ()


def test_a_reservation_of_a_vm_that_is_off_or_without_a_mac_is_not_unused():
    assert check_network(nic(running=False), hosts=(host(), host("fd00::9", "", duid="00:03"))) == ()
