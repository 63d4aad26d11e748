"""Deleting a VM, image or log never deletes a disk of another VM or a disk under an overlay in any pool."""

import pytest
from django.utils import timezone

from tests.support.driver import Driver
from tests.support.making import make_foreign_network, make_hypervisor, make_vm
from tests.vms.changes.outside_changes import POOL, Lab
from tests.vms.sync.test_lifecycle import DISK, NETWORKS, WITH_DISK
from virterweb.hypervisors.gateway.found import Refused
from vms import sync
from vms.images import layers
from vms.models import Disk, StoragePool, Volume
from vms.run import make

ELSEWHERE = "<pool type='dir'><name>second</name><target><path>/second</path></target></pool>"
LAYER = "virter:layer:sha256:0"


@pytest.fixture
def lab(db, enqueued, tmp_path):
    """A VM of the portal that is off, and a second pool."""
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    pools = POOL + ELSEWHERE
    file = tmp_path / "host.xml"
    file.write_text(f"<node>{NETWORKS}{pools}{WITH_DISK}</node>")
    connection = Driver(1, f"test://{file}")
    connection.power.force_off(connection.domains.uuid_of("web"), "web")
    add(connection, "default", DISK)
    lab = Lab(hypervisor, connection)
    lab.adopt()
    yield lab
    connection.close()


def add(connection: Driver, pool: str, name: str, backing: str = "") -> None:
    beneath = f"<backingStore><path>{backing}</path><format type='qcow2'/></backingStore>" if backing else ""
    connection.volumes.create(pool, f"<volume><name>{name}</name><capacity>1024</capacity>{beneath}</volume>", name)


def delete(lab: Lab) -> None:
    lab.vm.remove()
    assert sync.push(lab.vm, lab.connection) is None


def test_an_overlay_in_another_pool_keeps_the_disk_and_is_named(lab):
    add(lab.connection, "second", "clone", f"/pool/{DISK}")
    lab.vm.remove()
    with pytest.raises(Refused, match=f"clone in the pool second is an overlay on {DISK}"):
        sync.push(lab.vm, lab.connection)
    assert lab.connection.volumes.get("default", DISK)
    lab.connection.volumes.delete("second", "clone")
    delete(lab)
    assert lab.connection.volumes.get("default", DISK) is None


def test_the_disk_of_a_vm_removed_outside_stays_under_an_overlay_in_another_pool(lab):
    add(lab.connection, "second", "clone", f"/pool/./{DISK}")
    lab.connection.domains.undefine(lab.vm.uuid_text, "web")
    lab.observe()
    delete(lab)
    assert lab.connection.volumes.get("default", DISK)


@pytest.mark.parametrize("backing", [f"/pool/{LAYER}", f"/pool/./{LAYER}", f"/link/{LAYER}"])
def test_a_layer_stays_under_an_overlay_in_another_pool(lab, backing):
    add(lab.connection, "default", LAYER)
    add(lab.connection, "second", "clone", backing)
    layers.delete_unused(lab.connection, "default", LAYER)
    assert lab.connection.volumes.get("default", LAYER)
    lab.connection.volumes.delete("second", "clone")
    layers.delete_unused(lab.connection, "default", LAYER)
    assert lab.connection.volumes.get("default", LAYER) is None


def test_a_disk_stays_under_an_overlay_in_a_pool_that_has_been_stopped(lab):
    add(lab.connection, "second", "clone", f"/pool/{DISK}")
    lab.hypervisor.uri = lab.connection.session.uri
    lab.hypervisor.save()
    second = StoragePool.objects.get(hypervisor=lab.hypervisor, name="second")
    second.volumes.create(name="clone", path="/second/clone", format="qcow2", backing=f"/pool/{DISK}")
    lab.connection.session.libvirt.storagePoolLookupByName("second").destroy()
    layers.delete_unused(lab.connection, "default", DISK)
    lab.vm.remove()
    with pytest.raises(Refused, match=f"clone in the pool second is an overlay on {DISK}"):
        sync.push(lab.vm, lab.connection)
    assert lab.connection.volumes.get("default", DISK)


def test_a_volume_with_the_name_of_a_deleted_one_in_another_pool_stays_recorded(lab):
    Disk.objects.create(vm=lab.vm, name="data", size=1, pool="second")
    for pool in ("default", "second"):
        add(lab.connection, pool, f"{DISK}-data")
    lab.observe()
    asked = Volume.objects.get(name=f"{DISK}-data")
    Volume.objects.filter(pk=asked.pk).update(delete_asked_at=timezone.now())
    delete(lab)
    assert lab.connection.volumes.get("second", f"{DISK}-data") is None
    assert lab.connection.volumes.get("default", f"{DISK}-data")
    assert Volume.objects.get(pk=asked.pk).delete_asked_at


def test_the_disk_of_another_vm_stays_even_if_its_domain_was_removed_outside(lab):
    """The disk data of web is called like the boot disk of web-data."""
    add(lab.connection, "default", f"{DISK}-data")
    other = make_vm(lab.hypervisor, "web-data", 9)
    other.status.write(made_at=timezone.now())
    Disk.objects.create(vm=lab.vm, name="data", size=1)
    delete(lab)
    assert lab.connection.volumes.get("default", DISK) is None
    assert lab.connection.volumes.get("default", f"{DISK}-data")


def test_the_disk_of_another_vm_is_taken_for_no_console_log(lab):
    add(lab.connection, "default", "virter:work:new-console")
    other = make_vm(lab.hypervisor, "new-console", 9)
    other.status.write(made_at=timezone.now())
    new = make_vm(lab.hypervisor, "new", 10)
    with pytest.raises(Refused, match="belongs to another VM"):
        make._clear_console(new, lab.connection)
    assert lab.connection.volumes.get("default", "virter:work:new-console")
