"""What a guest is to do with its NICs: the check expects what the ISO says."""

from datetime import timedelta

import pytest
from django.utils import timezone

from networks.definition.spec import HostSpec
from networks.models import DHCPHostStatus, Network, NetworkStatus
from tests.support.making import make_foreign_network, make_hypervisor, make_lease, make_running, make_vm
from virterweb.hypervisors.models import Hypervisor
from vms.attached.filters import Filters
from vms.attached.rows import nic_rows
from vms.attached.table import rows
from vms.cloud_init import seed
from vms.definition.cloud_init import virters_network_config
from vms.guests.states import unsettled
from vms.models import NIC, VM, NICAddress, NICStatus, VMStatus
from vms.observed.addresses import Source
from vms.observed.guest_seen import State, Verdict

ACCESS, FURTHER = "52:54:00:00:00:08", "52:54:00:00:00:18"
WITHOUT_DHCP = """<network><name>plain</name><uuid>{uuid}</uuid><bridge name='br9'/>
<ip address='10.9.0.1' netmask='255.255.255.0'/></network>"""


@pytest.fixture
def vm(db, enqueued) -> VM:
    """Runs since long with a NIC on a network with DHCP that has its lease, and one on a network without DHCP."""
    hypervisor = make_hypervisor()
    default, plain = make_foreign_network(hypervisor), make_foreign_network(hypervisor, WITHOUT_DHCP)
    vm = make_vm(hypervisor)
    vm.nics.create(position=1, source="plain", mac=FURTHER)
    make_running(vm, ("default", ACCESS, "vnet0"), ("plain", FURTHER, "vnet1"))
    for network in (default, plain):
        NICStatus.objects.filter(source=network.name).update(network=network)
    make_lease(default, ACCESS, "192.168.122.9")
    VMStatus.objects.update(observed_at=timezone.now() - timedelta(hours=1))
    return VM.objects.shown().get()


def verdicts(vm: VM) -> list[Verdict]:
    """Return the verdicts of the VM's page, which are those of the attached table."""
    found = [row.guest for row in nic_rows(VM.objects.shown().get(pk=vm.pk))]
    assert [row.nic.guest for row in rows(VM.objects.all(), Filters())] == found
    return found


def reserve_on_plain() -> None:
    """Give the network without a range a reservation: libvirt serves DHCP for it."""
    network = Network.objects.get(name="plain")
    host = HostSpec(mac="52:54:00:00:00:99", ip="10.9.0.99")
    DHCPHostStatus.of(network, host).save()
    document = network.status.document.replace("'255.255.255.0'/>", "'255.255.255.0'><dhcp><host mac='{}' ip='{}'/>")
    document = document.format(host.mac, host.ip).replace("</network>", "</dhcp></ip></network>")
    NetworkStatus.objects.filter(desired=network).update(document=document)


def test_a_static_access_nic_has_the_address_of_its_id(vm):
    NIC.objects.filter(mac=ACCESS).update(guest={"mode": "static"})
    assert seed.wanted(VM.objects.get())[0].addresses == ("192.168.122.8/24",)
    NICAddress.objects.create(vm=vm.status, mac=ACCESS, ip="192.168.122.77", source=Source.AGENT)
    assert (verdicts(vm)[0].state, verdicts(vm)[0].address) == (State.NOT_AS_WANTED, "192.168.122.8")
    NICAddress.objects.update(ip="192.168.122.8")
    assert verdicts(vm)[0].state is State.AS_WANTED


def test_by_virters_rule_a_further_nic_is_left_alone_unless_its_network_has_dhcp(vm):
    Hypervisor.objects.update(guest_network="virter")
    NIC.objects.filter(mac=FURTHER).update(guest={"mode": "static", "addresses": ["10.9.0.5/24"]})
    assert virters_network_config(seed.wanted(VM.objects.get())) is None
    assert [each.state for each in verdicts(vm)] == [State.AS_WANTED, State.UNKNOWN]
    assert verdicts(vm)[1].why == "left alone by Virter"
    reserve_on_plain()
    assert seed.wanted(VM.objects.get())[1].dhcp4
    assert verdicts(vm)[1].state is State.NOT_AS_WANTED, "it asks for an address and has none"


def test_a_vm_is_unsettled_while_a_nic_is_not_as_expected(vm):
    nics = NICStatus.objects.filter(vm=vm.status)
    assert not unsettled(nics)
    NIC.objects.filter(mac=FURTHER).update(guest={"mode": "dhcp"})
    assert unsettled(nics) == {vm.status.pk}


def test_a_vm_without_nics_has_nothing_to_configure_by_any_rule(vm):
    NIC.objects.all().delete()
    assert seed.wanted(VM.objects.get()) == ()
    VM.objects.update(guest_network="virter")
    assert "network-config" not in seed.files(VM.objects.get())
