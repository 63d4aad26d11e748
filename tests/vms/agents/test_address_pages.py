"""The observed addresses on the pages."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from lxml import html

from networks.models import Network
from tests.support.making import make_lease
from tests.vms.agents.asked_guests import BRIDGED, MAC, PLAIN
from virterweb.hypervisors.connections.pool import connected, disconnect
from vms.addresses.nic_addresses import with_access_addresses
from vms.attached.filters import Filters
from vms.attached.rows import nic_rows
from vms.attached.table import rows
from vms.models import VM, NICAddress, Power, VMStatus
from vms.observed.addresses import Source

pytestmark = pytest.mark.integration


def address_cells(answer) -> list[str]:
    """Return the IP addresses in the table of NICs of a VM."""
    rows = html.fromstring(answer.content).xpath("//table[@id='nics']/tbody/tr")
    return [" ".join(row.xpath("string(td[4])").split()) for row in rows]


def test_pages_name_the_source_of_an_address(vm, page):
    now = timezone.now()
    days = now - timedelta(days=2)
    make_lease(vm.hypervisor.networks.get(name="default"), MAC, "192.168.122.8", first_seen=days)
    for mac, ip, source, age in (
        (MAC, "192.168.122.8", "agent", timedelta(hours=1)),
        (PLAIN, "10.1.0.8", "arp", timedelta(minutes=5)),
        (BRIDGED, "10.0.0.8", "agent", timedelta(hours=3)),
    ):
        NICAddress.objects.create(vm=vm.status, mac=mac, ip=ip, source=source, seen_at=now - age)
    shown = page.get(vm.get_absolute_url())
    assert address_cells(shown) == [
        "192.168.122.8 agent, lease for 2 d",
        "10.1.0.8 ARP for 5 min",
        "10.0.0.8 agent for 3 h",
    ]
    hint = '<span title="reported by the guest’s agent and a lease, since 2'
    assert hint in shown.content.decode()
    (row,) = rows(VM.objects.all(), Filters(network="plain"))
    assert row.known.ips == ("10.1.0.8",)
    shown = page.get(f"/networks/{vm.hypervisor}/plain/attached/").content.decode()
    assert re.search(r'>10\.1\.0\.8</span>\s*<span class="tag">ARP</span>', shown)


def test_pages_show_why_there_is_no_address(vm, page):
    shown = page.get(vm.get_absolute_url()).content.decode()
    assert "it has not requested an address" in shown
    assert shown.count("DHCP outside libvirt") == 2, "on a network in bridge mode, and on a host bridge"
    assert "no DHCP here" not in shown
    Network.objects.filter(name="plain").get().status.write(forward_mode="")
    assert "no DHCP here" in page.get(vm.get_absolute_url()).content.decode()
    VM.objects.update(managed=False)
    assert "waiting for a lease" in page.get(vm.get_absolute_url()).content.decode()


def test_a_stopped_vm_shows_no_observed_address(vm):
    NICAddress.objects.create(vm=vm.status, mac=BRIDGED, ip="10.0.0.8", source=Source.AGENT)
    vm.refresh_from_db()
    assert [row.known.addresses != () for row in nic_rows(vm)] == [False, False, True]
    VMStatus.objects.update(power=Power.OFF)
    assert [row.known.addresses for row in nic_rows(vm)] == [(), (), ()]


def test_the_list_shows_the_address_of_the_access_nic(vm):
    for mac, ip in ((MAC, "10.9.0.1"), (BRIDGED, "10.0.0.8")):
        NICAddress.objects.create(vm=vm.status, mac=mac, ip=ip, source=Source.AGENT)
    (row,) = with_access_addresses([vm])
    assert row.addresses == ["10.9.0.1"]
    make_lease(vm.hypervisor.networks.get(name="default"), MAC, "192.168.122.8")
    (row,) = with_access_addresses([vm])
    assert row.addresses == ["10.9.0.1", "192.168.122.8"], "the agent is surer than the lease"
    VMStatus.objects.update(power=Power.OFF)
    (row,) = with_access_addresses([vm])
    assert row.addresses == ["192.168.122.8"]


def test_the_gateway_returns_no_addresses_of_a_vm_that_is_off_or_missing(db):
    with connected(1, "test:///default") as connection:
        domain = connection.domains.all()[0]
        (found,) = connection.domains.interface_addresses(domain.uuid, Source.AGENT)
        assert (found.ip, found.prefix, found.source) == ("192.168.122.3", 24, "agent")
        assert connection.domains.interface_addresses("00000000-0000-0000-0000-000000000000", Source.ARP) == []
        connection.power.force_off(domain.uuid, domain.name)
        assert connection.domains.interface_addresses(domain.uuid, Source.ARP) == []
    disconnect()
