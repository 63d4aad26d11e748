"""Files of snapshots count as used, and the page that deletes a VM names them."""

import pytest

from tests.support.making import make_image
from tests.vms.snapshots.snapped_vm import DOMAIN
from virterweb.hypervisors.models import Hypervisor
from vms.images import sync as image_sync
from vms.models import Volume
from vms.snapshots.actions import overlays

pytestmark = pytest.mark.integration

VOLUME = "<volume><name>{}</name><capacity>1024</capacity><target><format type='qcow2'/></target></volume>"
OVERLAY = "/pool/vda.snapshot-0a1b2c3d"


def test_a_file_of_a_snapshot_is_in_use_although_no_disk_has_it_now(world):
    world.connection.volumes.create("pool", VOLUME.format("overlay"), "overlay")
    Hypervisor.objects.update(pool="pool")
    world.hypervisor.refresh_from_db()
    image_sync.record_volumes(world.hypervisor, world.connection)
    assert Volume.objects.get(name="overlay").unused_since
    row = world.snapshot("first")
    type(row).objects.update(files=["/pool/overlay"])
    image_sync.record_volumes(world.hypervisor, world.connection)
    assert not Volume.objects.get(name="overlay").unused_since


def test_the_page_that_deletes_a_vm_names_the_overlays_that_go_with_it(world, page):
    world.vm.adopt()
    world.define(DOMAIN.replace("/pool/vda", OVERLAY))
    said = page.get("/vms/lab-1/web/remove/").content.decode()
    assert f"the file <code>{OVERLAY}</code> of its snapshots" in said
    assert f"portal did not create it:\n    <code>{OVERLAY}" not in said


BACKED = """<volume><name>{}</name><capacity>1024</capacity><target><format type='qcow2'/></target>
<backingStore><path>{}</path><format type='qcow2'/></backingStore></volume>"""


def make(world, name: str, backing: str = "") -> str:
    document = BACKED.format(name, backing) if backing else VOLUME.format(name)
    world.connection.volumes.create("pool", document, name)
    return f"/pool/{name}"


def names(world) -> set[str]:
    return {each.name for each in world.connection.volumes.all("pool")}


def test_only_files_that_nothing_needs_are_deleted(world):
    base = make(world, "vda")  # the disk of the VM
    lost = make(world, "lost.snapshot-00000000", base)
    below = make(world, "below.snapshot-00000001", base)
    other = make(world, "clone-of-others", below)
    overlays.delete_unused(world.vm, world.connection, [base, lost, below])
    assert names(world) == {"vda", "below.snapshot-00000001", "clone-of-others"}
    assert other


def test_files_of_other_snapshots_of_images_and_of_the_vm_itself_are_kept(world):
    make_image(world.hypervisor, "alma", volume="tag")
    state = make(world, "state")
    world.define(DOMAIN.replace("/pool/vda", state))
    world.snapshot("first")
    now = make(world, "now", state)
    world.define(DOMAIN.replace("/pool/vda", now))
    overlays.delete_unused(world.vm, world.connection, [state, now, make(world, "tag"), "/elsewhere/file"])
    assert names(world) == {"state", "now", "tag"}


def test_disks_that_are_no_files_of_snapshots_are_no_candidates():
    paths = ["/pool/disk", "/pool/disk.snapshot-0a1b2c3d"]
    assert overlays.of_snapshots(paths, []) == ["/pool/disk.snapshot-0a1b2c3d"]
