"""Disks of a real guest: plugged in, grown, detached and deleted while it runs; media of a CD-ROM drive."""

from collections.abc import Callable

import libvirt
import pytest
from lab import Lab
from lxml import etree

from tests.lab.state import things
from tests.lab.vms.test_power import answer
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

IMAGES = "/var/lib/libvirt/images"
SECTORS = "cat /sys/block/vdb/size 2>/dev/null || echo none"
MIB = 2048  # sectors
DRIFTS = "VM.objects.get().status.drifts"


def sources(domain: libvirt.virDomain, flags: int = 0) -> dict[str, str]:
    disks = etree.fromstring(domain.XMLDesc(flags)).iterfind("devices/disk")
    return {disk.find("target").get("dev"): disk.xpath("string(source/@volume)") for disk in disks}


def change_outside(call: Callable[[str, int], object], domain: libvirt.virDomain, flags: int) -> None:
    """Detach vdb, as somebody with virsh would."""
    (device,) = etree.fromstring(domain.XMLDesc()).xpath("devices/disk[target/@dev='vdb']")
    call(etree.tostring(device, encoding="unicode"), flags)


def test_disks_of_a_running_guest(portal: Portal, host: libvirt.virConnect, lab: Lab):
    before = things(host)
    portal.manage("vm", "run", "tiny", "--id", "24", "--memory", "128M")
    domain = host.lookupByName("tiny-24")
    wait_for(lambda: answer(domain, "echo here") == "here", 90, "a shell in the guest")

    portal.manage("vm", "disk", "add", "tiny-24", "name=data,size=64M,format=raw")
    assert sources(domain)["vdb"] == "virter:work:tiny-24-data"
    assert sources(domain, libvirt.VIR_DOMAIN_XML_INACTIVE)["vdb"] == "virter:work:tiny-24-data"
    assert int(lab.run("stat", "-c", "%b", f"{IMAGES}/virter:work:tiny-24-data")) < 100  # raw disks are sparse
    wait_for(lambda: answer(domain, SECTORS) == str(64 * MIB), 30, "the guest has the disk")
    listed = portal.manage("vm", "disk", "ls", "tiny-24")
    assert "virter:work:tiny-24-data" in listed

    both = libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG
    change_outside(domain.detachDeviceFlags, domain, both)
    shown = "Disk vdb: found missing, expected default/virter:work:tiny-24-data"
    wait_for(lambda: portal.ask(DRIFTS) == [shown], 30, "the missing disk is shown")
    portal.manage("vm", "revert", "tiny-24")
    wait_for(lambda: answer(domain, SECTORS) == str(64 * MIB), 30, "the guest has the disk again")
    assert portal.ask(DRIFTS) == []

    portal.manage("vm", "disk", "grow", "tiny-24", "vdb", "96M")
    wait_for(lambda: answer(domain, SECTORS) == str(96 * MIB), 30, "the guest sees the new size")
    assert "cannot become smaller" in portal.manage("vm", "disk", "grow", "tiny-24", "vdb", "10M", fails=True)
    page = portal.get("/vms/lab/tiny-24/disks/").text_content()
    assert "cannot become smaller" in page
    (request,) = portal.ask("list(DiskRequest.objects.values_list('pk', flat=True))")
    portal.send(f"/vms/lab/tiny-24/disks/requests/{request}/cancel/", portal.token("/vms/lab/tiny-24/disks/"))
    wait_for(lambda: portal.ask("VM.objects.get().done and not VM.objects.get().status.error"), 20, "no error is left")

    portal.manage("vm", "disk", "rm", "tiny-24", "vdb", "--delete")
    assert "vdb" not in sources(domain) | sources(domain, libvirt.VIR_DOMAIN_XML_INACTIVE)
    assert answer(domain, SECTORS) == "none"
    assert "virter:work:tiny-24-data" not in things(host)["volumes"]

    pool = host.storagePoolLookupByName("default")
    others = "<volume><name>virter:work:tiny-24-old</name><capacity>1</capacity></volume>"
    volume = pool.createXML(others)
    assert "already has a volume" in portal.manage("vm", "disk", "add", "tiny-24", "name=old,size=1M", fails=True)
    assert portal.ask("VM.objects.get().volumes()") == [
        ["default", f"virter:work:tiny-24{part}"] for part in ("", "-cidata", "-console")
    ]
    volume.delete()
    portal.manage("vm", "rm", "tiny-24")
    assert things(host) == before


def test_media_of_a_cd_rom_drive(portal: Portal, host: libvirt.virConnect, lab: Lab):
    before = things(host)
    portal.manage("vm", "run", "tiny", "--id", "25", "--memory", "128M")
    domain = host.lookupByName("tiny-25")
    portal.manage("vm", "disk", "drive", "tiny-25")
    assert "sdb" not in sources(domain)
    domain.destroy()
    portal.manage("vm", "start", "tiny-25")
    assert sources(domain)["sdb"] == ""
    pool = host.storagePoolLookupByName("default")
    iso = pool.createXML(
        "<volume><name>tools.iso</name><capacity>4096</capacity><target><format type='raw'/></target></volume>"
    )
    portal.ask("__import__('vms.images.sync').images.sync.refresh_volumes(Hypervisor.objects.get().pk)")
    wait_for(lambda: portal.ask("Volume.objects.filter(name='tools.iso').exists()"), 60, "the poll has seen the image")
    portal.manage("vm", "disk", "insert", "tiny-25", "sdb", "tools.iso")
    assert sources(domain)["sdb"] == sources(domain, libvirt.VIR_DOMAIN_XML_INACTIVE)["sdb"] == "tools.iso"
    assert "not a CD-ROM drive" in portal.manage("vm", "disk", "insert", "tiny-25", "sda", "tools.iso", fails=True)
    portal.manage("vm", "disk", "eject", "tiny-25", "sdb")
    assert sources(domain)["sdb"] == sources(domain, libvirt.VIR_DOMAIN_XML_INACTIVE)["sdb"] == ""
    iso.delete()
    portal.manage("vm", "rm", "tiny-25")
    assert things(host) == before
