"""Which guests and ARP tables are asked for addresses."""

from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from networks.models import Lease, Network
from tests.support.making import make_lease
from tests.vms.agents.asked_guests import BRIDGED, DOMAIN, MAC, PLAIN, WITH_AGENT, ask, seen
from virterweb.hypervisors.gateway.found import FoundAddress
from vms.agents import asking
from vms.agents import sync as addresses
from vms.models import AddressRound, NICAddress, NICStatus, Power, VMStatus
from vms.observed.addresses import Source


def test_addresses_from_agent_and_arp_are_recorded_for_the_nics_of_the_vm(vm, guests):
    guests.answers[Source.AGENT] = [
        *((MAC, "192.168.122.8"), (BRIDGED, "10.0.0.8"), (BRIDGED, "fe80::1"), (BRIDGED, "fd00:0::8")),
        *(("00:00:00:00:00:00", "127.0.0.1"), ("00:00:00:00:00:00", "::1"), ("02:42:00:00:00:01", "172.17.0.1")),
    ]
    guests.answers[Source.ARP] = [(MAC, "192.168.122.99"), (PLAIN, "10.1.0.8"), (PLAIN, "fe80::2")]
    make_lease(Network.objects.get(name="default"), MAC, "192.168.122.8")
    ask(vm)
    assert seen() == [
        (MAC, "192.168.122.8", "agent"),
        (BRIDGED, "10.0.0.8", "agent"),
        (BRIDGED, "fd00::8", "agent"),
        (PLAIN, "10.1.0.8", "arp"),
    ]


def test_an_address_that_is_no_longer_seen_is_deleted(vm, guests):
    guests.answers[Source.AGENT] = [(BRIDGED, "10.0.0.8"), (BRIDGED, "10.0.0.9")]
    guests.answers[Source.ARP] = [(BRIDGED, "10.0.0.8")]
    ask(vm)
    guests.answers[Source.AGENT] = [(BRIDGED, "10.0.0.9")]
    guests.answers[Source.ARP] = []
    ask(vm)
    assert seen() == [(BRIDGED, "10.0.0.9", "agent")]
    VMStatus.objects.update(power=Power.OFF)
    ask(vm)
    assert seen() == []


def test_nothing_is_written_when_nothing_changed(vm, guests):
    guests.answers[Source.AGENT] = [(BRIDGED, "10.0.0.8")]
    guests.answers[Source.ARP] = [(PLAIN, "10.1.0.8")]
    ask(vm)
    before = list(NICAddress.objects.values())
    with CaptureQueriesContext(database) as queries:
        ask(vm)
    assert not [query["sql"] for query in queries if query["sql"].startswith("INSERT INTO")]
    assert list(NICAddress.objects.values()) == before


def test_a_vm_that_stopped_during_the_query_gets_no_addresses(vm, guests):
    guests.answers[Source.ARP] = [(BRIDGED, "10.0.0.8")]
    answer = guests.interface_addresses

    def stop(uuid: str, source: str) -> list[FoundAddress]:
        if source == Source.ARP:
            VMStatus.objects.update(power=Power.OFF)
        return answer(uuid, source)

    guests.interface_addresses = stop
    addresses.record_addresses(vm.hypervisor)
    assert seen() == []


def test_a_worker_whose_clock_is_slow_asks_the_guests_no_more_often(vm, guests, monkeypatch):
    slow = timezone.now() - timedelta(minutes=5)
    monkeypatch.setattr(timezone, "now", lambda: slow)
    addresses.ask(vm.hypervisor_id)
    assert AddressRound.objects.exists()
    assert not AddressRound.objects.due().exists()


@pytest.mark.parametrize(
    ("document", "may"),
    [
        (WITH_AGENT, True),
        (DOMAIN.format(name=asking.CHANNEL, state=""), True),
        (DOMAIN.format(name=asking.CHANNEL, state=" state='disconnected'"), False),
        (DOMAIN.format(name="com.redhat.spice.0", state=" state='connected'"), False),
        ("<domain/>", False),
    ],
)
def test_only_guests_whose_channel_may_be_connected_are_asked(vm, guests, document, may):
    VMStatus.objects.update(document=document)
    NICAddress.objects.create(vm=vm.status, mac=BRIDGED, ip="10.0.0.8", source=Source.AGENT)
    ask(vm)
    assert ("agent" in guests.asked) == may
    kept = [(BRIDGED, "10.0.0.8", "agent")] if "disconnected" in document else []
    assert seen() == kept, "of an agent that is not there just now it is not known that the address is gone"


def test_arp_is_read_only_where_a_nic_has_no_lease(vm, guests):
    NICStatus.objects.exclude(mac=MAC).delete()
    make_lease(Network.objects.get(name="default"), MAC, "192.168.122.8")
    ask(vm)
    assert guests.asked == ["agent"]
    VMStatus.objects.update(document="<domain/>")
    ask(vm)
    assert guests.asked == ["agent"]
    Lease.objects.all().delete()
    guests.answers[Source.ARP] = [(MAC, "192.168.122.66")]
    ask(vm)
    assert seen() == [(MAC, "192.168.122.66", "arp")]
