"""Several NICs of a VM with one MAC, such as a teaming pair: one never replaces the other."""

import re
from dataclasses import replace
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from lxml import etree

from tests import DATA
from tests.support.making import make_foreign_network, make_hypervisor, make_network
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundTraffic, Refused
from virterweb.messages import Message
from vms import sync
from vms.attached.rows import nic_rows
from vms.definition.nics.edit import put
from vms.definition.nics.parse import find, parse_domain
from vms.definition.nics.spec import SharedMAC
from vms.models import VM, NICStatus, NICTraffic, Power
from vms.nics import traffic
from vms.sync import polling

PAIR = (DATA / "domains/same-mac.xml").read_text()
MAC = "52:54:00:c0:0c:01"
ONE, TWO = f"{MAC}@ua-one", f"{MAC}@ua-two"
NETWORKS = (
    "<network><name>default</name><bridge name='v1'/></network><network><name>net1</name><bridge name='v2'/></network>"
)


@pytest.fixture
def lab(db, enqueued, tmp_path):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_network(hypervisor)
    file = tmp_path / "host.xml"
    file.write_text(f"<node>{NETWORKS}{PAIR}</node>")
    connection = Connection(1, f"test://{file}")
    (found,) = connection.domains.all()
    connection.power.force_off(found.uuid, found.name)
    polling.observe(hypervisor, connection)
    yield hypervisor, connection
    connection.close()


@pytest.fixture
def vm(lab) -> VM:
    return VM.objects.shown().get()


def push(vm: VM, connection: Connection) -> dict:
    fresh = VM.objects.shown().get(pk=vm.pk)
    values = sync.push(fresh, connection)
    fresh.status.write(generation=fresh.generation, **values)
    return values


def places(connection: Connection, vm: VM) -> list[tuple[str, str, str, str]]:
    return [
        (nic.key, nic.source, nic.model, nic.link)
        for nic in parse_domain(connection.domains.stored_document(vm.uuid_text))
    ]


BEFORE = [(ONE, "default", "virtio", "down"), (TWO, "net1", "e1000", "up")]


def test_nics_with_the_same_mac_are_listed_separately(lab, vm):
    assert [row.nic.key for row in nic_rows(vm)] == [ONE, TWO]
    assert places(lab[1], vm) == BEFORE


@pytest.mark.parametrize("adopted", [False, True])
def test_changing_one_nic_leaves_the_other_with_the_same_mac_unchanged(page, lab, vm, adopted):
    if adopted:
        vm.adopt()
        push(vm, lab[1])
        assert [nic.key for nic in vm.nics.all()] == [ONE, TWO]
    now, _ = vm.desired_nic(TWO)
    vm.change_nic(replace(now, source="default"), key=TWO)
    assert push(vm, lab[1])["drift"] == ""
    assert places(lab[1], vm) == [BEFORE[0], (TWO, "default", "e1000", "up")]


@pytest.mark.parametrize("adopted", [False, True])
def test_removing_one_nic_keeps_the_other_with_the_same_mac_and_its_address(page, lab, vm, adopted):
    if adopted:
        vm.adopt()
        push(vm, lab[1])
    page.post(f"{vm.get_absolute_url()}nics/{ONE}/remove/")
    push(vm, lab[1])
    assert [place[1:] for place in places(lab[1], vm)] == [BEFORE[1][1:]]
    assert [nic.source for nic in NICStatus.objects.all()] == ["net1"]


def test_the_command_refuses_a_mac_of_two_nics_and_names_both(lab, vm):
    with pytest.raises(CommandError, match=f"{ONE} or {TWO}"):
        call_command("vm", "nic", "rm", vm.name, MAC, no_wait=True)
    call_command(
        "vm",
        "nic",
        "change",
        vm.name,
        ONE.replace("52:54:00:c0", "52:54:00:C0"),
        link_up="yes",
        no_wait=True,
        stdout=StringIO(),
    )
    push(vm, lab[1])
    assert places(lab[1], vm) == [(ONE, "default", "virtio", "up"), BEFORE[1]]


def test_traffic_of_both_nics_is_recorded(lab, vm):
    vm.status.write(power=Power.RUNNING)
    for nic in vm.status.nics.all():
        NICStatus.objects.filter(pk=nic.pk).update(target=f"vnet{nic.position}")
    counted = {f"vnet{n}": FoundTraffic(received=(n, 0, 0, 0), sent=(0, 0, 0, 0)) for n in range(2)}
    for _ in range(2):
        traffic.write(lab[0], {vm.uuid_text: counted}, vm.created_at)
    assert {row.place: row.counters["received"]["bytes"] for row in NICTraffic.objects.all()} == {
        "ua-one": 0,
        "ua-two": 1,
    }


def bare(*places: str) -> str:
    """A domain whose NICs have one MAC and nothing, or what is given, to tell them apart."""
    nics = "".join(f"<interface type='user'><mac address='{MAC}'/>{place}</interface>" for place in places)
    return f"<domain><devices>{nics}</devices></domain>"


def test_indistinguishable_nics_are_shown_but_cannot_be_changed():
    nics = parse_domain(bare("", ""))
    assert [nic.key for nic in nics] == [f"{MAC}@1", f"{MAC}@2"]
    for key in (MAC, *(nic.key for nic in nics)):
        with pytest.raises(SharedMAC, match="Several NICs"):
            find(nics, key)
        with pytest.raises(SharedMAC):
            put(bare("", ""), nics[0].document, key)


def test_the_page_offers_no_change_of_nics_that_cannot_be_told_apart(page, lab, vm):
    document = re.sub(r"<alias name='ua-[^>]*/>", "", lab[1].domains.stored_document(vm.uuid_text))
    lab[1].domains.define(document, vm.name)
    polling.observe(*lab)
    text = page.get(vm.get_absolute_url()).content.decode()
    assert text.count("ambiguous MAC") == 2
    assert set(re.findall(r"/nics/52:54[^/]*/(\w+)", text)) == {"captures"}


def test_any_address_tells_nics_apart():
    ccw = [f"<address type='ccw' cssid='0xfe' ssid='0x0' devno='0x000{n}'/>" for n in range(2)]
    assert len({nic.key for nic in parse_domain(bare(*ccw))}) == 2
    assert find(parse_domain(bare(*ccw)), parse_domain(bare(*ccw))[1].key).document.count("0x0001") == 1


def test_the_key_of_a_nic_is_valid_after_the_other_nic_is_removed():
    one, two = "<alias name='ua-one'/>", "<alias name='ua-two'/>"
    left = parse_domain(bare(two))
    assert find(left, ONE) is None
    assert find(left, TWO) == left[0]
    assert find(left, MAC) == left[0]
    assert find(parse_domain(bare(one, two)), ONE).spec.alias == "ua-one"


def test_a_change_requested_before_a_second_nic_came_is_refused_with_the_reason(lab, vm):
    vm.adopt()
    push(vm, lab[1])
    vm.nics.get(place="ua-two").delete()
    vm.nics.update(place="")
    vm.remove_nic(MAC)
    with pytest.raises(Refused, match="Several NICs have the MAC") as refused:
        sync.push(VM.objects.shown().get(), lab[1])
    assert places(lab[1], vm) == BEFORE
    shared = Message("nic.shared_mac", mac=MAC)
    assert (vm.nics.get().refusal, list(refused.value.message.parts())[1:]) == (shared, [shared])


def test_the_drift_of_a_nic_says_that_another_nic_has_its_mac(lab, vm):
    vm.adopt()
    push(vm, lab[1])
    vm.nics.get(place="ua-two").delete()
    vm.nics.update(place="")
    vm.ask_again()
    polling.observe(*lab)
    (drift,) = [line for line in VM.objects.shown().get().status.drifts if line.startswith(f"NIC {MAC}:")]
    assert "found Several NICs have the MAC" in drift


def test_the_document_of_a_nic_never_replaces_that_of_the_other(lab, vm):
    document = lab[1].domains.stored_document(vm.uuid_text)
    one, two = parse_domain(document)
    for nic, other in ((one, two), (two, one)):
        after = etree.fromstring(put(document, nic.document.replace("virtio", "rtl8139"), nic.key))
        assert len(after.findall("devices/interface")) == 2
        assert other.document in [found.document for found in parse_domain(etree.tostring(after, encoding="unicode"))]
