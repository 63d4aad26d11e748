"""NICs joined with their leases and reported addresses: each NIC has its own, and they cost one query."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.support.making import make_foreign_network, make_hypervisor, make_lease, make_running, make_vm
from vms.addresses.nic_addresses import addresses_of, leased, reporting, with_access_addresses
from vms.models import VM, NICAddress, NICStatus, Power, VMStatus
from vms.observed.addresses import Source

MAC, OTHER = "52:54:00:00:00:08", "52:54:00:00:00:18"
PLAIN = "<network><name>plain</name><uuid>{uuid}</uuid><bridge name='virbr1'/></network>"


@pytest.fixture
def networks(db, enqueued):
    hypervisor = make_hypervisor()
    return [make_foreign_network(hypervisor), make_foreign_network(hypervisor, PLAIN)]


@pytest.fixture
def vms(networks):
    """Two VMs whose first NICs have the same MAC, on two networks."""
    default, plain = networks
    both = [make_vm(default.hypervisor, name, number) for name, number in (("one", 8), ("two", 9))]
    make_running(both[0], ("default", MAC, "vnet0"), ("plain", OTHER, "vnet1"))
    make_running(both[1], ("plain", MAC, "vnet2"))
    for name, network in (("default", default), ("plain", plain)):
        NICStatus.objects.filter(source=name).update(network=network)
    return both


def report(vm: VM, mac: str, ip: str, source: Source) -> None:
    NICAddress.objects.create(vm=vm.status, mac=mac, ip=ip, source=source)


def addresses() -> list[tuple[str, ...]]:
    nics = NICStatus.objects.order_by("target")
    known = addresses_of(nics)
    return [known[nic.pk].ips for nic in nics]


def test_a_lease_is_of_the_nic_on_its_network(networks, vms):
    make_lease(networks[0], MAC, "192.168.122.8")
    make_lease(networks[1], OTHER, "10.0.0.18")
    assert addresses() == [("192.168.122.8",), ("10.0.0.18",), ()]
    assert list(NICStatus.objects.filter(leased()).order_by("target").values_list("target", flat=True)) == [
        "vnet0",
        "vnet1",
    ]


def test_a_lease_that_ended_counts_no_more(networks, vms):
    make_lease(networks[0], MAC, "192.168.122.8")
    networks[0].leases.current().end()
    assert addresses() == [(), (), ()]


def test_a_reported_address_is_of_the_nic_of_its_vm(vms):
    report(vms[1], MAC, "10.0.0.1", Source.AGENT)
    assert addresses() == [(), (), ("10.0.0.1",)]


def test_reports_of_a_vm_that_is_off_do_not_count(vms):
    report(vms[1], MAC, "10.0.0.1", Source.AGENT)
    VMStatus.objects.filter(desired=vms[1]).update(power=Power.OFF)
    assert addresses() == [(), (), ()]
    assert not reporting(NICStatus.objects.all()).exists()


def test_several_leases_and_reports_of_a_nic_are_each_there_once(networks, vms):
    for ip in ("192.168.122.8", "192.168.122.9"):
        make_lease(networks[0], MAC, ip)
    for ip, source in (("192.168.122.9", Source.AGENT), ("10.9.0.1", Source.AGENT), ("10.9.0.2", Source.ARP)):
        report(vms[0], MAC, ip, source)
    assert addresses()[0] == ("192.168.122.9", "10.9.0.1", "192.168.122.8", "10.9.0.2")
    rows = reporting(NICStatus.objects.all()).values_list("network__name", "reported__ip")
    assert sorted(rows) == [("default", "10.9.0.1"), ("default", "10.9.0.2"), ("default", "192.168.122.9")]


def test_access_addresses_are_those_of_the_first_nic_in_one_query(networks, vms):
    make_lease(networks[0], MAC, "192.168.122.8")
    make_lease(networks[1], OTHER, "10.0.0.18")
    with CaptureQueriesContext(connection) as queries:
        found = with_access_addresses(vms)
    assert [vm.addresses for vm in found] == [["192.168.122.8"], []]
    assert len(queries) == 1
