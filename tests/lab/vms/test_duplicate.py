"""A real guest is duplicated: what it has stored is in the copy, which has an address, MACs and disks of its own."""

import libvirt
import pytest
from lab import Lab
from lxml import etree

from tests.lab.state import things
from tests.lab.vms.test_power import answer
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

FOLDER = "/var/lib/libvirt/images"


def disks(domain: libvirt.virDomain) -> dict[str, str]:
    found = etree.fromstring(domain.XMLDesc()).iterfind("devices/disk[@device='disk']")
    return {disk.find("target").get("dev"): disk.xpath("string(source/@volume)") for disk in found}


def test_a_guest_is_duplicated_with_what_it_has_stored(portal: Portal, host: libvirt.virConnect, lab: Lab):
    before = things(host)
    portal.manage("vm", "run", "tiny", "--id", "71", "--memory", "128M", "--disk", "name=data,size=8M,format=raw")
    original = host.lookupByName("tiny-71")
    wait_for(lambda: answer(original, "echo here") == "here", 90, "a shell in the guest")
    wait_for(lambda: answer(original, "echo kept > /dev/vdb && sync && head -c 4 /dev/vdb") == "kept", 30, "stored")
    assert "is not off" in portal.manage("vm", "duplicate", "tiny-71", "--id", "72", fails=True)
    portal.manage("vm", "stop", "tiny-71", "--force")

    portal.manage("vm", "duplicate", "tiny-71", "--id", "72")
    portal.manage("vm", "duplicate", "tiny-71", "--id", "73", "--no-start")
    copy, off = host.lookupByName("tiny-72"), host.lookupByName("tiny-73")
    assert (copy.isActive(), off.isActive()) == (1, 0)
    assert disks(copy) == {"vda": "virter:work:tiny-72", "vdb": "virter:work:tiny-72-data"}
    assert '52:54:00:00:00:48"' in copy.XMLDesc().replace("'", '"')
    assert original.UUIDString() != copy.UUIDString()
    wait_for(lambda: answer(copy, "head -c 4 /dev/vdb") == "kept", 90, "the copy has what was stored")
    assert "backing file" not in lab.run("qemu-img", "info", "-U", f"{FOLDER}/virter:work:tiny-72")
    assert portal.ask("[vm.state for vm in VM.objects.order_by('number')]") == ["ready"] * 3

    portal.manage("vm", "start", "tiny-71", "tiny-73")  # all of them are independent
    portal.manage("vm", "rm", "tiny-71", "tiny-72", "tiny-73")
    assert things(host) == before
