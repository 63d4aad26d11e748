"""Each change of a VM's saved definition is a revision: what, who, when, with which result."""

import pytest
from django.utils import timezone

from tests.support.making import make_foreign_network, make_host, make_hypervisor, make_image, make_network, make_vm
from virterweb.hypervisors.desired.carry_out import carry_out
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import Refused
from virterweb.messages import Message
from vms.definition.domain import parse
from vms.definition.guest_nic import GuestSpec, Mode
from vms.definition.nics.spec import NICSpec
from vms.definition.saved import guest_text
from vms.models import VM, Power

ACCESS, SECOND = "52:54:00:00:00:08", "52:54:00:80:00:01"
DOMAIN = """<domain type='qemu'><name>{vm.name}</name><uuid>{vm.uuid}</uuid><memory unit='MiB'>1024</memory>
<vcpu>1</vcpu><cpu mode='maximum'/><devices><disk type='volume' device='disk'>
<source pool='default' volume='virter:work:{vm.name}'/><target dev='vda' bus='virtio'/></disk>{nics}
</devices></domain>"""


@pytest.fixture
def lab(db, enqueued):
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    make_network(hypervisor)
    make_image(hypervisor)
    return hypervisor


@pytest.fixture
def vm(lab) -> VM:
    """A VM that was created before there was a history."""
    return make_vm(lab)


def nic(mac: str = SECOND, **values) -> NICSpec:
    return NICSpec(kind="network", source="net1", mac=mac, **values)


def latest(vm: VM) -> tuple[str, object, str]:
    revision = vm.revisions.first()
    return revision.what, revision.by, revision.result


def changes(vm: VM) -> list[tuple[str, str, str]]:
    return [(one.field, one.found, one.wanted) for one in vm.revisions.first().changes]


def test_running_a_vm_is_the_first_revision_with_the_whole_definition(page, user, lab):
    sent = {"hypervisor": lab.pk, "image": "alma-8", "number": 8, "memory": 512, "vcpus": 2, "boot_size": 10}
    sent |= {"ssh_user": "root", "vnc_bind": "127.0.0.1", "nic_network": "net1", "nic_mac": SECOND}
    assert page.post("/vms/run/", sent | dict.fromkeys(("nic_model", "nic_guest"), "")).status_code == 302
    vm = VM.objects.get()
    assert latest(vm) == ("run from alma-8", user, "")
    document = parse(vm.revisions.get().document)
    assert (document.name, document.memory, document.vcpus) == ("alma-8-8", 512, 2)
    assert [each.mac for each in document.nics] == [ACCESS, SECOND]
    assert [disk.volume for disk in document.disks] == ["virter:work:alma-8-8", "virter:work:alma-8-8-cidata"]
    assert (f"NIC {ACCESS}: reserved address", "", "192.168.122.8") in changes(vm)
    assert ("Image", "", "alma-8") in changes(vm)


def test_the_first_change_of_a_vm_without_history_also_records_what_was_before(user, vm):
    vm.resize(2048, 4, by=user)
    first, second = vm.revisions.order_by("pk")
    assert (first.what, first.by, first.result) == ("saved before the history began", None, "done")
    assert (second.what, second.by, second.result) == ("memory and vCPUs edited", user, "")
    assert changes(vm) == [("Memory", "1024 MiB", "2048 MiB"), ("vCPUs", "1", "4")]


def test_each_change_of_a_nic_is_a_revision(user, vm):
    vm.add_nic(nic(), by=user)
    assert latest(vm) == (f"NIC {SECOND} added", user, "")
    assert changes(vm) == [(f"NIC {SECOND}", "", "net1")]
    static = GuestSpec(mode=Mode.STATIC, addresses=("10.255.0.9/24",))
    vm.change_nic(nic(link_up=False, mtu=1400), guest=static, by=user)
    assert latest(vm) == (f"NIC {SECOND} changed: MTU, Link", user, "")
    assert changes(vm) == [
        (f"NIC {SECOND}: MTU", "none", "1400"),
        (f"NIC {SECOND}: Link", "up", "down"),
        (f"NIC {SECOND}: guest network configuration", "", "static address, 10.255.0.9/24"),
    ]
    vm.remove_nic(SECOND, by=user)
    assert latest(vm) == (f"NIC {SECOND} removed", user, "")
    assert changes(vm) == [(f"NIC {SECOND}", "net1", "")]
    vm.keep_nic(SECOND, by=user)
    assert latest(vm) == (f"removal of NIC {SECOND} cancelled", user, "")
    assert vm.revisions.count() == 5


def test_the_reserved_address_of_a_nic_is_part_of_it(vm):
    network = vm.hypervisor.networks.get(name="net1")
    vm.add_nic(nic())
    make_host(network, SECOND, "10.255.0.8")
    vm.change_nic(nic(mtu=1400))
    assert (f"NIC {SECOND}: reserved address", "", "10.255.0.8") in changes(vm)


@pytest.mark.parametrize(
    ("verb", "what"),
    [
        (lambda vm, user: vm.ask_power("shutdown", user), "shut down"),
        (lambda vm, user: vm.ask_power("force-off", by=user), "forced off"),
        (lambda vm, user: vm.ask_power("start", by=user), "started"),
        (lambda vm, user: vm.persist(user), "made persistent"),
        (lambda vm, user: vm.revert(user), "reverted to the saved definition"),
        (lambda vm, user: vm.remove(user), "deletion requested"),
        (lambda vm, user: vm.decide_guest_network("virter", user), "guest network configuration mode changed"),
    ],
)
def test_other_verbs_are_revisions_too(user, vm, verb, what):
    verb(vm, user)
    assert latest(vm) == (what, user, "")


def test_a_refused_verb_leaves_no_revision(user, vm):
    vm.remove(user)
    before = vm.revisions.count()
    with pytest.raises(ValueError, match="being deleted"):
        vm.add_nic(nic(), by=user)
    assert vm.revisions.count() == before
    assert not vm.is_being_recorded


def found(vm: VM) -> VM:
    document = DOMAIN.format(
        vm=vm, nics=f"<interface type='network'><mac address='{ACCESS}'/><source network='net1'/></interface>"
    )
    there = {"present": True, "power": Power.RUNNING, "made_at": timezone.now(), "generation": vm.generation}
    vm.status.write(document=document, **there)
    return VM.objects.select_related("hypervisor", "status").get(pk=vm.pk)


def test_a_revision_contains_elements_that_the_portal_does_not_model(vm):
    vm = found(vm)
    vm.resize(2048, 1)
    assert 'mode="maximum"' in vm.revisions.first().document.replace("'", '"')
    assert [disk.target for disk in parse(vm.revisions.first().document).disks] == ["vda"]


def test_accepting_changes_is_done_at_once_and_says_what_changed(user, vm):
    vm = found(vm)
    vm.follow_found(user)
    assert latest(vm) == ("changes from libvirt accepted", user, "done")
    assert changes(vm) == [(f"NIC {ACCESS}", "default", "net1")]


def test_the_history_of_a_released_vm_stays_and_goes_on_when_it_is_adopted(user, vm):
    vm = found(vm)
    vm.add_nic(nic(), by=user)
    vm.release(user)
    released, added, _ = vm.revisions.all()
    assert (released.what, released.by, released.result) == ("released", user, "done")
    assert (added.result, str(added.error)) == ("failed", "It was released before this was carried out.")
    vm.add_nic(nic(), by=user)  # a NIC of an unmanaged VM
    assert vm.revisions.count() == 3
    vm.status.write(generation=vm.generation)
    vm.adopt(user)
    assert latest(vm) == ("adopted", user, "done")
    assert vm.revisions.count() == 4


def refuse(vm: VM, connection: Connection) -> dict:
    raise Refused(Message.external("There is no room"))


@pytest.mark.parametrize(
    ("push", "result"), [(lambda vm, connection: {}, ("done", "")), (refuse, ("failed", "There is no room"))]
)
def test_the_worker_records_the_result_of_the_latest_revision_and_of_those_that_it_overtook(user, vm, push, result):
    vm.add_nic(nic(), by=user)
    vm.resize(2048, 1, by=user)
    carry_out(VM, vm.pk, push)
    resized, added, _ = vm.revisions.all()
    assert [(each.result, str(each.error)) for each in (resized, added)] == [result, result]
    assert resized.seconds is not None


def test_guest_settings_are_described_in_text():
    spec = GuestSpec(gateways=("10.0.0.1",), dns=("10.0.0.2",), use_dns=False, default_route=False, metric=7)
    assert guest_text(spec) == "gateway 10.0.0.1, DNS 10.0.0.2, no other DNS, no default route, metric 7"
    assert guest_text(GuestSpec(mode=Mode.DHCP, default_route=True)) == "DHCP, default route"
