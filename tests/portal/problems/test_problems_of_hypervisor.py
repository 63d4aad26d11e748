"""Problems that are found in the recorded state of a hypervisor."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from networks.models import DHCPHostStatus, Network
from tests.portal.problems.observed_network import EIGHT, NINE, NOBODY, another, entry, kinds, run, tell
from tests.support.making import make_foreign_network, make_hypervisor, make_lease, make_network
from virterweb.portal.checks import problems_of, problems_of_nics
from virterweb.portal.problems import Kind
from vms.models import NICStatus, Power, VMStatus


def test_a_guest_with_its_reserved_address_is_no_problem(default, vm):
    entry(default, "192.168.122.8", EIGHT)
    make_lease(default, EIGHT, "192.168.122.8")
    tell(vm, "192.168.122.8")
    assert kinds(default) == []
    assert problems_of_nics([default.hypervisor]) == []


def test_a_lease_and_an_agent_with_the_same_address_are_a_problem(default, lab, vm):
    make_lease(default, EIGHT, "192.168.122.8")
    other = run(lab, "alma-9", 9)
    tell(other, "192.168.122.8")
    assert kinds(default) == [Kind.TWO_MACHINES]
    VMStatus.objects.filter(desired=other).update(power=Power.OFF)
    assert kinds(default) == []


def test_an_address_on_two_networks_is_two_addresses(default, lab, vm):
    net1 = another(lab, "net1", "10.255.0.1/24", "virbr1")
    tell(vm, "10.0.0.9")
    tell(run(lab, "alma-9", 9, "net1"), "10.0.0.9")
    assert kinds(default, net1) == []


@pytest.mark.parametrize(("hours", "found"), [(1, [Kind.ONE_CLIENT_ID]), (3, [])])
def test_a_shared_client_id_is_a_problem_for_two_hours(default, lab, vm, hours, found):
    run(lab, "alma-9", 9)
    ended = timezone.now() - timedelta(hours=hours)
    began = ended - timedelta(hours=1)
    make_lease(default, EIGHT, "192.168.122.8", client_id="ff:01", first_seen=began, last_seen=ended)
    make_lease(default, NINE, "192.168.122.8", client_id="ff:01")
    assert kinds(default) == found


def test_each_ipv4_address_of_leases_and_reservations_counts_once_in_a_range(lab):
    network = another(lab, "small", "10.7.0.1/24", "virbr7", ("10.7.0.10", "10.7.0.14"))
    network.status.write(dhcp=f"{network.status.dhcp},fd00::2-fd00::2")
    run(lab, "alma-8", 8, "small")
    run(lab, "alma-9", 9, "small")
    make_lease(network, EIGHT, "fd00::2")
    make_lease(network, EIGHT, "10.7.0.10")
    entry(network, "10.7.0.10", EIGHT)
    entry(network, "10.7.0.99", NINE)
    make_lease(network, NINE, "10.7.0.99")
    assert kinds(network) == []
    DHCPHostStatus.objects.filter(mac=NINE).update(ip="10.7.0.11")
    make_lease(network, NINE, "10.7.0.12")
    assert Kind.FULL in kinds(network)


def test_a_reservation_whose_vm_is_on_another_network_is_a_problem(default, lab):
    another(lab, "net1", "10.255.0.1/24", "virbr1")
    run(lab, "alma-8", 8, "net1")
    entry(default, "192.168.122.8", EIGHT)
    assert kinds(default) == [Kind.GONE]


def test_a_nic_whose_network_is_deleted_is_a_problem(default, lab, vm):
    NICStatus.objects.create(vm=vm.status, position=1, kind="network", source="net7", mac=NINE)
    (problem,) = problems_of_nics([lab])
    assert (problem.kind, problem.vm) == (Kind.GONE, "alma-8")
    assert "net7" in problem.text
    assert problems_of_nics([make_hypervisor("lab-2")]) == []


def test_a_lease_that_is_older_than_its_reservation_has_its_expiry_in_local_time(default, vm, settings):
    settings.TIME_ZONE = "Europe/Vienna"
    entry(default, "192.168.122.8", EIGHT)
    make_lease(default, EIGHT, "192.168.122.77", expires_at=datetime(2026, 7, 1, 10, 30, tzinfo=UTC))
    (problem,) = problems_of(Network.objects.shown())
    assert problem.kind == Kind.OTHER_ADDRESS
    assert "at the latest at 12:30" in problem.text


def test_an_unknown_lease_is_of_no_vm_of_this_hypervisor(default, vm):
    make_lease(default, NINE, "192.168.122.9")
    ended = timezone.now()
    make_lease(default, NOBODY, "192.168.122.10", first_seen=ended - timedelta(hours=1), last_seen=ended)
    elsewhere = make_hypervisor("lab-2")
    make_foreign_network(elsewhere)
    run(elsewhere, "alma-9", 9)
    assert kinds(default) == [Kind.NOBODYS_LEASE]


def test_unused_reservations_are_no_problem_on_the_access_network_with_static_dhcp(default, lab):
    net1 = another(lab, "net1", "10.255.0.1/24", "virbr1")
    entry(default, "192.168.122.8", EIGHT)
    entry(net1, "10.255.0.8", EIGHT)
    assert kinds(default) == kinds(net1) == [Kind.UNUSED]
    type(lab).objects.update(static_dhcp=True)
    assert kinds(default) == []
    assert kinds(net1) == [Kind.UNUSED]


def test_a_network_that_libvirt_does_not_have_has_no_address_problems(lab):
    network = make_network(lab)
    make_lease(network, NOBODY, "10.255.0.9")
    assert kinds(network) == []


def test_the_most_severe_problem_of_several_networks_is_first(default, lab, vm):
    net1 = another(lab, "net1", "10.255.0.1/24", "virbr1")
    entry(default, "192.168.122.200", NOBODY)
    make_lease(default, NOBODY, "192.168.122.99")
    tell(run(lab, "alma-9", 9, "net1"), "10.255.0.9")
    tell(run(lab, "alma-10", 10, "net1"), "10.255.0.9")
    found = kinds(default, net1)
    assert found == [Kind.TWO_MACHINES, Kind.OTHER_ADDRESS, Kind.NOBODYS_LEASE, Kind.UNUSED]
