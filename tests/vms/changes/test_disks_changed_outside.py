"""Disks that were detached or attached outside the portal are shown, accepted and reverted."""

import re

import pytest
from django.utils import timezone

from tests.support.making import everyone
from tests.vms.changes.outside_changes import OTHER, UUID, Lab, table
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.gateway.found import Refused
from vms.definition import disks as disk_xml
from vms.definition.disks import DiskSpec
from vms.models import Disk

pytestmark = pytest.mark.integration

BOOT, MORE = "/pool/boot.qcow2", "/pool/more.raw"


def disk(target: str, path: str, bus: str = "virtio") -> str:
    return f"<disk type='file' device='disk'><source file='{path}'/><target dev='{target}' bus='{bus}'/></disk>"


DRIVE = "<disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/></disk>"


def with_disks(document: str, *devices: str) -> str:
    bare = re.sub(r"<disk.*?</disk>", "", document, flags=re.DOTALL)
    return bare.replace("</devices>", f"{''.join(devices)}</devices>", 1)


@pytest.fixture
def off(lab: Lab) -> Lab:
    """The VM is off, has a boot disk and a drive, and is managed."""
    lab.define(with_disks(lab.documents()[1], disk("vda", BOOT), DRIVE))
    lab.shut_off()
    lab.adopt()
    return lab


def targets(lab: Lab) -> dict[str, str]:
    return {each.target: each.source for each in map(disk_xml.parse_device, devices(lab).values())}


def devices(lab: Lab) -> dict[str, str]:
    return disk_xml.devices(lab.documents()[1])


def test_a_disk_that_was_attached_outside_is_shown_and_accepted(page, off):
    off.define(with_disks(off.documents()[1], disk("vda", BOOT), disk("vdb", MORE)))
    assert table(page) == [["Disk vdb", "none", MORE, "–"]]
    assert off.vm.status.drifts == [f"Disk vdb: found {MORE}, expected none"]
    off.say(page, "take")
    assert off.observe().state == State.READY
    assert sorted(off.vm.saved_disks) == ["vda", "vdb"]


def test_a_disk_that_was_attached_outside_is_detached_by_a_revert(page, off):
    off.define(with_disks(off.documents()[1], disk("vda", BOOT), disk("vdb", MORE)))
    off.say(page, "revert")
    off.push()
    assert targets(off) == {"vda": BOOT}
    assert off.vm.state == State.READY


def test_a_disk_that_was_detached_outside_is_shown_and_attached_by_a_revert(page, off):
    off.define(with_disks(off.documents()[1], DRIVE))
    assert table(page) == [["Disk vda", BOOT, "missing", "–"]]
    off.say(page, "revert")
    off.push()
    assert targets(off) == {"vda": BOOT}
    assert off.vm.state == State.READY


def test_a_disk_that_is_stored_elsewhere_is_shown_and_reverted(page, off):
    off.define(with_disks(off.documents()[1], disk("vda", MORE)))
    assert table(page) == [["Disk vda", BOOT, MORE, "–"]]
    off.say(page, "revert")
    off.push()
    assert targets(off) == {"vda": BOOT}


def test_an_overlay_of_a_snapshot_is_no_difference(page, off):
    off.vm.snapshots.create(name="before", taken_at=timezone.now())
    off.define(with_disks(off.documents()[1], disk("vda", "/pool/boot.before")))
    assert off.vm.state == State.READY


def test_media_and_drives_are_no_difference(off):
    off.define(with_disks(off.documents()[1], disk("vda", BOOT)))
    assert off.vm.state == State.READY


def test_a_volume_that_is_gone_is_named(page, off):
    spec = DiskSpec(target="vdb", bus="virtio", pool="default-pool", volume="gone", format="raw")
    off.define(with_disks(off.documents()[1], disk("vda", BOOT), disk_xml.new_disk(spec)))
    off.say(page, "take")
    off.observe()
    off.define(with_disks(off.documents()[1], disk("vda", BOOT)))
    off.say(page, "revert")
    with pytest.raises(Exception, match="gone"):
        off.push()
    assert targets(off) == {"vda": BOOT}


def test_a_disk_that_only_the_next_boot_brings_is_no_difference(lab):
    lab.define(with_disks(lab.documents()[1], disk("hda", BOOT, "ide")))
    lab.adopt()
    assert "hda" in lab.vm.saved_disks
    assert lab.vm.state == State.READY


def test_vms_of_earlier_versions_keep_the_disks_that_they_have(off):
    type(off.vm).objects.update(saved_disks=None)
    off.define(with_disks(off.documents()[1], disk("vda", BOOT), disk("vdb", MORE)))
    assert off.vm.state == State.READY
    assert sorted(off.vm.saved_disks) == ["vda", "vdb"]


def test_the_saved_definition_has_the_saved_disks(off):
    off.define(with_disks(off.documents()[1], disk("vdb", MORE)))
    saved = disk_xml.devices(off.vm.revision_values()["document"])
    assert sorted(saved) == ["vda"]


def test_a_revert_never_puts_the_base_in_the_place_of_an_overlay_of_a_snapshot(page, off):
    off.connection.session.libvirt.lookupByName("web").snapshotCreateXML(
        "<domainsnapshot><name>s1</name></domainsnapshot>"
    )
    off.define(with_disks(off.documents()[1], disk("vda", "/pool/boot.s1"), disk("vdb", MORE)))
    off.say(page, "revert")
    with pytest.raises(Refused, match="has snapshots, whose overlays"):
        off.push()
    assert targets(off) == {"vda": "/pool/boot.s1", "vdb": MORE}


def test_a_disk_that_another_vm_has_by_now_is_not_attached_again(page, off):
    document = off.documents()[1]
    other = document.replace(UUID, OTHER).replace(">web<", ">other<")
    off.define(with_disks(document, DRIVE))
    off.connection.domains.define(with_disks(other, disk("vda", BOOT)), "other")
    off.say(page, "revert")
    with pytest.raises(Refused, match="Another VM has the disk"):
        off.push()
    assert targets(off) == {}


def test_only_operators_attach_a_disk_again_that_is_in_no_pool(member_page, member, off):
    off.vm.belong_to(member, everyone())
    off.define(with_disks(off.documents()[1], DRIVE))
    answer = member_page.post("/vms/lab-1/web/revert/")
    assert answer.status_code == 403
    assert f"attach the disk {BOOT}" in answer.content.decode()


def test_a_disk_that_was_attached_while_snapshots_moved_the_others_is_kept(off):
    before = off.vm
    off.vm.keep_disk("vdc", disk("vdc", MORE))
    before.follow_sources(with_disks(off.documents()[1], disk("vda", "/pool/boot.s1")))
    assert {target: disk_xml.parse_device(text).source for target, text in off.vm.saved_disks.items()} == {
        "vda": "/pool/boot.s1",
        "vdc": MORE,
    }


def test_the_history_names_a_disk_at_the_change_that_requested_it(off):
    off.vm.add_disk(Disk(name="more", size=64))
    off.vm.resize(96, 1, None, {})
    off.vm.keep_disk("vdc", disk("vdc", MORE))
    resized, added = off.vm.revisions.all()[:2]
    assert [each.field for each in added.changes] == ["Disk vdc"]
    assert {each.field for each in resized.changes} == {"Memory", "vCPUs"}
