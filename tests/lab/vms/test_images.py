"""Volumes of a real pool that would read other files of the host are refused as images."""

import libvirt
import pytest
from lab import Lab

from tests.lab.state import things
from tests.lab.vms.test_power import answer
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

FOLDER = "/var/lib/libvirt/images"


def settled(portal: Portal, name: str) -> str:
    """What the worker says of an image; "fine" if nothing."""
    done = f"(lambda image: image.done and (image.status.error or 'fine'))(Image.objects.get(name='{name}'))"
    wait_for(lambda: portal.ask(done), 30, f"a look at {name}")
    return portal.ask(done)


def test_a_volume_that_reads_outside_its_pool_is_refused_by_the_worker(
    lab: Lab, host: libvirt.virConnect, portal: Portal
) -> None:
    make = ("qemu-img", "create", "-q", "-f", "qcow2")
    lab.run(*make, f"{FOLDER}/whole", "1M")
    lab.run(*make, "-b", f"{FOLDER}/whole", "-F", "qcow2", f"{FOLDER}/above")
    lab.run(*make, "-b", "/etc/hostname", "-F", "raw", f"{FOLDER}/sly")
    lab.run(*make, "-o", "data_file=/tmp/never,data_file_raw=on", f"{FOLDER}/split", "1M")
    lab.run("rm", "-f", "/tmp/never")
    host.storagePoolLookupByName("default").refresh()
    said = {}
    for name in ("whole", "above", "sly", "split"):
        portal.ask(f"Image.objects.create(hypervisor=Hypervisor.objects.get(), name='{name}', volume='{name}').pk")
        said[name] = settled(portal, name)
    assert said["whole"] == said["above"] == "fine"
    assert "an overlay on /etc/hostname, which is not a volume of the pool default" in said["sly"]
    assert "keeps its data in another file, /tmp/never" in said["split"]
    # Whatever was said before, running it looks again.
    portal.ask("ImageStatus.objects.filter(desired__name='sly').update(error='', made_at='2026-01-01T00:00:00Z')")
    refused = portal.manage("vm", "run", "sly", "--id", "77", "--memory", "128M", fails=True)
    assert "an overlay on /etc/hostname" in refused
    assert "sly-77" not in [domain.name() for domain in host.listAllDomains()]
    portal.ask("[image.remove() for image in Image.objects.filter(managed=True)]")
    wait_for(lambda: not portal.ask("Image.objects.filter(managed=True).exists()"), 30, "they are removed")
    pool = host.storagePoolLookupByName("default")
    pool.refresh()
    for name in said:
        pool.storageVolLookupByName(name).delete()


def test_a_vm_is_committed_to_an_image_and_another_one_runs_from_it(
    lab: Lab, host: libvirt.virConnect, portal: Portal
) -> None:
    before = things(host)
    portal.manage("vm", "run", "tiny", "--id", "61", "--memory", "128M")
    assert "is not off" in portal.manage("vm", "commit", "tiny-61", "golden", fails=True)
    portal.manage("vm", "stop", "tiny-61", "--force")
    portal.manage("vm", "commit", "tiny-61", "golden")
    portal.manage("vm", "run", "golden", "--id", "62", "--memory", "128M")
    guest = host.lookupByName("golden-62")
    wait_for(lambda: answer(guest, "echo here") == "here", 90, "a shell in the guest from the image")
    portal.manage("vm", "start", "tiny-61")  # it stays as it was
    portal.manage("vm", "rm", "tiny-61", "golden-62")
    portal.ask("Image.objects.get(name='golden').remove()")
    wait_for(lambda: not portal.ask("Image.objects.filter(name='golden').exists()"), 30, "it is removed")
    assert things(host) == before


def test_several_vms_run_from_one_request_with_a_disk_each(lab: Lab, host: libvirt.virConnect, portal: Portal) -> None:
    token = portal.token("/vms/run/")
    fields = {"hypervisor": portal.ask("Hypervisor.objects.get().pk"), "image": "tiny", "number": 20, "count": 3}
    disk = {"disk_name": "data", "disk_size": "8M", "disk_format": "raw", "disk_bus": "scsi", "disk_pool": ""}
    portal.send("/vms/run/", token, **fields, **disk, memory=128, vcpus=1, boot_size=1, console_log="on")
    names = {"tiny-20", "tiny-21", "tiny-22"}
    running = libvirt.VIR_CONNECT_LIST_DOMAINS_RUNNING
    wait_for(lambda: {one.name() for one in host.listAllDomains(running)} >= names, 60, "all three run")
    volumes = host.storagePoolLookupByName("default").listVolumes()
    assert {f"virter:work:{name}-data" for name in names} <= set(volumes)
    pool = host.storagePoolLookupByName("default")
    for name in names:
        _, capacity, taken = pool.storageVolLookupByName(f"virter:work:{name}-data").info()
        assert (capacity, taken) == (8 * 2**20, 0)  # raw, and sparse
    for name in sorted(names):
        portal.manage("vm", "rm", name)
