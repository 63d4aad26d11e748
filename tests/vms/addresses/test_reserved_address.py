"""A NIC's reserved address: the NIC's form reserves it; it moves with the NIC and is removed with it."""

import pytest
from django.utils import timezone

from networks.definition.spec import HostSpec
from networks.models import DHCPHost, Network
from networks.reservations import reservations as hosts
from tests.support.making import make_hypervisor, make_lease, make_network, make_running, make_vm
from vms.addresses.reserved_address import NEXT, AddressChange, fixed, plan_address
from vms.definition.nics.spec import NICSpec
from vms.models import VM, NICNetworks, VMStatus

MAC, OTHER = "52:54:00:80:00:01", "52:54:00:80:00:02"
ON_NET1 = NICSpec(kind="network", source="net1", mac=MAC)
ON_NET2 = NICSpec(kind="network", source="net2", mac=MAC)
ON_BRIDGE = NICSpec(kind="bridge", source="br0", mac=MAC)


@pytest.fixture
def lab(db, enqueued):
    hypervisor = make_hypervisor()
    make_network(hypervisor)
    make_network(hypervisor, "net2", "10.254.0.1/24")
    make_network(hypervisor, "quiet", "10.253.0.1/24", dhcp=False)
    return hypervisor


@pytest.fixture
def vm(lab) -> VM:
    vm = make_vm(lab)
    vm.add_nic(ON_NET1)
    make_running(vm, ("net1", MAC, "vnet2"))
    return VM.objects.shown().get(pk=vm.pk)


def net(name: str) -> Network:
    return Network.objects.select_related("hypervisor", "status").get(name=name)


def reserve(name: str, ip: str, mac: str = MAC) -> None:
    hosts.reserve(net(name), [HostSpec(mac=mac, ip=ip)], None)


def reserved(name: str) -> dict[str, str]:
    return {entry.ip: entry.mac for entry in hosts.entries(net(name)).values()}


def plan(vm: VM, now: NICSpec | None, wanted: NICSpec, typed: str) -> AddressChange:
    networks = NICNetworks(vm, (now, wanted) if now else (wanted,))
    return plan_address(networks, now, wanted, typed, None)


def change(vm: VM, now: NICSpec | None, wanted: NICSpec, typed: str) -> list[str]:
    planned = plan(vm, now, wanted, typed)
    planned.save(vm, None)
    return planned.texts


def test_the_next_free_address_is_reserved_under_the_vms_name(vm):
    make_lease(net("net1"), OTHER, "10.255.0.2")
    assert change(vm, ON_NET1, ON_NET1, NEXT) == ["Reserve 10.255.0.3 for it on net1"]
    (entry,) = hosts.entries(net("net1")).values()
    assert (entry.mac, entry.ip, entry.name) == (MAC, "10.255.0.3", vm.name)
    assert fixed(vm, ON_NET1) == "10.255.0.3"


def test_a_typed_address_takes_the_place_of_the_one_before(vm):
    reserve("net1", "10.255.0.50")
    assert change(vm, ON_NET1, ON_NET1, "10.255.0.60") == ["Reserve 10.255.0.60 for it on net1"]
    assert reserved("net1") == {"10.255.0.60": MAC}


def test_keeping_the_reserved_address_changes_nothing(vm):
    reserve("net1", "10.255.0.50")
    generation = net("net1").generation
    assert change(vm, ON_NET1, ON_NET1, "10.255.0.50") == []
    assert net("net1").generation == generation


def test_emptying_the_field_gives_the_address_up(vm):
    reserve("net1", "10.255.0.50")
    assert change(vm, ON_NET1, ON_NET1, "") == ["Remove the reservation of 10.255.0.50 on net1"]
    assert reserved("net1") == {}
    assert DHCPHost.objects.get(mac=MAC).removed_at  # until libvirt has let go of it


def test_a_fixed_address_follows_its_nic_to_another_network(vm):
    reserve("net1", "10.255.0.50")
    said = change(vm, ON_NET1, ON_NET2, "10.255.0.50")
    assert said == ["Reserve 10.254.0.2 for it on net2", "Remove the reservation of 10.255.0.50 on net1"]
    assert reserved("net2") == {"10.254.0.2": MAC}
    assert reserved("net1") == {"10.255.0.50": MAC}  # until the worker has moved it


def test_a_move_to_a_network_without_dhcp_gives_it_up_without_a_question(vm):
    reserve("net1", "10.255.0.50")
    quiet = NICSpec(kind="network", source="quiet", mac=MAC)
    assert change(vm, ON_NET1, quiet, "10.255.0.50") == ["Remove the reservation of 10.255.0.50 on net1"]


def test_a_move_to_a_bridge_without_an_address_gives_it_up(vm):
    reserve("net1", "10.255.0.50")
    assert change(vm, ON_NET1, ON_BRIDGE, "") == ["Remove the reservation of 10.255.0.50 on net1"]


@pytest.mark.parametrize(
    "wanted, typed, reason",
    [
        (ON_BRIDGE, NEXT, "only on a network"),
        (NICSpec(kind="user", mac=MAC), NEXT, "only on a network"),
        (NICSpec(kind="network", source="quiet", mac=MAC), NEXT, "no DHCP"),
        (ON_NET1, "10.255.0.300", "is not an IP address"),
        (ON_NET1, "10.255.0.007", "leading zero"),
        (ON_NET1, "10.254.0.9", "10.254.0.9"),
        (ON_NET1, "10.255.0.1", "10.255.0.1"),
        (ON_NET1, "10.255.0.70", "10.255.0.70"),  # another's
        (ON_NET1, "fd00::9", "DUID"),
    ],
)
def test_an_address_that_cannot_be_had_is_refused_at_its_field(vm, wanted, typed, reason):
    reserve("net1", "10.255.0.70", OTHER)
    with pytest.raises(hosts.Conflict) as refused:
        plan(vm, ON_NET1, wanted, typed)
    assert {field for field, _ in refused.value.errors} == {"address"}
    assert reason in str(refused.value)


def test_a_full_network_has_none_left(lab, vm):
    make_network(lab, "tiny", "10.252.0.1/30")
    for index, ip in enumerate(("10.252.0.2",)):
        make_lease(net("tiny"), f"52:54:00:90:00:{index:02x}", ip)
    with pytest.raises(hosts.Conflict, match="no free address left"):
        plan(vm, ON_NET1, NICSpec(kind="network", source="tiny", mac=MAC), NEXT)


def path(vm: VM, verb: str = f"{MAC}/edit") -> str:
    return f"{vm.get_absolute_url()}nics/{verb}/"


def test_the_form_says_what_becomes_of_the_address_before_it_is_saved(page, vm):
    reserve("net1", "10.255.0.50")
    sent = {"network": "net2", "address": "10.255.0.50", "link_up": "on", "model": "virtio", "mode": "bridge"}
    text = page.post(f"{path(vm)}preview/", sent).content.decode()
    assert "Reserve 10.254.0.2 for it on net2" in text
    assert "Remove the reservation of 10.255.0.50 on net1" in text
    assert reserved("net2") == {}
    assert page.post(path(vm), sent).status_code == 302
    assert reserved("net2") == {"10.254.0.2": MAC}
    assert vm.nics.get(mac=MAC).source == "net2"


def test_reserving_an_address_for_a_nic_pushes_only_the_network(page, vm, enqueued, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        page.post(
            path(vm), {"network": "net1", "address": "next", "link_up": "on", "model": "virtio", "mode": "bridge"}
        )
    assert set(enqueued) == {("networks.tasks.push", net("net1").pk)}, "the VM itself is as it was"


def test_an_address_that_was_taken_after_the_page_was_opened_is_refused(page, vm):
    reserve("net1", "10.255.0.60", OTHER)
    sent = {"network": "net2", "address": "10.255.0.60", "link_up": "on", "model": "virtio", "mode": "bridge"}
    answer = page.post(path(vm), sent)
    assert answer.status_code == 422
    assert "address" in answer.context["form"].errors
    assert vm.nics.get(mac=MAC).source == "net1"


def test_a_new_nic_gets_its_address_with_its_mac(page, vm):
    sent = {"network": "net2", "address": "10.254.0.77", "link_up": "on", "model": "e1000", "mtu": "1400"}
    assert page.post(path(vm, "add"), sent).status_code == 302
    nic = vm.nics.get(source="net2")
    assert (nic.model, nic.spec().mtu) == ("e1000", 1400)
    assert reserved("net2") == {"10.254.0.77": nic.mac}


def test_the_page_of_a_removal_says_which_address_goes(page, vm):
    reserve("net1", "10.255.0.50")
    assert "10.255.0.50" in page.get(path(vm, f"{MAC}/remove")).content.decode()


def test_a_nic_can_be_left_to_its_guest_until_it_is_shut_down(page, vm):
    page.post(path(vm, f"{MAC}/remove"), {"at_shutdown": "1"})
    nic = vm.nics.get(mac=MAC)
    assert (nic.removed_at is not None, nic.at_shutdown) == (True, True)


def test_a_nic_of_a_vm_that_is_off_goes_at_once(page, vm):
    VMStatus.objects.filter(desired=vm).update(power="off", observed_at=timezone.now())
    page.post(path(vm, f"{MAC}/remove"), {"at_shutdown": "1"})
    assert not vm.nics.get(mac=MAC).at_shutdown
