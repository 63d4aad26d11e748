"""Users who try to get NICs onto networks of other teams without the forms of NICs."""

import pytest

from tests.support.making import make_foreign_network, make_hypervisor, make_image, make_network, make_vm
from tests.support.teams import make_team
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
