"""Each change of power with a real guest: what libvirt says, what the page shows, and what the guest still knows."""

import libvirt
import pytest
from lab import Lab
from lxml import etree

from tests.lab.guest import Console
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

IMAGES = "/var/lib/libvirt/images"
DISK = f"""<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{IMAGES}/small/full.qcow2'/>
<target dev='vdb' bus='virtio'/></disk>"""


def said(portal: Portal, name: str) -> str:
    """Return the state in the header of the VM's page, with what is beside it."""
    (header,) = portal.get(f"/vms/lab/{name}/").xpath("//header[@class='page']/div[@class='what']")
    return " ".join(header.text_content().split())


def answer(domain: libvirt.virDomain, command: str) -> str:
    """Return what a command prints in the guest; "" while it has no shell."""
    try:
        console = Console(domain)
    except AssertionError:
        return ""
    try:
        return console.run(command)
    except AssertionError:
        return ""
    finally:
        console.close()


MARK = "cat /mark 2>/dev/null || echo none"


def test_every_change_of_power_with_a_real_guest(portal: Portal, host: libvirt.virConnect):
    portal.manage("vm", "run", "tiny", "--id", "21", "--memory", "128M")
    domain = host.lookupByName("tiny-21")
    wait_for(lambda: answer(domain, f"echo kept >/mark; {MARK}") == "kept", 90, "a file in the guest's memory")

    portal.manage("vm", "pause", "tiny-21")
    assert domain.state() == [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_USER]
    assert "paused" in said(portal, "tiny-21")
    portal.manage("vm", "resume", "tiny-21")
    assert domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING

    portal.manage("vm", "save", "tiny-21")
    assert (domain.isActive(), domain.hasManagedSaveImage()) == (0, 1)
    assert "saved" in said(portal, "tiny-21")
    portal.manage("vm", "start", "tiny-21")
    assert wait_for(lambda: answer(domain, MARK), 60, "the guest goes on") == "kept"

    for verb in ("reset", "reboot"):
        wait_for(lambda: answer(domain, f"echo kept >/mark; {MARK}") == "kept", 60, "a file in the guest's memory")
        portal.manage("vm", verb, "tiny-21")
        wait_for(lambda: answer(domain, MARK) == "none", 120, f"the guest has booted again after {verb}")
        assert domain.isActive()

    portal.manage("vm", "autostart", "tiny-21")
    assert domain.autostart() == 1
    portal.manage("vm", "autostart", "tiny-21", "--off")
    assert domain.autostart() == 0

    portal.manage("vm", "save", "tiny-21")
    portal.manage("vm", "discard", "tiny-21")
    assert (domain.isActive(), domain.hasManagedSaveImage()) == (0, 0)
    assert "tiny-21 is off" in portal.manage("vm", "pause", "tiny-21", fails=True)
    portal.manage("vm", "start", "tiny-21")
    assert domain.isActive()  # and is not paused by the request that was refused
    assert domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING
    portal.manage("vm", "rm", "tiny-21")


def test_a_vm_that_is_paused_by_a_full_pool_says_so_and_is_resumed(portal: Portal, host: libvirt.virConnect, lab: Lab):
    lab.run("mkdir", f"{IMAGES}/small")
    lab.run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", f"{IMAGES}/small")
    try:
        lab.run("qemu-img", "create", "-q", "-f", "qcow2", f"{IMAGES}/small/full.qcow2", "100M")
        portal.manage("vm", "run", "tiny", "--id", "22", "--memory", "128M")
        domain = host.lookupByName("tiny-22")
        policies = etree.fromstring(domain.XMLDesc()).xpath("//disk[@device='disk']/driver/@error_policy")
        assert policies == ["report"]
        domain.destroy()
        domain.attachDeviceFlags(DISK, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
        portal.manage("vm", "start", "tiny-22")
        wait_for(lambda: answer(domain, "echo here") == "here", 90, "a shell in the guest")
        console = Console(domain)
        console.run("(dd if=/dev/zero of=/dev/vdb bs=1M count=32 conv=fsync 2>/dev/null &)")
        full = [libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_IOERROR]
        wait_for(lambda: domain.state() == full, 60, "the VM is paused")
        wait_for(lambda: "pool full" in said(portal, "tiny-22"), 60, "the page says why it is paused")
        page = portal.get("/vms/lab/tiny-22/").text_content()
        assert "the pool of a disk is full. Make room there, then resume it" in page
        lab.run("mount", "-o", "remount,size=200m", f"{IMAGES}/small")
        portal.manage("vm", "resume", "tiny-22")
        wait_for(lambda: "pool full" not in said(portal, "tiny-22"), 20, "it runs again")
        assert domain.state()[0] == libvirt.VIR_DOMAIN_RUNNING
        console.close()
        domain.destroy()
        domain.detachDeviceFlags(DISK, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
        portal.manage("vm", "rm", "tiny-22")
    finally:
        for domain in host.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE):
            domain.destroy()  # it holds the file if the test has failed
        lab.run("umount", f"{IMAGES}/small")
        lab.run("rmdir", f"{IMAGES}/small")
