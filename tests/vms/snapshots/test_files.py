"""Files of snapshots count as used, and the page that deletes a VM names them."""

import pytest
from django.utils import timezone

from tests.vms.snapshots.snapped_vm import DOMAIN
from vms.images.uses import note_unused
from vms.models import Volume

pytestmark = pytest.mark.integration

VOLUME = "<volume><name>{}</name><capacity>1024</capacity><target><format type='qcow2'/></target></volume>"
OVERLAY = "/pool/vda.snapshot-0a1b2c3d"


def test_a_file_of_a_snapshot_is_in_use_although_no_disk_has_it_now(world):
    volume = world.connection.volumes
    volume.create("pool", VOLUME.format("overlay"), "overlay")
    Volume.objects.create(hypervisor=world.hypervisor, name="overlay", path="/pool/overlay")
    found = {each.name: each for each in volume.all("pool")}
    note_unused(world.hypervisor, found, timezone.now())
    assert Volume.objects.get(name="overlay").unused_since
    row = world.snapshot("first")
    type(row).objects.update(files=["/pool/overlay"])
    note_unused(world.hypervisor, found, timezone.now())
    assert not Volume.objects.get(name="overlay").unused_since


def test_the_page_that_deletes_a_vm_names_the_overlays_that_go_with_it(world, page):
    world.vm.adopt()
    world.define(DOMAIN.replace("/pool/vda", OVERLAY))
    said = page.get("/vms/lab-1/web/remove/").content.decode()
    assert f"the file <code>{OVERLAY}</code> of its snapshots" in said
    assert f"portal did not create it:\n    <code>{OVERLAY}" not in said
