"""A VM that was recreated outside the portal under the same name."""

import pytest
from django.core.management import call_command
from lxml import html

from tests.vms.changes.outside_changes import DOMAIN, FIRST, OTHER, SECOND, THIRD, UUID, Lab, undefine
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.gateway.found import Refused
from vms import sync
from vms.models import VM

pytestmark = pytest.mark.integration


@pytest.fixture
def recreated(lab) -> Lab:
    """Recreate the VM outside the portal with the same name and another UUID."""
    lab.adopt()
    undefine(lab)
    lab.define(DOMAIN.replace(UUID, OTHER).replace(SECOND, THIRD))
    return lab


def test_a_recreated_vm_is_shown_and_taken_over(page, recreated):
    text = page.get("/vms/lab-1/web/").content.decode()
    assert OTHER in text
    assert "Adopt this one instead" in text
    before = recreated.documents(OTHER)
    assert "Nothing changed" in recreated.say(page, "take-over")
    recreated.push()
    (vm,) = VM.objects.shown()
    assert (str(vm.uuid), vm.managed, vm.state) == (OTHER, True, State.READY)
    assert [found.mac for found in vm.nics.all()] == [FIRST, THIRD]
    assert recreated.documents(OTHER) == before


def test_a_recreated_vm_has_one_row_in_every_list_with_the_state_in_libvirt(page, recreated, capsys):
    managed = VM.objects.get(managed=True)
    VM.objects.get(managed=False).status.write(power="running", memory=77)
    (row,) = html.fromstring(page.get("/vms/").content.decode()).xpath("//tbody/tr")
    assert row.get("id") == f"vm-{managed.pk}"
    assert "recreated outside the portal" in row.text_content()
    assert "running" in row.text_content()
    assert "77 MiB" in row.text_content()
    call_command("vm", "ls")
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("web")]
    assert "web (recreated outside)" in line
    assert "running" in line
    found = html.fromstring(page.get("/search/?q=web&all=1").content.decode())
    assert len(found.xpath("//ul/li[starts-with(., 'VM web')]")) == 1


def test_a_recreated_vm_is_not_replaced_and_shows_the_reason(page, recreated):
    recreated.say(page, "revert")
    with pytest.raises(Refused, match=f"another VM web with the UUID {OTHER}"):
        sync.push(recreated.vm, recreated.connection)


def test_deleting_the_managed_vm_keeps_the_recreated_one(page, recreated):
    recreated.vm.remove()
    assert sync.push(recreated.vm, recreated.connection) is None
    recreated.observe()
    (vm,) = VM.objects.all()
    assert (str(vm.uuid), vm.managed) == (OTHER, False)


def test_only_a_missing_vm_can_be_taken_over(page, lab):
    lab.adopt()
    assert "libvirt still has web" in lab.say(page, "take-over")
    undefine(lab)
    assert "no other VM" in lab.say(page, "take-over")
