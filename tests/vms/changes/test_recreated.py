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
def made_anew(lab) -> Lab:
    """Others removed the portal's VM and made it anew: the same name, another UUID."""
    lab.adopt()
    undefine(lab)
    lab.define(DOMAIN.replace(UUID, OTHER).replace(SECOND, THIRD))
    return lab


def test_a_vm_made_anew_is_said_and_made_ours(page, made_anew):
    text = page.get("/vms/lab-1/web/").content.decode()
    assert OTHER in text
    assert "Adopt this one instead" in text
    before = made_anew.documents(OTHER)
    assert "Nothing changed" in made_anew.say(page, "take-over")
    made_anew.push()
    (vm,) = VM.objects.shown()
    assert (str(vm.uuid), vm.managed, vm.state) == (OTHER, True, State.READY)
    assert [found.mac for found in vm.nics.all()] == [FIRST, THIRD]
    assert made_anew.documents(OTHER) == before


def test_every_list_has_one_row_of_a_vm_made_anew_which_says_so_and_what_libvirt_has(page, made_anew, capsys):
    ours = VM.objects.get(managed=True)
    VM.objects.get(managed=False).status.write(power="running", memory=77)
    (row,) = html.fromstring(page.get("/vms/").content.decode()).xpath("//tbody/tr")
    assert row.get("id") == f"vm-{ours.pk}"
    assert "recreated outside the portal" in row.text_content()
    assert "running" in row.text_content()
    assert "77 MiB" in row.text_content()
    call_command("vm", "ls")
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("web")]
    assert "web (recreated outside)" in line
    assert "running" in line
    found = html.fromstring(page.get("/search/?q=web&all=1").content.decode())
    assert len(found.xpath("//ul/li[starts-with(., 'VM web')]")) == 1


def test_a_vm_made_anew_is_not_replaced_and_the_reason_is_said(page, made_anew):
    made_anew.say(page, "revert")
    with pytest.raises(Refused, match=f"another VM web, with the UUID {OTHER}"):
        sync.push(made_anew.vm, made_anew.connection)


def test_deleting_ours_leaves_the_one_made_anew(page, made_anew):
    made_anew.vm.remove()
    assert sync.push(made_anew.vm, made_anew.connection) is None
    made_anew.observe()
    (vm,) = VM.objects.all()
    assert (str(vm.uuid), vm.managed) == (OTHER, False)


def test_only_a_vm_that_is_gone_is_taken_over(page, lab):
    lab.adopt()
    assert "libvirt still has web" in lab.say(page, "take-over")
    undefine(lab)
    assert "no other VM" in lab.say(page, "take-over")
