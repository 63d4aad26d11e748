"""The network configuration that a guest is expected to have."""

from django.utils import timezone

from networks.models import DHCPHost, DHCPHostStatus, Network
from tests.support.making import make_host, make_lease
from tests.vms.guests.reporting_guests import CLIENT, MAC, PLAIN, ask, later, report_text, states
from virterweb.hypervisors.models import Hypervisor
from vms.attached.rows import nic_rows
from vms.models import NIC, VM, GuestReport, NICAddress, Power, VMStatus
from vms.observed.addresses import Source
from vms.observed.guest_seen import State


def test_the_expected_configuration_follows_from_the_networks(vm, guests):
    ask(vm)
    assert states(vm) == {MAC: State.NOT_AS_WANTED, PLAIN: State.AS_WANTED}
    make_lease(Network.objects.get(name="default"), MAC, "192.168.122.8")
    assert states(vm) == {MAC: State.AS_WANTED, PLAIN: State.AS_WANTED}
    GuestReport.objects.update(agent=False)
    assert states(vm) == {MAC: State.AS_WANTED, PLAIN: State.UNKNOWN}
    guests.answer = report_text(up="0x1002", client=CLIENT)
    later(minutes=5)
    ask(vm)
    assert states(vm) == {MAC: State.AS_WANTED, PLAIN: State.NOT_AS_WANTED}
    VMStatus.objects.update(power=Power.OFF)
    assert set(states(vm).values()) == {State.UNKNOWN}


def test_the_expected_configuration_follows_from_the_definition_of_the_nic(vm, guests):
    ask(vm)
    NIC.objects.filter(mac=PLAIN).update(guest={"mode": "static", "addresses": ["10.0.0.5/24"]})
    assert states(vm)[PLAIN] is State.NOT_AS_WANTED
    NICAddress.objects.create(vm=vm.status, mac=PLAIN, ip="10.0.0.5", source=Source.AGENT)
    assert states(vm)[PLAIN] is State.AS_WANTED
    NIC.objects.update(guest={"mode": "alone"})
    assert set(states(vm).values()) == {State.UNKNOWN}
    NIC.objects.filter(mac=MAC).update(guest={"mode": "up"})
    assert states(vm)[MAC] is State.NOT_AS_WANTED, "a DHCP client runs"
    VM.objects.update(managed=False)
    assert set(states(vm).values()) == {State.UNKNOWN}


def test_in_the_virter_compatible_mode_nothing_is_expected_of_further_nics(vm, guests):
    Hypervisor.objects.update(guest_network="virter")
    guests.answer = report_text(up="0x1002", client=CLIENT)
    ask(vm)
    make_lease(Network.objects.get(name="default"), MAC, "192.168.122.8")
    assert states(vm) == {MAC: State.AS_WANTED, PLAIN: State.UNKNOWN}
    VM.objects.update(guest_network="portal")
    assert states(vm) == {MAC: State.AS_WANTED, PLAIN: State.NOT_AS_WANTED}


def test_a_reserved_address_is_expected_from_any_source(vm):
    network = Network.objects.get(name="default")

    def said() -> tuple[str, str]:
        row = next(row for row in nic_rows(VM.objects.shown().get(pk=vm.pk)) if row.nic.mac == MAC)
        return row.reserved, row.guest.reason

    assert said()[0] == ""
    make_host(network, MAC, "192.168.122.50")
    assert said() == ("192.168.122.50", "it is being reserved")
    host = DHCPHostStatus.of(network, DHCPHost.objects.get().spec())
    host.save()
    make_lease(network, MAC, "192.168.122.9")
    assert "its lease of 192.168.122.9 is older" in said()[1]
    DHCPHost.objects.update(removed_at=timezone.now())
    assert said()[0] == ""
    DHCPHost.objects.all().delete()
    assert said()[0] == "192.168.122.50", "libvirt has it, whoever made it"
