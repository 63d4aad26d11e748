"""A real worker says which step it is in and how many bytes are done, until the work has ended; also after a kill."""

from collections.abc import Iterator

import libvirt
import pytest
from lab import Lab

from tests.lab.state import things
from tests.lab.workers import Workers
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

ENTRIES = "list(Entry.objects.filter(event='{}').values('result', 'moved_bytes'))"
OF_ENTRIES = "from virterweb.activity.models import Entry"


@pytest.fixture(scope="module")
def portal(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    portal = Portal(tmp_path_factory.mktemp("portal"), {"lab": lab.uri})
    portal.start_worker()
    wait_for(lambda: portal.ask("Image.objects.count()"), 60, "the first poll")
    portal.ask("Hypervisor.objects.update(domain_type='qemu')")  # so that no worker tests KVM with a guest
    portal.manage("vm", "run", "tiny", "--id", "8", "--memory", "32M")
    portal.manage("vm", "stop", "tiny-8", "--force")
    portal.kill_worker()
    yield portal
    portal.start_worker()
    portal.manage("vm", "rm", "tiny-8")
    portal.stop()


def step(portal: Portal, rows: str) -> tuple[str, int, int]:
    """Return the step of the one row with a step, and its bytes; "" if there is none."""
    found = f"[(str(r.progress), r.done_bytes, r.total_bytes) for r in {rows}.objects.exclude(progress='')]"
    return next((tuple(row) for row in portal.ask(found)), ("", 0, 0))


def test_a_duplicate_says_what_is_copied_and_a_killed_worker_leaves_no_step(
    portal: Portal, host: libvirt.virConnect, workers: Workers
):
    before = things(host)
    portal.manage("vm", "duplicate", "tiny-8", "--id", "9", "--no-start", "--no-wait")
    workers.start("killed", 2, "after")
    text, done, _ = wait_for(lambda: (found := step(portal, "VMStatus"))[1] and found, 60, "bytes are copied")
    assert text == "copying the disk virter:work:tiny-9 (1 of 1)"
    assert done > 100_000
    workers.kill()
    assert step(portal, "VMStatus")[1] == done
    workers.start("other")
    wait_for(lambda: portal.ask("VM.objects.get(number=9).state") == "ready", 60, "another worker has finished it")
    assert step(portal, "VMStatus") == ("", 0, 0)
    assert portal.ask(ENTRIES.format("duplicated"), OF_ENTRIES) == [{"result": "done", "moved_bytes": done}]
    portal.manage("vm", "rm", "tiny-9")
    assert things(host) == before


def test_a_merge_says_how_many_bytes_of_which_disk_are_merged(portal: Portal, lab: Lab, workers: Workers):
    workers.start("first")
    portal.manage("vm", "snapshot", "take", "tiny-8", "first", "--external")
    workers.kill()
    (overlay,) = portal.ask("Snapshot.objects.get().files")
    lab.run("qemu-io", "-f", "qcow2", "-c", "write -q 1M 8M", overlay)
    portal.manage("vm", "snapshot", "merge", "tiny-8", "first", "--no-wait")
    workers.start("held", 2, "after")
    seen = wait_for(lambda: (found := step(portal, "SnapshotRequest"))[2] and found, 60, "the job of the disk is seen")
    assert seen[0] == "merging the disk vda (1 of 1)"
    assert 0 < seen[1] <= seen[2]
    workers.release()
    wait_for(lambda: portal.ask("SnapshotRequest.objects.get().done_at"), 60, "the merge has ended")
    assert step(portal, "SnapshotRequest") == ("", 0, 0)
    assert portal.ask(ENTRIES.format("snapshot merged"), OF_ENTRIES) == [{"result": "done", "moved_bytes": seen[2]}]
