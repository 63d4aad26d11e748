"""Real guests: a linked clone and its original have disks of their own, and the base beneath does not change."""

import libvirt
import pytest
from lab import Lab

from tests.lab.state import things
from tests.lab.vms.test_power import answer
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

FOLDER = "/var/lib/libvirt/images"
BASES = [f"{FOLDER}/virter:work:tiny-71{rest}" for rest in ("", "-data")]


def digests(lab: Lab) -> str:
    return lab.run("sha256sum", *BASES)


def write(guest: libvirt.virDomain, text: str) -> None:
    wait_for(lambda: answer(guest, "echo here") == "here", 120, "a shell in the guest")
    there = f"echo {text} > /dev/vdb && sync && head -c 4 /dev/vdb"
    wait_for(lambda: answer(guest, there) == text, 30, "stored")


def test_a_linked_clone_and_its_original_do_not_see_each_others_writes(
    portal: Portal, host: libvirt.virConnect, lab: Lab
):
    before = things(host)
    portal.manage("vm", "run", "tiny", "--id", "71", "--memory", "128M", "--disk", "name=data,size=8M,format=raw")
    original = host.lookupByName("tiny-71")
    write(original, "base")
    portal.manage("vm", "stop", "tiny-71", "--force")
    portal.manage("vm", "snapshot", "take", "tiny-71", "base", "--external")
    bases = digests(lab)
    portal.manage("vm", "start", "tiny-71")
    portal.manage("vm", "duplicate", "tiny-71", "--id", "72", "--linked", "base")
    clone = host.lookupByName("tiny-72")
    wait_for(lambda: answer(clone, "head -c 4 /dev/vdb") == "base", 120, "the clone has what was stored")
    write(clone, "copy")
    write(original, "orig")
    assert answer(clone, "head -c 4 /dev/vdb") == "copy"
    assert answer(original, "head -c 4 /dev/vdb") == "orig"
    assert digests(lab) == bases

    refused = portal.manage("vm", "snapshot", "merge", "tiny-71", "base", fails=True)
    assert "the disks of the VM tiny-72 are based on it. Delete that VM first" in refused
    assert "tiny-72" in portal.manage("vm", "rm", "tiny-71", fails=True)
    assert digests(lab) == bases
    portal.manage("vm", "rm", "tiny-72")
    portal.manage("vm", "snapshot", "merge", "tiny-71", "base")
    portal.manage("vm", "rm", "tiny-71")
    assert things(host) == before
