"""An ID is taken by objects in libvirt and pending ones, but not by objects removed outside the portal."""

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import libvirt
import pytest
from django.apps import apps
from django.db import connection as database
from lxml import etree

from networks import sync
from networks.addresses.usage import next_free_address
from networks.definition.events import Event
from networks.models import Network
from tests.support.making import make_host, make_hypervisor, make_vm
from virterweb.hypervisors.connections.pool import connected, disconnect
from virterweb.hypervisors.desired.carry_out import carry_out
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.gateway.found import Refused
from virterweb.hypervisors.models import Hypervisor
from virterweb.hypervisors.sync import observe
from vms.addresses import ids
from vms.models import VM
from vms.run import make, removal

pytestmark = pytest.mark.integration

UUID = "6a2d5b5e-6f0c-4d5a-8e36-2c1b1c5b9f70"
OTHER = "6a2d5b5e-6f0c-4d5a-8e36-2c1b1c5b9f71"
MAC, IP = "52:54:00:00:00:21", "192.168.122.33"
ADD, DELETE, HOSTS = 3, 2, 4
BOTH = libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE | libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG
HOST = f"""<node><network><name>default</name><uuid>{UUID}</uuid><bridge name='virbr0'/>
<ip address='192.168.122.1' netmask='255.255.255.0'><dhcp><range start='192.168.122.2' end='192.168.122.254'/></dhcp>
</ip></network></node>"""


@pytest.fixture(params=["managed", "unmanaged"])
def lab(request, db, tmp_path: Path, enqueued) -> Iterator[Hypervisor]:
    """A hypervisor with the access network `default`."""
    path = tmp_path / "host.xml"
    path.write_text(HOST)
    lab = make_hypervisor(uri=f"test://{path}")
    observe(lab.pk)
    if request.param == "managed":
        Network.objects.get().adopt()
    yield lab
    disconnect()


@pytest.fixture
def raw(lab) -> libvirt.virConnect:
    """Return a separate connection to libvirt."""
    with connected(lab.pk, lab.uri) as connection:
        return connection.session.libvirt


def run(lab: Hypervisor) -> VM:
    """Return the parts of a VM that belong to its ID 33."""
    vm = make_vm(lab, "tiny-33", 33)
    with connected(lab.pk, lab.uri) as connection:
        make.add_entry(vm, connection)
    return vm


def entries(raw: libvirt.virConnect) -> list[str]:
    return etree.fromstring(raw.networkLookupByName("default").XMLDesc()).xpath("ip/dhcp/host/@ip")


@pytest.mark.parametrize("number", [1, 255], ids=["the host's own address", "outside the block"])
def test_a_vm_whose_id_has_lost_its_address_is_refused_and_reserves_none(lab, raw, number):
    vm = make_vm(lab, f"tiny-{number}", number)
    with connected(lab.pk, lab.uri) as connection, pytest.raises(Refused, match=f"ID {number} has no address in"):
        make.add_entry(vm, connection)
    assert entries(raw) == []
    assert Network.objects.get().hosts.count() == 0


def remove_entry(raw: libvirt.virConnect) -> None:
    raw.networkLookupByName("default").update(DELETE, HOSTS, -1, f"<host mac='{MAC}' ip='{IP}'/>", BOTH)


def redefine(raw: libvirt.virConnect, uuid: str) -> None:
    """As Virter's `network rm` and `network add` do."""
    network = raw.networkLookupByName("default")
    network.destroy()
    network.undefine()
    document = etree.tostring(etree.fromstring(HOST)[0]).decode()
    raw.networkDefineXML(document.replace(UUID, uuid)).create()


def delete_vm(lab: Hypervisor, vm: VM) -> None:
    with connected(lab.pk, lab.uri) as connection:
        removal.release_entries(vm, connection, {MAC})


WAYS = {
    "host rm and vm rm of Virter": lambda lab, raw, vm: remove_entry(raw),
    "vm rm of the portal": lambda lab, raw, vm: delete_vm(lab, vm),
    "network recreated": lambda lab, raw, vm: redefine(raw, OTHER),
    "network defined again as before": lambda lab, raw, vm: redefine(raw, UUID),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_an_id_whose_reservation_is_gone_is_run_again(
    lab, raw, way: Callable[[Hypervisor, libvirt.virConnect, VM], None]
):
    vm = run(lab)
    observe(lab.pk)
    way(lab, raw, vm)
    vm.delete()
    observe(lab.pk)
    assert entries(raw) == []
    assert ids.problems(lab, [33]) == []
    run(lab).delete()
    observe(lab.pk)
    assert entries(raw) == [IP]
    assert ids.problems(lab, [33]) == [f"ID 33 is taken: default has the DHCP reservation {MAC} {IP}."]


def test_a_reservation_that_was_removed_outside_is_missing_until_the_id_is_run_again(lab, raw):
    run(lab).delete()
    observe(lab.pk)
    remove_entry(raw)
    observe(lab.pk)
    access = Network.objects.get()
    missing = [f"DHCP reservation of 192.168.122.1/24 {MAC} {IP} is missing"] if access.managed else []
    assert access.status.drifts == missing
    run(lab)
    observe(lab.pk)
    assert carried_out(access).status.drifts == []


def carried_out(network: Network) -> Network:
    carry_out(Network, network.pk, sync.push)
    found = Network.objects.get(pk=network.pk)
    assert found.state == (State.READY if found.managed else State.UNMANAGED)
    return found


def test_a_retry_after_a_killed_worker_makes_one_entry(lab, raw):
    vm = run(lab)
    with connected(lab.pk, lab.uri) as connection:
        make.add_entry(vm, connection)
    assert entries(raw) == [IP]
    assert not Network.objects.get().hosts.exclude(asked_at=None)
    assert Network.objects.get().found_hosts.count() == 1


def test_a_requested_reservation_keeps_its_id_and_is_shown_as_pending(lab):
    make_host(Network.objects.get(), MAC, IP)
    (problem,) = ids.problems(lab, [33])
    assert problem.endswith(f"default is about to get the DHCP reservation {MAC} {IP}.")


def test_an_address_stays_taken_by_a_reservation_deleted_only_in_libvirt(lab, raw):
    access = Network.objects.get()
    make_host(access, "52:54:00:aa:aa:aa", IP)
    access.change(Event.CHANGED)
    carried_out(access)
    raw.networkLookupByName("default").update(DELETE, HOSTS, -1, f"<host mac='52:54:00:aa:aa:aa' ip='{IP}'/>", BOTH)
    observe(lab.pk)
    problems = ids.problems(lab, [33])
    if access.managed:
        assert "the saved definition of default has the DHCP reservation 52:54:00:aa:aa:aa" in problems[0]
    else:
        assert problems == []


@pytest.mark.parametrize("choose", ["problems", "next ID", "next address"])
def test_an_id_and_its_address_are_held_at_every_moment(lab, choose):
    """An entry that a worker carries out between two queries is seen by one of them."""
    asked = {
        "problems": lambda: ids.problems(lab, [33]) != [],
        "next ID": lambda: ids.next_free_id(lab) != 33,
        "next address": lambda: next_free_address(Network.objects.get()) != IP,
    }
    access = Network.objects.get()
    for number in range(2, 33):
        make_host(access, f"52:54:00:00:01:{number:02x}", f"192.168.122.{number}")
    make_host(access, MAC, IP)
    done = []

    def carry_out_between(execute, sql, params, many, context):
        answer = execute(sql, params, many, context)
        if not done and ('FROM "networks_dhcphost"' in sql or 'FROM "networks_dhcphoststatus"' in sql):
            done.append(sql)
            with connected(lab.pk, lab.uri) as connection:
                sync.add_host(access, connection, access.hosts.get(mac=MAC).spec())
        return answer

    with database.execute_wrapper(carry_out_between):
        assert asked[choose]()
    assert done


def test_pending_entries_of_an_earlier_version_that_libvirt_has_are_settled(lab, raw):
    access = Network.objects.get()
    make_host(access, "52:54:00:aa:aa:aa", "192.168.122.70")  # on its way
    make_host(access, MAC, IP)
    raw.networkLookupByName("default").update(ADD, HOSTS, -1, f"<host mac='{MAC}' ip='{IP}'/>", BOTH)
    observe(lab.pk)
    import_module("networks.migrations.0010_carried_out_entries").settle(apps, None)
    remove_entry(raw)
    observe(lab.pk)
    assert ids.problems(lab, [33]) == []
    assert [entry.ip for entry in access.hosts.exclude(asked_at=None)] == ["192.168.122.70"]


def test_a_members_vm_has_its_entry_on_the_access_network_of_others(lab, raw, member):
    vm = make_vm(lab, "tiny-33", 33, owner=member)
    with connected(lab.pk, lab.uri) as connection:
        make.add_entry(vm, connection)
    assert entries(raw) == [IP]


def test_the_next_free_ids_are_consecutive(lab):
    access = Network.objects.get()
    for number in (2, 5, 10):
        make_host(access, f"52:54:00:00:01:{number:02x}", f"192.168.122.{number}")
    assert [ids.next_free_id(lab, count) for count in (1, 2, 3, 4, 5, 244)] == [3, 3, 6, 6, 11, 11]
    assert ids.next_free_id(lab, 245) is None
