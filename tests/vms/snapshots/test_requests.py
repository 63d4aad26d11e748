"""Snapshots are taken, reverted to and deleted as requested, once, with an entry in the activity log."""

import pytest
from django.utils import timezone

from tests.support.making import everyone
from tests.vms.snapshots.snapped_vm import CDROM, DEVICES, DOMAIN, NIC
from virterweb.activity.models import Entry
from virterweb.hypervisors.desired.refusals import InvalidTransition
from virterweb.people.limits import Exceeded
from virterweb.people.models import Grant
from vms.definition.snapshots import document as snapshot_xml
from vms.models import VM, Snapshot, SnapshotRequest
from vms.snapshots import requests
from vms.usage import use

pytestmark = pytest.mark.integration


def entries() -> list[tuple[str, str]]:
    found = Entry.objects.filter(event__startswith="snapshot ").order_by("pk")
    return [(each.what, each.result) for each in found]


def test_a_snapshot_is_taken_with_its_name_and_description(world, user):
    requests.take(world.vm, "before <b>", user, description="x & y")
    assert entries() == [("snapshot before <b> requested", "")]
    assert (world.work().error.code, world.names()) == ("", {"before <b>"})
    taken = world.vm.snapshots.get()
    assert (taken.description, taken.current) == ("x & y", True)
    assert entries() == [("snapshot before <b> requested", "done")]
    assert Entry.objects.latest("pk").user == user


def test_the_vm_is_as_in_the_snapshot_after_a_revert(world, user):
    first = world.snapshot("off")
    world.domain.create()
    world.snapshot("on")
    requests.revert(world.vm, first, user, start=False)
    assert not world.work().error
    assert not world.domain.isActive()
    world.poll()
    assert world.vm.snapshots.get(current=True).name == "off"


def test_a_deleted_snapshot_leaves_its_children(world, user):
    first = world.snapshot("first")
    world.snapshot("second")
    requests.delete(world.vm, first, user)
    assert not world.work().error
    assert world.names() == {"second"}
    assert world.vm.snapshots.get().parent == ""


def test_a_snapshot_that_others_deleted_meanwhile_counts_as_deleted_and_cannot_be_reverted_to(world, user):
    for verb, error in (("delete", ""), ("revert", "snapshot.gone")):
        found = world.snapshot("first")
        more = {"start": False} if verb == "revert" else {}
        getattr(requests, verb)(world.vm, found, user, **more)
        world.domain.snapshotLookupByName("first").delete()
        assert world.work().error.code == error
        assert not Snapshot.objects.exists()


def test_a_name_that_exists_is_refused_also_if_others_took_it_first(world, user):
    world.snapshot("first")
    with pytest.raises(InvalidTransition, match="already has a snapshot first"):
        requests.take(world.vm, "first", user)
    requests.take(world.vm, "second", user)
    world.domain.snapshotCreateXML("<domainsnapshot><name>second</name></domainsnapshot>")
    assert world.work().error.code == "snapshot.exists"
    assert entries() == [("snapshot second requested", "failed")]


def test_another_worker_finishes_what_an_interrupted_one_has_taken(world, user):
    requests.take(world.vm, "first", user)
    SnapshotRequest.objects.get().note(begun=True, files=[])
    world.domain.snapshotCreateXML("<domainsnapshot><name>first</name></domainsnapshot>")
    assert not world.work().error
    assert world.names() == {"first"}


def test_a_snapshot_that_was_cancelled_while_it_was_interrupted_is_not_taken(world, user):
    requests.take(world.vm, "first", user)
    SnapshotRequest.objects.get().note(begun=True, files=[])
    requests.cancel(world.vm, user)
    assert world.work().error.code == "snapshot.cancelled"
    assert world.names() == set()


def test_a_revert_that_was_interrupted_long_ago_is_not_repeated(world, user):
    found = world.snapshot("off")
    requests.revert(world.vm, found, user, start=False)
    SnapshotRequest.objects.get().note(begun="2020-01-01T00:00:00+00:00")
    world.domain.create()
    assert world.work().error.code == "snapshot.interrupted"
    assert world.domain.isActive()


def test_one_request_at_a_time(world, user):
    requests.take(world.vm, "first", user)
    with pytest.raises(InvalidTransition, match="in progress"):
        requests.take(world.vm, "second", user)
    world.work()
    requests.take(world.vm, "second", user)
    world.work()
    assert world.names() == {"first", "second"}


def test_a_vm_that_is_being_deleted_gets_no_snapshot(world, user):
    requests.take(world.vm, "first", user)
    VM.objects.update(managed=True, removed_at=timezone.now())
    assert world.work().error.code == "snapshot.vm_deleted"
    with pytest.raises(InvalidTransition, match="is being deleted"):
        requests.take(world.vm, "second", user)


def test_a_request_ends_with_its_vm(world, user):
    requests.take(world.vm, "first", user)
    world.vm.delete()
    assert not SnapshotRequest.objects.exists()
    assert entries() == [("snapshot first requested", "failed")]


def test_a_transient_vm_gets_no_snapshot(world, user):
    world.domain.create()
    world.domain.undefine()
    world.poll()
    with pytest.raises(InvalidTransition, match="transient"):
        requests.take(world.vm, "first", user)


def test_a_vm_without_a_disk_gets_no_snapshot(world, user):
    world.define(DOMAIN.replace(DEVICES, CDROM))
    with pytest.raises(InvalidTransition, match="no disk that can be written to"):
        requests.take(world.vm, "first", user)


def test_only_external_snapshots_can_be_merged(world, user):
    found = world.snapshot("first")
    with pytest.raises(InvalidTransition, match="nothing to merge"):
        requests.merge(world.vm, found, user)


def test_the_definition_comes_back_and_differs_from_the_saved_one(world, user):
    world.vm.adopt()
    found = world.snapshot("one NIC")
    world.define(DOMAIN.replace("</devices>", NIC.format("02") + "</devices>"))
    requests.revert(world.vm, found, user, start=False)
    assert not world.work().error
    assert len(snapshot_xml.etree.fromstring(world.domain.XMLDesc()).findall("devices/interface")) == 1


@pytest.mark.parametrize(
    ("document", "running", "memory", "reason"),
    [
        (DOMAIN, False, False, ""),
        (DOMAIN, True, True, ""),
        (DOMAIN, True, False, "snapshot.disks_only"),
        (DOMAIN.replace("qcow2", "raw"), False, False, "snapshot.not_qcow2"),
        (DOMAIN.replace("<os>", "<os firmware='efi'>"), False, False, "snapshot.uefi"),
        (DOMAIN.replace("<os>", "<os><loader type='pflash'>/x</loader>"), True, True, "snapshot.uefi"),
    ],
)
def test_why_a_snapshot_is_external(document, running, memory, reason):
    assert snapshot_xml.why_external(document, running=running, memory=memory).code == reason


def test_cd_roms_are_left_out_of_snapshots():
    assert [each.target for each in snapshot_xml.disks(DOMAIN)] == ["vda"]
    assert snapshot_xml.targets_left_out(DOMAIN) == ("hda",)
    document = snapshot_xml.build("a", "", {"vda": None, "hda": ""})
    assert '<disk name="hda" snapshot="no"/>' in document


def test_an_overlay_is_named_after_the_disk_and_not_after_an_overlay_on_it():
    once = snapshot_xml.overlay_of("/pool/disk", "0a1b2c3d")
    assert once == "/pool/disk.snapshot-0a1b2c3d"
    assert snapshot_xml.overlay_of(once, "ffffffff") == "/pool/disk.snapshot-ffffffff"


def test_the_team_of_the_vm_may_have_so_many_snapshots_and_requests_count(world, user):
    world.vm.adopt(user)
    VM.objects.update(team=everyone())
    Grant.objects.filter(team=everyone()).update(max_snapshots=1)
    requests.take(world.vm, "first", user)
    assert use(everyone().pk, None)["snapshots"] == 1
    with pytest.raises((Exceeded, InvalidTransition)):
        requests.take(world.vm, "second", user)
    world.work()
    assert use(everyone().pk, None)["snapshots"] == 1
    with pytest.raises(Exceeded, match="2 of 1 snapshots"):
        requests.take(world.vm, "second", user)
    assert SnapshotRequest.objects.get().name == "first"
    world.domain.snapshotLookupByName("first").delete()
    world.poll()
    requests.take(world.vm, "second", user)
