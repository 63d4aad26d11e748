"""Addresses that guests' agents and the host's ARP table tell: who is asked, what is kept, what pages say of it."""

import re
import threading
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from lxml import html

from networks.models import Lease, Network
from tests.support.asking import asked_instead
from tests.support.making import make_foreign_network, make_hypervisor, make_lease, make_running, make_vm
from virterweb.hypervisors.connections.pool import connected, disconnect
from virterweb.hypervisors.gateway.found import FoundAddress, Refused, Silent, Unreachable
from virterweb.hypervisors.models import HypervisorStatus, ReadingProblem
from virterweb.messages import Message
from vms import tasks
from vms.addresses.nic_addresses import with_access_addresses
from vms.agents import asking
from vms.agents import sync as addresses
from vms.attached.filters import Filters
from vms.attached.rows import nic_rows
from vms.attached.table import rows
from vms.models import VM, AddressRound, NICAddress, NICStatus, Power, VMStatus
from vms.observed.addresses import Source

pytestmark = pytest.mark.integration

MAC, BRIDGED, PLAIN = (f"52:54:00:00:00:{tail}" for tail in ("08", "18", "28"))
DOMAIN = (
    "<domain><devices><channel type='unix'><target type='virtio' name='{name}'{state}/></channel></devices></domain>"
)
WITH_AGENT = DOMAIN.format(name=asking.CHANNEL, state=" state='connected'")
WITHOUT_DHCP = (
    """<network><name>plain</name><uuid>{uuid}</uuid><forward mode='bridge'/><bridge name='br9'/></network>"""
)


class Guests:
    """A host whose answers are chosen; libvirt's test driver gives the same for every source."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[str, ...]] | Exception] = {Source.AGENT: [], Source.ARP: []}
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.domains = self

    def interface_addresses(self, uuid: str, source: str) -> list[FoundAddress]:
        self.asked.append(str(source))
        if source == Source.AGENT:
            self.gate.wait(10)
        if isinstance(answer := self.answers[source], Exception):
            raise answer
        return [
            FoundAddress(mac=mac, ip=ip, prefix=24, source=source, device="".join(device))
            for mac, ip, *device in answer
        ]


@pytest.fixture
def guests(monkeypatch) -> Guests:
    return asked_instead(monkeypatch, Guests())


@pytest.fixture
def vm(db, pokes):
    """Runs with NICs on a DHCP network, on a network in bridge mode, and on a host bridge."""
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_foreign_network(hypervisor, WITHOUT_DHCP)
    vm = make_vm(hypervisor)
    make_lease, make_running(vm, ("default", MAC, "vnet0"), ("plain", PLAIN, "vnet1"), ("br9", BRIDGED, "vnet2"))
    NICStatus.objects.filter(mac=BRIDGED).update(kind="bridge")
    VMStatus.objects.update(document=WITH_AGENT)
    return vm


def ask(vm) -> None:
    """A round that is due."""
    AddressRound.objects.update(due_at=timezone.now())
    addresses.ask(vm.hypervisor_id)


def seen() -> list[tuple[str, str, str]]:
    return sorted(NICAddress.objects.values_list("mac", "ip", "source"))


def test_what_the_agent_and_arp_say_is_written_down_for_the_vms_own_nics(vm, guests):
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


def test_an_address_that_is_no_longer_seen_goes(vm, guests):
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


def test_a_vm_that_stopped_while_it_was_asked_gets_no_addresses(vm, guests):
    guests.answers[Source.ARP] = [(BRIDGED, "10.0.0.8")]
    answer = guests.interface_addresses

    def stop(uuid: str, source: str) -> list[FoundAddress]:
        if source == Source.ARP:
            VMStatus.objects.update(power=Power.OFF)
        return answer(uuid, source)

    guests.interface_addresses = stop
    addresses.observe(vm.hypervisor)
    assert seen() == []


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
def test_only_guests_with_a_channel_that_is_not_known_to_be_shut_are_asked(vm, guests, document, may):
    VMStatus.objects.update(document=document)
    NICAddress.objects.create(vm=vm.status, mac=BRIDGED, ip="10.0.0.8", source=Source.AGENT)
    ask(vm)
    assert ("agent" in guests.asked) == may
    kept = [(BRIDGED, "10.0.0.8", "agent")] if "disconnected" in document else []
    assert seen() == kept, "of an agent that is not there just now it is not known that the address is gone"


def test_arp_is_asked_only_where_a_nic_has_no_lease(vm, guests):
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


def test_a_guest_that_hangs_is_left_alone_and_keeps_nobody(vm, guests, monkeypatch):
    monkeypatch.setattr(asking, "PATIENCE", 0.1)
    monkeypatch.setattr(asking, "SLOW", 0.05)
    guests.answers[Source.AGENT] = [(BRIDGED, "10.0.0.8")]
    guests.answers[Source.ARP] = [(PLAIN, "10.1.0.8")]
    guests.gate.clear()
    ask(vm)
    ask(vm)
    assert guests.asked == ["arp", "agent", "arp"]
    assert seen() == [(PLAIN, "10.1.0.8", "arp")]
    (question,) = addresses._questions[vm.hypervisor_id].values()
    guests.gate.set()
    question.result(5)
    ask(vm)
    assert guests.asked.count("agent") == 1, "it was slow, so it is not asked again soon"
    VMStatus.objects.update(agent_due_at=None)
    ask(vm)
    assert (BRIDGED, "10.0.0.8", "agent") in seen()


def test_a_guest_that_forbids_the_question_is_one_without_addresses(vm, guests):
    guests.answers[Source.AGENT] = Refused(
        Message.external("Could not ask"), "guest-network-get-interfaces has been disabled"
    )
    guests.answers[Source.ARP] = [(PLAIN, "10.1.0.8")]
    ask(vm)
    assert seen() == [(PLAIN, "10.1.0.8", "arp")]


def test_a_libvirt_that_cannot_read_the_arp_table_keeps_no_guest_from_being_asked(vm, guests):
    guests.answers[Source.ARP] = Refused(Message.external("Could not ask"), "internal error: wrong nlmsg len")
    guests.answers[Source.AGENT] = [(BRIDGED, "10.0.0.8")]
    ask(vm)
    assert seen() == [(BRIDGED, "10.0.0.8", "agent")]


@pytest.mark.parametrize("source", [Source.AGENT, Source.ARP])
@pytest.mark.parametrize(
    "problem", [Refused(Message.external("no")), Silent(Message.external("no answer")), KeyError("of our own")]
)
def test_a_source_that_cannot_be_read_keeps_what_it_said_with_its_age(vm, guests, page, source, problem):
    other = Source.ARP if source == Source.AGENT else Source.AGENT
    guests.answers = {source: [(BRIDGED, "10.0.0.8")], other: [(PLAIN, "10.1.0.8")]}
    ask(vm)
    guests.answers[source] = problem
    ask(vm)
    ask(vm)
    assert (BRIDGED, "10.0.0.8", str(source)) in seen()
    ages = dict(NICAddress.objects.values_list("ip", "as_of"))
    if isinstance(problem, Refused):
        assert ages["10.0.0.8"] and ages["10.1.0.8"] is None
        shown = " ".join(page.get(vm.get_absolute_url()).content.decode().split())
        assert f"{source.label}, last seen {ages['10.0.0.8'].astimezone():%H:%M}" in shown
    else:
        assert "addresses" in ReadingProblem.objects.get().kind
    guests.answers[source] = [(BRIDGED, "10.0.0.8")]
    ask(vm)
    assert not NICAddress.objects.exclude(as_of=None).exists()
    assert not ReadingProblem.objects.exists()


def test_what_cannot_be_asked_now_is_no_address_to_reach_a_guest_by_first(vm):
    NICAddress.objects.create(vm=vm.status, mac=MAC, ip="10.9.0.1", source=Source.AGENT, as_of=timezone.now())
    make_lease(vm.hypervisor.networks.get(name="default"), MAC, "192.168.122.8")
    assert [address.ip for address in nic_rows(vm)[0].known.addresses] == ["192.168.122.8", "10.9.0.1"]


def test_a_lost_hypervisor_ends_the_round_and_keeps_what_was_seen(vm, guests):
    guests.answers[Source.ARP] = [(PLAIN, "10.1.0.8")]
    ask(vm)
    guests.answers[Source.ARP] = Unreachable(Message.external("the connection to libvirt was lost"))
    ask(vm)
    assert seen() == [(PLAIN, "10.1.0.8", "arp")]
    assert AddressRound.objects.get().due_at > timezone.now()


def test_a_round_is_begun_once_and_again_after_a_pause(vm, guests, pokes):
    tasks.sweep()
    assert ("vms.tasks.ask_guests", vm.hypervisor_id) in pokes
    tasks.ask_guests(vm.hypervisor_id)
    tasks.ask_guests(vm.hypervisor_id)
    assert guests.asked == ["arp", "agent"]
    pokes.clear()
    tasks.sweep()
    assert ("vms.tasks.ask_guests", vm.hypervisor_id) not in pokes
    AddressRound.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    HypervisorStatus.objects.update(unreachable_since=timezone.now())
    tasks.sweep()
    assert ("vms.tasks.ask_guests", vm.hypervisor_id) not in pokes, "nobody is there to be asked"


def address_cells(answer) -> list[str]:
    """What the table of a VM's NICs has as IP."""
    rows = html.fromstring(answer.content).xpath("//table[@id='nics']/tbody/tr")
    return [" ".join(row.xpath("string(td[4])").split()) for row in rows]


def test_pages_name_who_says_an_address(vm, page):
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
    hint = '<span title="told by the guest’s agent and a lease, since 2'
    assert hint in shown.content.decode()
    (row,) = rows(VM.objects.all(), Filters(network="plain"))
    assert row.known.ips == ("10.1.0.8",)
    shown = page.get(f"/networks/{vm.hypervisor}/plain/attached/").content.decode()
    assert re.search(r'>10\.1\.0\.8</span>\s*<span class="tag">ARP</span>', shown)


def test_without_an_address_pages_say_why(vm, page):
    shown = page.get(vm.get_absolute_url()).content.decode()
    assert "it has not asked for an address" in shown
    assert shown.count("served elsewhere") == 2, "on a network in bridge mode, and on a host bridge"
    assert "no DHCP here" not in shown
    Network.objects.filter(name="plain").get().status.write(forward_mode="")
    assert "no DHCP here" in page.get(vm.get_absolute_url()).content.decode()
    VM.objects.update(managed=False)
    assert "waiting for a lease" in page.get(vm.get_absolute_url()).content.decode()


def test_a_vm_that_has_just_stopped_shows_no_address_that_was_seen(vm):
    NICAddress.objects.create(vm=vm.status, mac=BRIDGED, ip="10.0.0.8", source=Source.AGENT)
    vm.refresh_from_db()
    assert [row.known.addresses != () for row in nic_rows(vm)] == [False, False, True]
    VMStatus.objects.update(power=Power.OFF)
    assert [row.known.addresses for row in nic_rows(vm)] == [(), (), ()]


def test_the_list_has_what_is_seen_of_the_access_nic(vm):
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


def test_the_gateway_answers_in_our_words_and_a_vm_that_is_off_or_gone_has_none(db):
    with connected(1, "test:///default") as connection:
        domain = connection.domains.all()[0]
        (found,) = connection.domains.interface_addresses(domain.uuid, Source.AGENT)
        assert (found.ip, found.prefix, found.source) == ("192.168.122.3", 24, "agent")
        assert connection.domains.interface_addresses("00000000-0000-0000-0000-000000000000", Source.ARP) == []
        connection.domains.force_off(domain.uuid, domain.name)
        assert connection.domains.interface_addresses(domain.uuid, Source.ARP) == []
    disconnect()


def make_twin(vm, *nics: tuple[str, str, str]):
    """Another running VM on the hypervisor."""
    twin = make_vm(vm.hypervisor, "twin", 9)
    make_running(twin, *nics)
    return twin


def test_each_nic_of_two_vms_has_its_own_addresses_alone(vm):
    """One MAC twice, on different networks, and a lease of it on each and on a third."""
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


def test_an_entry_of_arp_is_the_nics_on_that_bridge(vm, guests):
    """Both VMs are asked for by the MAC that both have, so both hear of both entries."""
    make_twin(vm, ("plain", MAC, "vnet8"))
    guests.answers[Source.ARP] = [(MAC, "192.168.122.8", "virbr0"), (MAC, "10.1.0.8", "br9"), (MAC, "10.4.0.8", "eth7")]
    ask(vm)
    assert sorted(NICAddress.objects.values_list("vm__desired__name", "ip")) == [
        ("alma-8-8", "192.168.122.8"),
        ("twin", "10.1.0.8"),
    ]


def test_an_entry_of_arp_at_another_networks_bridge_is_some_strangers(vm, guests):
    guests.answers[Source.ARP] = [(MAC, "10.1.0.8", "br9"), (PLAIN, "10.1.0.9", "br9"), (BRIDGED, "10.4.0.8", "br9.7")]
    ask(vm)
    assert seen() == [(BRIDGED, "10.4.0.8", "arp"), (PLAIN, "10.1.0.9", "arp")]


def test_of_two_nics_with_one_mac_nobody_knows_whose_the_address_is(vm, guests):
    make_twin(vm, ("plain", PLAIN, "vnet8"))
    NICStatus.objects.create(vm=vm.status, position=3, kind="bridge", source="br8", mac=BRIDGED)
    guests.answers[Source.ARP] = [(PLAIN, "10.1.0.9", "br9"), (PLAIN, "10.1.0.10", "")]
    guests.answers[Source.AGENT] = [(BRIDGED, "10.4.0.8")]
    ask(vm)
    assert seen() == []
