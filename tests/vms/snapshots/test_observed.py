"""Snapshots of any origin are recorded by polls, which read documents only if something may have changed."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from vms.models import Snapshot
from vms.snapshots.tree import tree
from vms.sync import polling

pytestmark = pytest.mark.integration


def test_snapshots_of_others_are_recorded_with_parent_and_current_one(world):
    world.snapshot("first")
    world.snapshot("second", more="<description>two\nlines</description>")
    first, second = world.vm.snapshots.all()
    assert (first.parent, first.current, first.state, first.kind) == ("", False, "shutoff", "internal")
    assert (second.parent, second.current, second.description) == ("first", True, "two\nlines")
    assert "<devices>" in second.document
    assert abs(second.taken_at - timezone.now()) < timedelta(minutes=1)


def test_a_snapshot_that_others_deleted_is_no_longer_shown(world):
    world.snapshot("first")
    world.domain.snapshotLookupByName("first").delete()
    world.poll()
    assert not Snapshot.objects.exists()


def test_a_poll_without_changes_reads_no_snapshot_and_writes_nothing(world, monkeypatch):
    for number in range(3):
        world.snapshot(f"s{number}")
    read = []
    monkeypatch.setattr(world.connection.snapshots, "all", lambda uuid: read.append(uuid))
    with CaptureQueriesContext(connection) as seen:
        world.poll()
    assert read == []
    of_snapshots = [each["sql"] for each in seen if "vms_snapshot" in each["sql"]]
    assert of_snapshots
    assert not [sql for sql in of_snapshots if sql.startswith(("INSERT", "UPDATE", "DELETE"))]


def test_snapshots_are_read_again_when_the_vm_changes_and_from_time_to_time(world):
    world.snapshot("first")
    Snapshot.objects.update(description="stale")
    world.poll()
    assert world.vm.snapshots.get().description == "stale"
    world.domain.create()
    world.poll()
    assert world.vm.snapshots.get().description == ""
    Snapshot.objects.update(description="stale", read_at=timezone.now() - timedelta(minutes=2))
    world.poll()
    assert world.vm.snapshots.get().description == ""


def test_the_rows_of_snapshots_stay_the_same_when_others_come_and_go(world):
    key = world.snapshot("first").pk
    world.snapshot("second")
    world.domain.snapshotLookupByName("second").delete()
    world.poll()
    assert [each.pk for each in world.vm.snapshots.all()] == [key]


def test_fifty_snapshots_are_a_tree_in_order(world):
    for number in range(50):
        world.domain.snapshotCreateXML(f"<domainsnapshot><name>s{number:02}</name></domainsnapshot>")
    world.poll()
    rows = tree(world.vm.snapshots.all())
    assert [(row.snapshot.name, row.depth) for row in rows] == [(f"s{number:02}", number) for number in range(50)]


def test_snapshots_whose_parents_are_in_a_circle_are_all_shown(world):
    world.snapshot("a")
    world.snapshot("b")
    Snapshot.objects.filter(name="a").update(parent="b")
    assert {row.snapshot.name for row in tree(world.vm.snapshots.all())} == {"a", "b"}


def test_a_vm_that_is_undefined_has_no_snapshots_any_more(world):
    world.snapshot("first")
    world.domain.undefineFlags(2)  # with the snapshots

    polling.observe(world.hypervisor, world.connection)
    assert not Snapshot.objects.exists()
