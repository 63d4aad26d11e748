"""Users who try to get NICs onto networks of other teams without the forms of NICs."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.support.making import everyone, make_foreign_network, make_hypervisor, make_image, make_network, make_vm
from tests.support.teams import make_team
from virterweb.people.models import Grant
from vms.definition.nics.edit import build
from vms.definition.nics.spec import NICSpec
from vms.models import VM

pytestmark = pytest.mark.integration
MAC = "52:54:00:80:00:07"
ON_RICH = f"<interface type='network'><mac address='{MAC}'/><source network='rich'/></interface>"


@pytest.fixture
def lab(db, enqueued):
    """Return a hypervisor with a network of a team that the member is not in."""
    lab = make_hypervisor("lab")
    make_foreign_network(lab)
    make_image(lab)
    make_network(lab, "rich", "10.2.0.1/24", team=make_team("rich"))
    return lab


@pytest.fixture
def vm(lab, member):
    return make_vm(lab, "vm", 8, owner=member)


def test_restoring_does_not_attach_a_nic_to_a_network_of_others_again(member_page, vm, operator):
    vm.add_nic(NICSpec(kind="network", source="rich", mac=MAC), by=operator)
    then = vm.revisions.first()
    vm.nics.get(mac=MAC).delete()
    page = f"/vms/lab/vm/history/{then.pk}/"
    shown = member_page.get(page)
    assert "You may not attach NICs to rich" in shown.content.decode()
    assert member_page.post(page, {"token": shown.context["restoration"].token}).status_code == 409
    assert not vm.nics.filter(source="rich").exists()


def test_accepting_does_not_save_a_nic_on_a_network_of_others(member_page, vm):
    vm.status.write(document=f"<domain type='qemu'><name>vm</name><devices>{ON_RICH}</devices></domain>", present=True)
    answer = member_page.post("/vms/lab/vm/take/")
    assert answer.status_code == 403
    assert "You may not attach NICs to rich" in answer.content.decode()
    assert not vm.nics.filter(source="rich").exists()


def test_reverting_does_not_attach_a_nic_to_a_network_of_others_again(member_page, vm, operator):
    vm.add_nic(NICSpec(kind="network", source="rich", mac=MAC), by=operator)
    document = "<domain type='qemu'><name>vm</name><devices/></domain>"
    vm.status.write(document=document, present=True, drift="NIC: removed")
    before = VM.objects.get(pk=vm.pk).generation
    assert member_page.post("/vms/lab/vm/revert/").status_code == 403
    assert VM.objects.get(pk=vm.pk).generation == before


BRIDGE = NICSpec(kind="bridge", source="br0", mac=MAC)
DEVICE = NICSpec(kind="direct", source="eth1", mode="bridge", mac=MAC)
PASSTHROUGH = NICSpec(kind="direct", source="eth1", mode="passthrough", mac=MAC)
RICH = NICSpec(kind="network", source="rich", mac=MAC)
DEFAULT = NICSpec(kind="network", source="default", mac=MAC)
#: A NIC, what the grant of the member's team names, and whether the member may attach the NIC.
PLACES = [
    (BRIDGE, {}, False),
    (BRIDGE, {"bridges": "br1"}, False),
    (BRIDGE, {"bridges": "br*"}, True),
    (DEVICE, {"bridges": "eth1"}, False),
    (DEVICE, {"devices": "eth1"}, True),
    (PASSTHROUGH, {"devices": "*"}, False),
    (RICH, {}, False),
    (RICH, {"networks": "rich"}, True),
    (DEFAULT, {}, True),
    (NICSpec(kind="user", source="", mac=MAC), {"devices": "*", "bridges": "*"}, False),
]
EDITED = {"model": "e1000", "link_up": "on"}


def place_of(spec: NICSpec) -> dict[str, str]:
    """Return the place of a NIC as the form has it."""
    values = {"network": {"network": spec.source}, "bridge": {"bridge": spec.source}}
    values |= {"direct": {"device": spec.source, "mode": spec.mode}, "user": {"network": "/user"}}
    return values[spec.kind]


def grant(**values: str) -> None:
    Grant.objects.filter(team=everyone()).update(**values)


def leave(vm: VM, spec: NICSpec, by: object) -> None:
    """Let an operator add a NIC and remove it again, before it is gone from libvirt."""
    vm.add_nic(spec, by=by)
    vm.status.write(document=document_with(vm, spec), present=True, power="running")
    vm.remove_nic(MAC, by=by)


def document_with(vm: VM, *nics: NICSpec) -> str:
    devices = "".join(build(nic) for nic in nics)
    return f"<domain type='qemu'><name>{vm}</name><uuid>{vm.uuid_text}</uuid><devices>{devices}</devices></domain>"


@pytest.mark.parametrize(("spec", "granted", "allowed"), PLACES)
@pytest.mark.parametrize("way", ["keep", "edit"])
def test_the_removal_of_a_nic_is_cancelled_only_by_those_who_could_attach_it(
    member_page, vm, operator, way, spec, granted, allowed
):
    grant(**granted)
    leave(vm, spec, operator)
    sent = {} if way == "keep" else place_of(spec) | EDITED
    answer = member_page.post(f"/vms/lab/vm/nics/{MAC}/{way}/", sent)
    assert answer.status_code == (302 if allowed else 403 if way == "keep" else 422)
    assert (vm.nics.get(mac=MAC).removed_at is None) == allowed


def test_an_operator_cancels_the_removal_of_any_nic(page, vm, operator):
    leave(vm, PASSTHROUGH, operator)
    assert page.post(f"/vms/lab/vm/nics/{MAC}/keep/").status_code == 302
    assert vm.nics.get(mac=MAC).removed_at is None


def test_a_nic_that_is_being_removed_may_be_moved_to_a_network_of_the_member(member_page, vm, operator):
    leave(vm, RICH, operator)
    sent = {"network": "default", **EDITED}
    assert member_page.post(f"/vms/lab/vm/nics/{MAC}/edit/", sent).status_code == 302
    assert (vm.nics.get(mac=MAC).source, vm.nics.get(mac=MAC).removed_at) == ("default", None)


def test_a_command_does_not_cancel_the_removal_of_a_nic_either(vm, operator):
    leave(vm, RICH, operator)
    words = ("vm", "nic", "change", "vm", MAC, "--model", "e1000", "--as-user", "otto", "--no-wait")
    with pytest.raises(CommandError, match="You may not attach NICs to rich"):
        call_command(*words, stdout=StringIO(), stderr=StringIO())
    assert vm.nics.get(mac=MAC).removed_at is not None


@pytest.mark.parametrize(("spec", "granted", "allowed"), PLACES)
def test_restoring_attaches_nics_as_the_forms_do(member_page, vm, operator, spec, granted, allowed):
    vm.add_nic(spec, by=operator)
    then = vm.revisions.first()
    vm.nics.get(mac=MAC).delete()
    grant(**granted)
    page = f"/vms/lab/vm/history/{then.pk}/"
    token = member_page.get(page).context["restoration"].token
    assert member_page.post(page, {"token": token}).status_code == (302 if allowed else 409)
    assert vm.nics.filter(mac=MAC).exists() == allowed


@pytest.mark.parametrize(("spec", "granted", "allowed"), PLACES)
def test_accepting_saves_nics_as_the_forms_do(member_page, vm, spec, granted, allowed):
    grant(**granted)
    vm.status.write(document=document_with(vm, spec), present=True, generation=vm.generation, made_at=vm.created_at)
    assert member_page.post("/vms/lab/vm/take/").status_code == (302 if allowed else 403)
    assert vm.nics.filter(mac=MAC).exists() == allowed


@pytest.mark.parametrize(("spec", "granted", "allowed"), PLACES)
def test_reverting_attaches_nics_as_the_forms_do(member_page, vm, operator, spec, granted, allowed):
    grant(**granted)
    vm.add_nic(spec, by=operator)
    vm.status.write(document=document_with(vm), present=True, drift="NIC: removed")
    vm.nics.filter(mac=MAC).update(asked_at=None)
    assert member_page.post("/vms/lab/vm/revert/").status_code == (302 if allowed else 403)
    assert (vm.nics.get(mac=MAC).asked_at is not None) == allowed
