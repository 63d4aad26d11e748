"""Snapshots of real guests: what was written after one is gone after the revert, with memory and without."""

import re
from collections.abc import Iterator
from contextlib import suppress

import libvirt
import pytest

from tests.lab.guest import Console
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

NAME = "tiny-71"


@pytest.fixture
def domain(request, portal: Portal, host: libvirt.virConnect) -> Iterator[libvirt.virDomain]:
    """A running guest with an empty second disk."""
    disk = getattr(request, "param", "name=data,size=16M")
    portal.manage("vm", "run", "tiny", "--id", "71", "--memory", "128M", "--disk", disk)
    boot(host)
    yield host.lookupByName(NAME)
    with suppress(libvirt.libvirtError):
        host.lookupByName(NAME).destroy()
    portal.manage("vm", "rm", NAME)
    left = [each for each in host.storagePoolLookupByName("default").listVolumes() if NAME in each]
    assert left == []


def boot(host: libvirt.virConnect) -> None:
    """Wait until the guest has a shell."""
    wait_for(lambda: shell(host, "echo here") == "here", 120, "the guest has booted")


def shell(host: libvirt.virConnect, command: str) -> str:
    """Run a command in the guest; "" while it has no shell."""
    try:
        console = Console(host.lookupByName(NAME))
    except AssertionError:
        return ""
    try:
        return console.run(command)
    finally:
        console.close()


def snapshot(portal: Portal, *words: str, fails: bool = False) -> str:
    verb, *more = words
    return portal.manage("vm", "snapshot", verb, NAME, *more, fails=fails)


def listed(portal: Portal) -> dict[str, dict]:
    """Return the snapshots that the portal knows, by name."""
    names = ("name", "parent", "current", "kind", "memory", "size", "files")
    rows = portal.ask(f"list(Snapshot.objects.filter(vm__name='{NAME}').values(*{names}))")
    return {row["name"]: row for row in rows}


def write(host: libvirt.virConnect, text: str) -> None:
    """Write a word of three letters to the second disk."""
    assert shell(host, f"echo {text} > /word; dd if=/word of=/dev/vdb conv=fsync,notrunc 2>/dev/null; sync") == ""
    assert read(host) == text


def read(host: libvirt.virConnect) -> str:
    """Return the word on the second disk, not in its cache."""
    return shell(host, "echo 3 > /proc/sys/vm/drop_caches; dd if=/dev/vdb bs=3 count=1 2>/dev/null")


def pool(host: libvirt.virConnect) -> set[str]:
    found = host.storagePoolLookupByName("default")
    found.refresh()
    return {name for name in found.listVolumes() if NAME in name and "console" not in name}


def sources(domain: libvirt.virDomain, flags: int = 0) -> list[str]:
    """Return the files of the VM's disks."""
    return re.findall(r"<source (?:file|pool)='([^']*)'[^>]*/>", domain.XMLDesc(flags))


def test_memory_and_disks_are_as_in_the_snapshot_after_a_revert(
    portal: Portal, domain: libvirt.virDomain, host: libvirt.virConnect
):
    write(host, "one")
    shell(host, "echo kept > /memory")
    snapshot(portal, "take", "with memory", "--description", "x <b>")
    assert (listed(portal)["with memory"]["kind"], listed(portal)["with memory"]["memory"]) == ("internal", True)
    write(host, "two")
    shell(host, "echo lost > /memory")
    snapshot(portal, "take", "later")
    snapshot(portal, "revert", "with memory")
    assert host.lookupByName(NAME).isActive()
    assert shell(host, "cat /memory") == "kept"
    assert read(host) == "one"
    assert listed(portal)["with memory"]["current"]
    assert listed(portal)["later"]["parent"] == "with memory"
    snapshot(portal, "rm", "with memory")
    assert set(listed(portal)) == {"later"}
    snapshot(portal, "revert", "later")
    assert (read(host), shell(host, "cat /memory")) == ("two", "lost")
    host.lookupByName(NAME).destroy()
    snapshot(portal, "take", "off")
    assert (listed(portal)["off"]["kind"], listed(portal)["off"]["memory"]) == ("internal", False)
    snapshot(portal, "revert", "off", "--start")
    boot(host)
    assert read(host) == "two"


def test_disks_alone_are_external_reverted_to_and_merged(
    portal: Portal, domain: libvirt.virDomain, host: libvirt.virConnect
):
    before = pool(host)
    write(host, "one")
    snapshot(portal, "take", "first", "--disks-only")
    assert (listed(portal)["first"]["kind"], listed(portal)["first"]["memory"]) == ("external", False)
    assert listed(portal)["first"]["size"] > 0
    write(host, "two")
    snapshot(portal, "take", "second", "--disks-only")
    write(host, "six")
    assert len(pool(host) - before) == 4
    snapshot(portal, "merge", "first")  # in the middle
    assert read(host) == "six"
    assert set(listed(portal)) == {"second"}
    assert len(pool(host) - before) == 2
    snapshot(portal, "revert", "second", "--start")
    boot(host)
    assert read(host) == "two"
    assert len(pool(host) - before) == 2
    write(host, "ten")
    snapshot(portal, "merge", "second")  # the one that the VM writes to
    assert read(host) == "ten"
    assert (listed(portal), pool(host)) == ({}, before)
    host.lookupByName(NAME).destroy()
    host.lookupByName(NAME).create()
    boot(host)
    assert read(host) == "ten"


def test_external_snapshots_of_a_vm_that_is_off(portal: Portal, domain: libvirt.virDomain, host: libvirt.virConnect):
    write(host, "one")
    host.lookupByName(NAME).destroy()
    for name in ("first", "second"):
        snapshot(portal, "take", name, "--external")
    host.lookupByName(NAME).create()
    boot(host)
    write(host, "two")
    host.lookupByName(NAME).destroy()
    snapshot(portal, "revert", "first", "--start")  # the second branches off
    boot(host)
    assert read(host) == "one"
    write(host, "six")
    assert set(listed(portal)) == {"first", "second"}


@pytest.mark.parametrize("domain", ["name=data,size=16M,format=raw"], indirect=True)
def test_a_raw_disk_makes_a_snapshot_with_memory_external(
    portal: Portal, domain: libvirt.virDomain, host: libvirt.virConnect
):
    write(host, "one")
    shell(host, "echo kept > /memory")
    snapshot(portal, "take", "raw")
    assert (listed(portal)["raw"]["kind"], listed(portal)["raw"]["memory"]) == ("external", True)
    assert len(listed(portal)["raw"]["files"]) == 3
    write(host, "two")
    shell(host, "echo lost > /memory")
    snapshot(portal, "revert", "raw")
    assert (read(host), shell(host, "cat /memory")) == ("one", "kept")
