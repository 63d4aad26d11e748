"""Addresses of NICs that have the same MAC."""

from tests.support.making import make_foreign_network, make_lease, make_running, make_vm
from tests.vms.agents.asked_guests import BRIDGED, MAC, PLAIN, WITHOUT_DHCP, ask, seen
from vms.addresses.nic_addresses import with_access_addresses
from vms.attached.filters import Filters
from vms.attached.rows import nic_rows
from vms.attached.table import rows
from vms.models import VM, NICAddress, NICStatus
from vms.observed.addresses import Source


def make_twin(vm, *nics: tuple[str, str, str]):
    """Create another running VM on the hypervisor."""
    twin = make_vm(vm.hypervisor, "twin", 9)
    make_running(twin, *nics)
    return twin


def test_each_nic_of_two_vms_has_only_its_own_addresses(vm):
    """Two NICs on different networks have the same MAC, with a lease on each network and on a third one."""
    default, plain = (vm.hypervisor.networks.get(name=name) for name in ("default", "plain"))
    third = make_foreign_network(vm.hypervisor, WITHOUT_DHCP.replace("plain", "third").replace("br9", "br10"))
    twin = make_twin(vm, ("plain", MAC, "vnet8"), ("third", "52:54:00:00:00:99", "vnet9"))
    for network, ip in ((default, "192.168.122.8"), (plain, "10.1.0.8"), (third, "10.3.0.8")):
        make_lease(network, MAC, ip)
    NICAddress.objects.create(vm=vm.status, mac=PLAIN, ip="10.1.0.77", source=Source.AGENT)
    NICAddress.objects.create(vm=twin.status, mac=MAC, ip="10.1.0.99", source=Source.AGENT)
    expected = {
        ("alma-8-8", MAC): ("192.168.122.8",),
        ("alma-8-8", PLAIN): ("10.1.0.77",),
        ("alma-8-8", BRIDGED): (),
        ("twin", MAC): ("10.1.0.99", "10.1.0.8"),
        ("twin", "52:54:00:00:00:99"): (),
    }
    for each in (vm, twin):
        each.refresh_from_db()
        for row in nic_rows(each):
            if row.seen:
                ips = row.known.ips
                assert ips == expected[each.name, row.nic.mac]
    for network in (default, plain, third):
        for row in rows(VM.objects.all(), Filters(hypervisor=network.hypervisor.name, network=network.name)):
            assert row.known.ips == expected[row.vm, row.mac]
    assert [each.addresses for each in with_access_addresses([vm, twin])] == [
        ["192.168.122.8"],
        ["10.1.0.99", "10.1.0.8"],
    ]


def test_an_arp_entry_belongs_to_the_nic_on_that_bridge(vm, guests):
    """Both VMs have the same MAC, so the queries for both return both entries."""
    make_twin(vm, ("plain", MAC, "vnet8"))
    guests.answers[Source.ARP] = [(MAC, "192.168.122.8", "virbr0"), (MAC, "10.1.0.8", "br9"), (MAC, "10.4.0.8", "eth7")]
    ask(vm)
    assert sorted(NICAddress.objects.values_list("vm__desired__name", "ip")) == [
        ("alma-8-8", "192.168.122.8"),
        ("twin", "10.1.0.8"),
    ]


def test_an_arp_entry_on_the_bridge_of_another_network_belongs_to_no_nic(vm, guests):
    guests.answers[Source.ARP] = [(MAC, "10.1.0.8", "br9"), (PLAIN, "10.1.0.9", "br9"), (BRIDGED, "10.4.0.8", "br9.7")]
    ask(vm)
    assert seen() == [(BRIDGED, "10.4.0.8", "arp"), (PLAIN, "10.1.0.9", "arp")]


def test_the_owner_of_an_address_is_unknown_for_two_nics_with_the_same_mac(vm, guests):
    make_twin(vm, ("plain", PLAIN, "vnet8"))
    NICStatus.objects.create(vm=vm.status, position=3, kind="bridge", source="br8", mac=BRIDGED)
    guests.answers[Source.ARP] = [(PLAIN, "10.1.0.9", "br9"), (PLAIN, "10.1.0.10", "")]
    guests.answers[Source.AGENT] = [(BRIDGED, "10.4.0.8")]
    ask(vm)
    assert seen() == []
