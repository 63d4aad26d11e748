"""A VM with snapshots is deleted whole, so that its name and ID are free again; or the portal says what to do first."""

from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest
from lab import Lab
from lxml import etree

from virterweb.hypervisors.gateway.found import Refused
from vms import sync
from vms.models import VM

from .test_foreign_domains import FILES, World

pytestmark = [pytest.mark.lab, pytest.mark.django_db]

BOOT = "virter:work:snapped"
QCOW2 = "<target><format type='qcow2'/></target>"


@pytest.fixture
def world(lab: Lab, host: libvirt.virConnect, enqueued) -> Iterator[World]:
    found = World(lab, host)
    make(found, BOOT)
    root = etree.fromstring((FILES[0].parent / "filtered.xml").read_bytes())
    root.find("name").text = "snapped"
    devices = root.find("devices")
    devices.remove(devices.find("interface"))
    devices.append(
        etree.fromstring(
            f"<disk type='volume'><driver name='qemu' type='qcow2'/><source pool='default' volume='{BOOT}'/>"
            "<target dev='vda' bus='virtio'/></disk>"
        )
    )
    found.define(etree.tostring(root, encoding="unicode")).adopt()
    yield found
    found.close()
    for volume in pool(found).listAllVolumes():
        if "snapped" in volume.name():
            volume.delete()


def pool(world: World) -> libvirt.virStoragePool:
    found = world.libvirt.storagePoolLookupByName("default")
    found.refresh()
    return found


def make(world: World, name: str, backing: str = "") -> libvirt.virStorageVol:
    beneath = f"<backingStore><path>{backing}</path><format type='qcow2'/></backingStore>" if backing else ""
    document = f"<volume><name>{name}</name><capacity unit='MiB'>16</capacity>{QCOW2}{beneath}</volume>"
    return pool(world).createXML(document)


def path_of(world: World, name: str) -> str:
    return pool(world).storageVolLookupByName(name).path()


def snapshot(world: World, name: str, disk: str = "", flags: int = 0) -> None:
    source = disk or f"<source file='{path_of(world, BOOT)}.{name}'/>"
    disks = f"<disks><disk name='vda' snapshot='external'>{source}</disk></disks>" if flags else ""
    world.domain.snapshotCreateXML(f"<domainsnapshot><name>{name}</name>{disks}</domainsnapshot>", flags)


def left(world: World) -> list[str]:
    return sorted(volume.name() for volume in pool(world).listAllVolumes() if "snapped" in volume.name())


def delete(world: World) -> None:
    world.observe()
    world.vm.remove()
    assert sync.push(world.vm, world.connection) is None
    assert not VM.objects.exists()
    assert left(world) == []
    with pytest.raises(libvirt.libvirtError):
        world.libvirt.lookupByName("snapped")


@pytest.mark.parametrize("running", [True, False])
def test_overlays_of_external_snapshots_go_with_the_disk(world, running):
    if running:
        world.domain.create()
    for name in ("s1", "s2"):
        snapshot(world, name, flags=libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY)
    assert left(world) == [BOOT, f"{BOOT}.s1", f"{BOOT}.s2"]
    delete(world)


def test_internal_snapshots_go_with_the_disk(world):
    snapshot(world, "inside")
    assert world.domain.snapshotNum() == 1
    delete(world)


def test_an_overlay_outside_the_pool_is_refused_and_nothing_is_touched(world, tmp_path: Path):
    world.domain.create()
    only = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
    snapshot(world, "far", f"<source file='{tmp_path}/far.qcow2'/>", only)
    world.observe()
    world.vm.remove()
    with pytest.raises(Refused, match=r"far\.qcow2, outside its pool.*virsh blockcommit"):
        sync.push(world.vm, world.connection)
    assert world.domain.isActive()
    assert left(world) == [BOOT]
    world.domain.destroy()
    world.domain.snapshotLookupByName("far").delete(libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY)


def test_an_overlay_of_somebody_else_is_refused_by_name(world):
    clone = make(world, "clone-of-snapped", path_of(world, BOOT))
    world.observe()
    world.vm.remove()
    with pytest.raises(Refused, match=f"clone-of-snapped in the pool default is an overlay on {BOOT}"):
        sync.push(world.vm, world.connection)
    assert left(world) == ["clone-of-snapped", BOOT]
    clone.delete()
    delete(world)
