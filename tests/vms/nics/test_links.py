"""Links of NICs: one set down and up with one click, and all of a VM to isolate it, and back."""

import pytest
from django.core.management import call_command

from tests.support.making import make_hypervisor, make_running, make_vm
from vms.models import VM

FIRST, SECOND = "52:54:00:00:00:08", "52:54:00:80:00:01"


@pytest.fixture
def vm(db, enqueued) -> VM:
    vm = make_vm(make_hypervisor())
    vm.nics.create(position=1, source="net1", mac=SECOND)
    make_running(vm, ("default", FIRST, "vnet0"), ("net1", SECOND, "vnet1"))
    return VM.objects.alone().get()


def links() -> dict[str, bool]:
    return {nic.mac: nic.spec().link_up for nic in VM.objects.get().nics.all()}


def test_a_link_is_set_down_and_up_with_one_click(page, vm):
    path = f"{vm.get_absolute_url()}nics/{SECOND}/link/"
    assert f'action="{path}"' in page.get(vm.get_absolute_url()).content.decode()
    page.post(path, {"up": "no"})
    assert links() == {FIRST: True, SECOND: False}
    page.post(path, {"up": "yes"})
    assert links() == {FIRST: True, SECOND: True}
    assert page.post(f"{vm.get_absolute_url()}nics/52:54:00:00:00:99/link/", {"up": "no"}).status_code == 404


def test_an_isolated_vm_says_so_and_gets_only_the_links_back_that_it_had(page, vm):
    vm.set_link(SECOND, False)
    page.post(f"{vm.get_absolute_url()}isolate/")
    assert links() == {FIRST: False, SECOND: False}
    shown = page.get(vm.get_absolute_url()).content.decode()
    assert "isolated</span>" in shown
    assert "End isolation" in shown
    page.post(f"{vm.get_absolute_url()}end-isolation/")
    assert links() == {FIRST: True, SECOND: False}
    assert VM.objects.get().isolated == []


def test_isolating_twice_loses_nothing_and_a_nic_that_is_gone_is_left_out(page, vm):
    page.post(f"{vm.get_absolute_url()}isolate/")
    page.post(f"{vm.get_absolute_url()}isolate/")
    assert VM.objects.get().isolated == [FIRST, SECOND]
    vm.nics.filter(mac=SECOND).delete()
    vm.status.nics.filter(mac=SECOND).delete()
    page.post(f"{vm.get_absolute_url()}end-isolation/")
    assert links() == {FIRST: True}


def test_the_command_isolates_several_vms(vm):
    call_command("vm", "isolate", "alma-8-8", "--no-wait")
    assert links() == {FIRST: False, SECOND: False}
    call_command("vm", "isolate", "--end", "alma-8-8", "--no-wait")
    assert links() == {FIRST: True, SECOND: True}


def test_a_second_click_at_the_same_time_forgets_no_link_of_the_first(vm):
    seen_before = VM.objects.alone().get()
    vm.isolate()
    seen_before.isolate()
    assert VM.objects.get().isolated == [FIRST, SECOND]
    seen_before.end_isolation()
    assert links() == {FIRST: True, SECOND: True}
