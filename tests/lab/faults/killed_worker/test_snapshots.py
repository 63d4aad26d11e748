"""A killed worker or libvirt leaves no half-made snapshot: another worker finishes, and the VM can be started."""

from collections.abc import Iterator
from contextlib import closing

import libvirt
import pytest
from lab import Lab

from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

NAME = "tiny-9"
TAKE = ["virDomainSnapshotCreateXML"]
MERGE = [
    *("virDomainCreateWithFlags", "virDomainBlockCommit", "virDomainBlockJobAbort"),
    *("virDomainDestroy", "virDomainSnapshotDelete", "virStorageVolDelete"),
]
REVERT = ["virStorageVolCreateXML", "virDomainDefineXML", "virDomainSnapshotCreateXML", "virStorageVolDelete"]


@pytest.fixture(scope="module")
def vm(portal: Portal, lab: Lab) -> Iterator[set[str]]:
    """A VM that is off; yield the files of its pool."""
    portal.start_worker()
    portal.manage("vm", "run", "tiny", "--id", "9", "--memory", "32M")
    portal.manage("vm", "stop", NAME, "--force")
    portal.kill_worker()
    with closing(libvirt.open(lab.uri)) as host:
        yield files(host)
    portal.start_worker()
    portal.manage("vm", "rm", NAME)
    portal.kill_worker()


def files(host: libvirt.virConnect) -> set[str]:
    pool = host.storagePoolLookupByName("default")
    pool.refresh()
    return {name for name in pool.listVolumes() if NAME in name and "console" not in name}


def manage(portal: Portal, verb: str, *words: str) -> None:
    portal.manage("vm", "snapshot", verb, NAME, "first", *words)


def finished(portal: Portal) -> str:
    """Return the error of the request when it is done; "" if there is none."""
    rows = f"list(SnapshotRequest.objects.filter(vm__name='{NAME}').values_list('done_at', 'error'))"
    ((_, error),) = wait_for(lambda: [row for row in portal.ask(rows) if row[0]], 90, "the request is done")
    return str(error)


def clean_up(portal: Portal, host: libvirt.virConnect, before: set[str]) -> None:
    """Merge the snapshot; nothing of it is left and the VM starts."""
    manage(portal, "rm")
    portal.kill_worker()
    domain = host.lookupByName(NAME)
    assert (domain.snapshotNum(), files(host), domain.isActive()) == (0, before, 0)
    domain.create()
    domain.destroy()


@pytest.mark.parametrize("place", ["--external", "--disks-only"])
def test_taking(portal: Portal, host: libvirt.virConnect, kill, vm: set[str], place: str):
    manage(portal, "take", place, "--no-wait")
    assert kill(1, "after") == TAKE
    assert finished(portal) == ""
    assert host.lookupByName(NAME).listAllSnapshots()[0].getName() == "first"
    clean_up(portal, host, vm)


@pytest.mark.parametrize("at", range(1, len(MERGE) + 1))
def test_merging(portal: Portal, host: libvirt.virConnect, kill, vm: set[str], at: int):
    portal.start_worker()
    manage(portal, "take", "--external")
    portal.kill_worker()
    manage(portal, "merge", "--no-wait")
    assert kill(at, "after") == MERGE[:at]
    assert finished(portal) == ""
    portal.kill_worker()
    domain = host.lookupByName(NAME)
    assert (domain.snapshotNum(), files(host), domain.isActive()) == (0, vm, 0)
    domain.create()
    domain.destroy()


@pytest.mark.parametrize("at", range(1, len(REVERT) + 1))
def test_reverting(portal: Portal, host: libvirt.virConnect, kill, vm: set[str], at: int):
    portal.start_worker()
    manage(portal, "take", "--external")
    portal.kill_worker()
    manage(portal, "revert", "--no-wait")
    assert kill(at, "after") == REVERT[:at]
    assert finished(portal) == ""
    assert len(files(host) - vm) == 1
    clean_up(portal, host, vm)
