"""Portal and Virter on one hypervisor: each runs, saves and removes objects of the other."""

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest
from lab import Lab

from tests.lab.state import things
from tests.lab.virter_like import LAYER, TAG, WORK, Virter
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab


@pytest.fixture
def virter(host: libvirt.virConnect) -> Virter:
    return Virter(host)


@pytest.fixture(autouse=True)
def as_before(host: libvirt.virConnect) -> Iterator[None]:
    """Remove everything that the test created with either program."""
    before = things(host)
    yield
    assert things(host) | {"leases": []} == before | {"leases": []}


@pytest.fixture
def disk(tmp_path: Path) -> bytes:
    """A small qcow2 file with something in it."""
    return made(tmp_path, "qcow2", b"virter was here")


def made(folder: Path, kind: str, words: bytes) -> bytes:
    raw, path = folder / "raw", folder / "made"
    raw.write_bytes(bytes(2**20) + words.ljust(2**20, b"\0") + bytes(2**21))
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", kind, raw, path], check=True)
    return path.read_bytes()


def content(data: bytes, folder: Path) -> bytes:
    """What a guest sees of a qcow2 file."""
    path, raw = folder / "seen", folder / "seen.raw"
    path.write_bytes(data)
    subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", path, raw], check=True)
    return raw.read_bytes()


def add_image(portal: Portal, name: str, data: bytes = b"", volume: str = "") -> str:
    """Have the portal make an image of a file or volume; its state once it is through with it."""
    folder = Path(portal.ask("str(settings.SPOOL_DIR)", "from django.conf import settings"))
    if data:
        (folder / f"of{name}").write_bytes(data)
    values = f"volume='{volume or TAG + name}', upload='{f'of{name}' if data else ''}', size={len(data)}"
    portal.ask(f"Image.objects.create(hypervisor=Hypervisor.objects.get(), name='{name}', {values}).pk")
    state = f"(lambda image: image.done and image.state)(Image.objects.get(name='{name}'))"
    return wait_for(lambda: portal.ask(state), 60, f"the image {name}")


def remove_image(portal: Portal, name: str) -> None:
    portal.ask(f"Image.objects.get(name='{name}').remove()")
    wait_for(lambda: not portal.ask(f"Image.objects.filter(name='{name}').exists()"), 30, f"{name} is removed")


def poll(portal: Portal) -> None:
    """Have the portal read the pool at its next poll."""
    portal.ask("Hypervisor.objects.get().request_poll()")


def knows(portal: Portal, name: str) -> bool:
    poll(portal)
    return bool(portal.ask(f"Image.objects.filter(name='{name}').exists()"))


def test_an_image_of_virters_is_run_by_the_portal(portal: Portal, virter: Virter, host: libvirt.virConnect, lab: Lab):
    tiny = virter.image_save("tiny")
    layer = LAYER + "sha256:" + virter.image_load("external", tiny)
    wait_for(lambda: knows(portal, "external"), 20, "it is listed")
    portal.manage("vm", "run", "external", "--id", "30", "--memory", "32M", "--boot-capacity", "1G")
    boot = virter.find(f"{WORK}external-30")
    assert virter.dependency(boot) == layer
    virter.image_rm("external")  # the layer stays, for a VM's disk is on it
    assert virter.find(layer)
    domain = host.lookupByName("external-30")
    domain.destroy()
    domain.create()
    portal.manage("vm", "rm", "external-30")
    assert virter.find(layer) is None  # nobody needs it any more, as with Virter


def test_images_of_the_portals_are_virters_too(portal: Portal, virter: Virter, tmp_path: Path, lab: Lab):
    assert "tiny" in virter.image_ls()
    raw = made(tmp_path, "raw", b"raw")
    qcow2 = made(tmp_path, "qcow2", b"qcow2")
    overlay = ("qemu-img", "create", "-q", "-f", "qcow2", "-b", "/var/lib/libvirt/images/base", "-F", "qcow2")
    (lab.directory / "lib/images/base").write_bytes(qcow2)
    (lab.directory / "lib/images/plain").write_bytes(raw)
    lab.run(*overlay, "/var/lib/libvirt/images/above")
    virter.pool.refresh()
    wanted = {"uploaded": qcow2, "raw": raw, "named": b"", "flat": b"", "alias": b""}
    volumes = {"named": "above", "flat": "plain", "alias": f"{TAG}uploaded"}
    for name, data in wanted.items():
        assert add_image(portal, name, data, volumes.get(name, "")) == "ready", name
    seen = virter.image_ls()
    assert seen.keys() == {"tiny", *wanted}
    assert seen["uploaded"] == seen["alias"] == hashlib.sha256(qcow2).hexdigest()
    assert not [volume for volume in virter.pool.listVolumes() if volume.startswith("virterweb:")]
    for name in wanted:
        assert len(virter.image_push(name)) == 1
        expected = raw if name in ("raw", "flat") else content(qcow2, tmp_path)
        assert content(virter.image_save(name), tmp_path) == expected
    remove_image(portal, "uploaded")
    assert "alias" in virter.image_ls()
    virter.image_rm("alias")
    virter.image_rm("raw")
    for name in ("raw", "named", "flat", "alias"):
        remove_image(portal, name)
    for name in ("above", "base", "plain"):
        virter.find(name).delete()


def test_portal_and_virter_list_and_delete_vms_of_each_other(portal: Portal, virter: Virter, host: libvirt.virConnect):
    name = virter.vm_run("tiny", 31, disks=("data",))
    portal.manage(
        "vm", "run", "tiny", "--id", "32", "--memory", "32M", "--boot-capacity", "1G", "--disk", "name=d,size=1M"
    )
    listed = wait_for(lambda: [line for line in portal.manage("vm", "ls").splitlines() if name in line], 10, "listed")
    assert listed[0].split()[:4] == [name, "31", "default", "running"]
    virter.vm_rm("tiny-32")
    left = {name for name in virter.pool.listVolumes() if name.startswith(WORK)}
    assert left == {f"{WORK}{name}", f"{WORK}{name}-cidata", f"{WORK}{name}-data", f"{WORK}tiny-32-console"}
    portal.manage("vm", "rm", "tiny-32")
    portal.manage("vm", "rm", name)  # without adoption
    assert not [name for name in virter.pool.listVolumes() if name.startswith(WORK)]
    assert "tiny" in virter.image_ls()
    assert virter._addresses("52:54:00:00:00:1f") == []


def test_a_name_that_one_program_removed_is_run_again_by_the_other(
    portal: Portal, virter: Virter, host: libvirt.virConnect
):
    portal.manage("vm", "run", "tiny", "--id", "33", "--memory", "32M", "--boot-capacity", "1G")
    portal.manage("vm", "release", "tiny-33")
    virter.vm_rm("tiny-33")
    assert virter.vm_run("tiny", 33) == "tiny-33"
    virter.vm_rm("tiny-33")
    left = f"[*Volume.objects.filter(name='{WORK}tiny-33').values_list('name'), *VM.objects.filter(name='tiny-33')]"
    wait_for(lambda: not portal.ask(f"len({left})"), 30, "it is gone, with its volumes")
    entry = "DHCPHostStatus.objects.filter(ip='192.168.122.33').exists()"
    wait_for(lambda: not portal.ask(entry), 30, "its DHCP reservation is gone")
    portal.manage("vm", "run", "tiny", "--id", "33", "--memory", "32M", "--boot-capacity", "1G")
    assert virter._addresses("52:54:00:00:00:21") == ["192.168.122.33"]
    portal.manage("vm", "rm", "tiny-33")
    assert virter.vm_run("tiny", 33) == "tiny-33"
    virter.vm_rm("tiny-33")


def test_nothing_is_deleted_under_an_overlay_of_virters(
    portal: Portal, virter: Virter, host: libvirt.virConnect, tmp_path: Path
):
    tiny = virter.image_save("tiny")
    assert add_image(portal, "managed", tiny) == "ready"
    layer = virter.dependency(virter.find(f"{TAG}managed"))
    name = virter.vm_run("managed", 34)
    remove_image(portal, "managed")
    assert virter.find(layer) and virter.find(f"{TAG}managed") is None
    host.lookupByName(name).destroy()
    host.lookupByName(name).create()
    portal.manage("vm", "rm", name)
    assert virter.find(layer) is None


def test_an_image_of_the_portals_that_virter_removed_has_drifted(portal: Portal, virter: Virter, disk: bytes):
    assert add_image(portal, "mine", disk) == "ready"
    virter.image_rm("mine")
    state = "Image.objects.get(name='mine').state"

    def drifted() -> bool:
        poll(portal)
        return portal.ask(state) == "drifted"

    wait_for(drifted, 20, "it is missed")
    assert "This hypervisor has no image mine" in portal.manage("vm", "run", "mine", "--id", "35", fails=True)
    virter.image_load("mine", disk)
    wait_for(lambda: not drifted(), 20, "it is back")
    remove_image(portal, "mine")


def test_networks_and_host_entries_of_virters_are_as_they_are(portal: Portal, virter: Virter):
    virter.network_add("external", "10.66.0.")
    wait_for(lambda: "10.66.0.1/24" in portal.manage("network", "ls"), 10, "it is listed")
    virter.network_rm("external")
    virter.network_add("external", "10.67.0.")  # Virter's only way to change it: it has another UUID
    listed = wait_for(
        lambda: [line for line in portal.manage("network", "ls").splitlines() if "10.67.0.1/24" in line], 10, "changed"
    )
    assert len(listed) == 1
    assert portal.manage("network", "ls").count("external") == 1
    virter.host_add(40)
    portal.manage("network", "host", "add", "--id", "41")
    assert virter._addresses("52:54:00:00:00:28") == ["192.168.122.40"]
    assert virter._addresses("52:54:00:00:00:29") == ["192.168.122.41"]
    virter.host_rm(41)
    portal.manage("network", "host", "rm", "--id", "40")
    assert virter._addresses("52:54:00:00:00:28") == virter._addresses("52:54:00:00:00:29") == []
    portal.manage("network", "rm", "external")
