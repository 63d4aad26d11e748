"""Pools of a real hypervisor with what other programs did to them, and files of images that are images again."""

from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest
from lab import Lab

from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

FOLDER = "/var/lib/libvirt/images"
POOL = "<pool type='dir'><name>spare</name><target><path>/var/lib/libvirt/spare</path></target></pool>"


def names(portal: Portal, pool: str) -> set[str]:
    return set(portal.ask(f"[v.name for v in StoragePool.objects.get(name='{pool}').found]"))


def state(portal: Portal, pool: str) -> str:
    return portal.ask(f"next((p.state for p in StoragePool.objects.filter(name='{pool}')), '')")


@pytest.fixture
def spare(lab: Lab, host: libvirt.virConnect) -> Iterator[libvirt.virStoragePool]:
    lab.run("mkdir", "-p", "/var/lib/libvirt/spare")
    pool = host.storagePoolDefineXML(POOL)
    pool.create()
    yield pool
    if pool.isActive():
        pool.destroy()
    pool.undefine()
    lab.run("rm", "-rf", "/var/lib/libvirt/spare")


def test_a_pool_is_followed_refreshed_and_keeps_its_volumes_while_it_is_inactive(
    lab: Lab, host: libvirt.virConnect, portal: Portal, spare: libvirt.virStoragePool
) -> None:
    portal.ask("[each.request_poll() for each in Hypervisor.objects.all()]")
    wait_for(lambda: state(portal, "spare") == "active", 30, "the pool is recorded")
    wait_for(lambda: portal.ask("StoragePool.objects.get(name='spare').read_at is not None"), 30, "it is read")
    lab.run("qemu-img", "create", "-q", "-f", "qcow2", "/var/lib/libvirt/spare/by-hand", "64M")
    assert names(portal, "spare") == set()
    portal.manage("pool", "refresh", "spare")
    assert names(portal, "spare") == {"by-hand"}
    shown = portal.manage("pool", "show", "spare")
    assert "by-hand" in shown
    assert "64.0 MiB" in shown
    spare.destroy()
    portal.manage("pool", "refresh", "spare")
    assert state(portal, "spare") == "inactive"
    assert names(portal, "spare") == {"by-hand"}
    assert "spare" in portal.manage("pool", "ls")
    spare.create()
    portal.manage("pool", "refresh", "spare")
    assert state(portal, "spare") == "active"


def image_of(portal: Portal, name: str) -> str:
    """Wait until an image is ready; return what is wrong with it, "" if nothing is."""
    ready = f"Image.objects.get(name='{name}').status"
    wait_for(lambda: portal.ask(f"bool({ready}.made_at or {ready}.error)"), 60, f"{name} is ready")
    return portal.ask(f"str({ready}.error)")


def test_an_exported_image_is_the_same_when_it_is_uploaded_again(
    lab: Lab, host: libvirt.virConnect, portal: Portal, tmp_path: Path
) -> None:
    pool = host.storagePoolLookupByName("default")
    script = "dd if=/dev/urandom of={0}/ex-raw bs=1M count=12 status=none && truncate -s 40M {0}/ex-raw"
    lab.run("sh", "-c", script.format(FOLDER))
    lab.run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", f"{FOLDER}/ex-raw", f"{FOLDER}/ex-base")
    lab.run("qemu-img", "create", "-q", "-f", "qcow2", "-b", f"{FOLDER}/ex-base", "-F", "qcow2", f"{FOLDER}/ex-over")
    pool.refresh()
    volumes = ("ex-raw", "ex-over", "ex-base")
    for volume in volumes:
        portal.ask(f"Image.objects.create(hypervisor=Hypervisor.objects.get(), name='{volume}', volume='{volume}').pk")
        assert image_of(portal, volume) == ""
        portal.manage("image", "export", volume, str(tmp_path / f"{volume}.qcow2"))
        copied = tmp_path / f"{volume}.qcow2"
        compare = ("qemu-img", "compare", "-f", "qcow2", "-F", "raw", str(copied), f"{FOLDER}/ex-raw")
        assert "Images are identical." in lab.run(*compare)
    assert "already" in portal.manage("image", "export", "ex-raw", str(tmp_path / "ex-raw.qcow2"), fails=True)
    portal.ask("[image.remove() for image in Image.objects.filter(managed=True)]")
    wait_for(lambda: not portal.ask("Image.objects.filter(managed=True).exists()"), 30, "they are removed")
    wait_for(lambda: not list((portal.data / "uploads").glob("export-*")), 90, "their files are deleted")
    pool.refresh()
    for volume in volumes:
        pool.storageVolLookupByName(volume).delete()
