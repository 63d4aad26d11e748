"""Forms offer the pools that a user may use, with their room; others can still be named on the command line."""

import pytest
from django.utils import timezone

from tests.support.making import make_hypervisor, make_image, make_vm
from virterweb.hypervisors.models import Hypervisor
from virterweb.people.models import Grant
from vms.models import VM
from vms.pools.choice import pool_choices

pytestmark = pytest.mark.integration

GIB = 1024**3
SSD = "ssd: 60.0 GiB free of 100.0 GiB, 150 % committed"


@pytest.fixture
def lab(db, enqueued) -> Hypervisor:
    lab = make_hypervisor()
    for name in ("default", "iso", "ssd"):
        lab.pools.create(
            name=name, active=name != "iso", capacity=100 * GIB, available=60 * GIB, seen_at=timezone.now()
        )
    lab.pools.create(name="lost", gone_at=timezone.now())
    lab.pools.get(name="ssd").volumes.create(name="data", path="/ssd/data", capacity=150 * GIB)
    return lab


@pytest.fixture
def vm(lab) -> VM:
    vm = make_vm(lab, image=make_image(lab))
    vm.status.write(present=True, persistent=True, generation=vm.generation)
    return vm


def test_the_choice_says_how_much_room_there_is(lab, user):
    assert pool_choices(user, lab) == [
        ("", "default: 60.0 GiB free of 100.0 GiB, 0 % committed"),
        ("iso", "iso: inactive"),
        ("ssd", SSD),
    ]


def test_members_are_offered_the_pools_of_their_grants(lab, member):
    Grant.objects.update(pools="default\niso")
    assert [name for name, _ in pool_choices(member, lab)] == ["", "iso"]


def test_a_disk_is_added_in_a_chosen_pool(page, vm):
    path = f"{vm.get_absolute_url()}disks/add/"
    assert SSD in page.get(path).content.decode()
    sent = {"name": "data", "size": "1G", "format": "qcow2", "bus": "virtio", "discard": "unmap", "pool": "ssd"}
    assert page.post(path, sent).status_code == 302
    assert vm.disks.get().pool == "ssd"


def test_the_form_that_runs_vms_offers_the_pools_for_each_disk(page, lab):
    sent = {"hypervisor": lab.pk, "change": "add-disk", "disk_name": "data", "disk_size": "1G", "disk_pool": "ssd"}
    shown = page.post("/vms/run/", sent | {"disk_format": "raw", "disk_bus": "scsi"}).content.decode()
    assert f'<option value="ssd" selected>{SSD}</option>' in shown
    assert shown.count(SSD) == 2, "of the first disk, and of the added one"


def test_a_pool_that_is_not_known_yet_stays_chosen(page, lab):
    sent = {"hypervisor": lab.pk, "change": "add-disk", "disk_name": "data", "disk_size": "x", "disk_pool": "<new>"}
    shown = page.post("/vms/run/", sent | {"disk_format": "raw", "disk_bus": "scsi"}).content.decode()
    assert '<option value="&lt;new&gt;" selected>&lt;new&gt;</option>' in shown
