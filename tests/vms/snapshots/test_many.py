"""Snapshots of many VMs at once, each as far as the user may."""

import pytest
from django.utils import timezone
from lxml import html

from tests.support.making import make_running, make_vm
from tests.vms.snapshots.snapped_vm import DOMAIN
from vms.models import VM, SnapshotRequest

pytestmark = pytest.mark.integration


@pytest.fixture
def vms(world):
    """Two further VMs that run."""
    for number in (8, 9):
        vm = make_vm(world.hypervisor, f"alma-8-{number}", number)
        make_running(vm)
        vm.status.write(document=DOMAIN)
    return list(VM.objects.order_by("name"))


def send(page, vms, **values):
    return page.post("/vms/many/", {"action": "snapshot", "vm": [vm.pk for vm in vms], **values}, follow=True)


def test_the_name_is_asked_for_and_each_vm_gets_its_request(page, vms):
    root = html.fromstring(send(page, vms).content)
    assert "Take snapshots of 3 VMs" in root.xpath("string(//h1)")
    assert not SnapshotRequest.objects.exists()
    answer = send(page, vms, asked="yes", name="nightly", memory="on")
    assert "Taking snapshots: alma-8-8, alma-8-9, web." in answer.content.decode()
    assert set(SnapshotRequest.objects.values_list("vm__name", "name")) == {(vm.name, "nightly") for vm in vms}


def test_vms_that_get_no_snapshot_are_named_with_the_reason(page, vms):
    VM.objects.filter(name="web").update(removed_at=timezone.now())
    said = send(page, vms, asked="yes", name="nightly").content.decode()
    assert "No snapshot of web" in said
    assert "Taking snapshots: alma-8-8, alma-8-9." in said
    assert SnapshotRequest.objects.count() == 2


def test_those_who_may_not_take_snapshots_get_none(member_page, vms):
    VM.objects.update(team=None)
    send(member_page, vms, asked="yes", name="nightly")
    assert not SnapshotRequest.objects.exists()


def test_a_bad_name_is_refused_for_all(page, vms):
    answer = page.post("/vms/many/", {"action": "snapshot", "vm": [vm.pk for vm in vms], "asked": "yes", "name": "a/b"})
    assert answer.status_code == 422
    assert not SnapshotRequest.objects.exists()
