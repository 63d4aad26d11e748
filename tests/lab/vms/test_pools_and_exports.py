"""Pools of a real hypervisor with what other programs did to them, and files of images that are images again."""

import hashlib
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
    return set(portal.ask(f"[v.name for v in StoragePool.objects.get(name='{pool}').volumes.all()]"))


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
    pool, file = host.storagePoolLookupByName("default"), tmp_path / "copy.qcow2"
    random = "dd if=/dev/urandom of={0}/ex-raw bs=1M count=12 status=none && truncate -s 40M {0}/ex-raw"
    lab.run("sh", "-c", random.format(FOLDER))
    pool.refresh()
    portal.ask("Image.objects.create(hypervisor=Hypervisor.objects.get(), name='ex-raw', volume='ex-raw').pk")
    assert image_of(portal, "ex-raw") == ""
    portal.manage("image", "export", "ex-raw", str(file))
    compare = ("qemu-img", "compare", "-f", "qcow2", "-F", "raw", str(file), f"{FOLDER}/ex-raw")
    assert "Images are identical." in lab.run(*compare)
    layer = portal.ask("Image.objects.get(name='ex-raw').status.layer")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == layer.rpartition(":")[2], "it becomes the same layer again"
    assert "already" in portal.manage("image", "export", "ex-raw", str(file), fails=True)
    portal.ask("[image.remove() for image in Image.objects.filter(managed=True)]")
    wait_for(lambda: not portal.ask("Image.objects.filter(managed=True).exists()"), 30, "it is removed")
    wait_for(lambda: not list((portal.data / "uploads").glob("export-*")), 90, "its file is deleted")
    pool.storageVolLookupByName("ex-raw").delete()


def test_layers_on_top_of_each_other_are_exported_as_one_file(
    lab: Lab, host: libvirt.virConnect, portal: Portal, tmp_path: Path
) -> None:
    pool, file = host.storagePoolLookupByName("default"), tmp_path / "copy.qcow2"
    lower, upper, tag = "virter:layer:sha256:ex1", "virter:layer:sha256:ex2", "virter:tag:ex-stack"
    create = "qemu-img create -q -f qcow2 -F qcow2 -b"
    lines = [
        f"cd {FOLDER}",
        "dd if=/dev/urandom of=ex-raw bs=1M count=12 status=none",
        "truncate -s 40M ex-raw",
        f"qemu-img convert -f raw -O qcow2 ex-raw ./{lower}",
        f"{create} ./{lower} ./{upper}",
        f"qemu-io -f qcow2 -c 'write -P 7 1M 2M' ./{upper}",
        "qemu-io -f raw -c 'write -P 7 1M 2M' ex-raw",
        f"{create} ./{upper} ./{tag}",
    ]
    lab.run("sh", "-ec", "\n".join(lines))
    pool.refresh()
    portal.ask("[each.request_poll() for each in Hypervisor.objects.all()]")
    wait_for(lambda: portal.ask("Image.objects.filter(name='ex-stack').exists()"), 30, "the tag is found")
    portal.manage("image", "export", "ex-stack", str(file))
    assert "backing" not in lab.run("qemu-img", "info", str(file))
    compare = ("qemu-img", "compare", "-f", "qcow2", "-F", "raw", str(file), f"{FOLDER}/ex-raw")
    assert "Images are identical." in lab.run(*compare)
    pool.refresh()
    assert not [name for name in pool.listVolumes() if name.startswith("virterweb:load:")]
    for name in (tag, upper, lower, "ex-raw"):
        pool.storageVolLookupByName(name).delete()
