"""The page of the snapshots of a VM, the forms beside it, exports and rights."""

import csv
import json

import pytest
from django.utils import timezone
from lxml import html

from tests.support.making import everyone
from tests.vms.snapshots.snapped_vm import DOMAIN, NIC
from virterweb.hypervisors.desired.refusals import InvalidTransition
from virterweb.people.models import Grant
from vms.models import VM, Snapshot, SnapshotRequest
from vms.snapshots import requests

pytestmark = pytest.mark.integration

PAGE = "/vms/lab-1/web/snapshots/"


def shown(page, path: str = PAGE) -> html.HtmlElement:
    answer = page.get(path)
    assert answer.status_code == 200
    return html.fromstring(answer.content.decode())


def text(root: html.HtmlElement) -> str:
    return " ".join(root.xpath("string(//main)").split())


def take(page, name: str, **values: str):
    return page.post(f"{PAGE}take/", {"name": name, "description": "", "kind": "", **values})


def confirm(page, path: str, **values: str):
    """Open the page that shows what happens, and send its form."""
    token = shown(page, path).xpath("string(//input[@name='token']/@value)")
    return page.post(path, {"token": token, **values})


def test_a_vm_without_snapshots_says_what_they_are_for(world, page):
    assert "No snapshots yet." in text(shown(page))


def test_a_snapshot_is_taken_from_its_form_and_listed(world, page):
    assert take(page, "before <b>upgrade 🎉", description="a & b\nc").status_code == 302
    assert "In progress: taking before <b>upgrade 🎉" in text(shown(page))
    world.work()
    root = shown(page)
    assert "before <b>upgrade 🎉" in text(root)
    assert root.xpath("//td[contains(., 'before')]//span[@class='tag']/text()") == ["current"]
    assert "In progress" not in text(root)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "This field is required"),
        ("a/b", "cannot contain /"),
        (".hidden", "begin with a dot"),
        ("x" * 300, "at most 100 characters"),
        ("🎉" * 60, "at most 100 characters"),
        ("12", "cannot be a number"),
        ("a\x07b", "visible characters only"),
        ("a\u202eb", "visible characters only"),
    ],
)
def test_names_that_libvirt_or_qemu_would_mistake_are_refused(world, page, name, reason):
    answer = take(page, name)
    assert answer.status_code == 422
    assert reason in answer.content.decode()
    assert not SnapshotRequest.objects.exists()


def test_spaces_in_a_name_stay_and_those_at_its_ends_go(world, page):
    take(page, "  two words ")
    assert SnapshotRequest.objects.get().name == "two words"


@pytest.mark.parametrize("description", ["x" * 1001, "a\x00b", "a\x1bb"])
def test_descriptions_that_no_document_can_have_are_refused(world, page, description):
    assert take(page, "first", description=description).status_code == 422


def test_a_name_that_exists_and_a_second_request_are_refused_in_the_form(world, page):
    world.snapshot("first")
    assert "already has a snapshot first" in take(page, "first").content.decode()
    take(page, "second")
    assert "in progress" in take(page, "third").content.decode()


def test_the_form_says_when_only_external_files_are_possible(world, page):
    assert "Only external files" not in text(shown(page, f"{PAGE}take/"))
    world.define(DOMAIN.replace("qcow2", "raw"))
    assert "The disk vda has the format raw" in text(shown(page, f"{PAGE}take/"))


def test_only_a_running_vm_has_memory_to_include(world, page):
    assert not shown(page, f"{PAGE}take/").xpath("//input[@name='memory']")
    world.domain.create()
    world.poll()
    assert shown(page, f"{PAGE}take/").xpath("//input[@name='memory']")


def test_the_preview_of_a_revert_names_what_is_lost_and_which_nics_differ(world, page):
    world.vm.adopt()
    found = world.snapshot("first")
    world.define(DOMAIN.replace("52:54:00:00:00:01", "52:54:00:00:00:03").replace("1024", "2048"))
    world.define(DOMAIN.replace("</devices>", NIC.format("02") + "</devices>").replace("<memory>1024", "<memory>2048"))
    world.domain.create()
    world.poll()
    path = f"{PAGE}{found.pk}/revert/"
    said = text(shown(page, path))
    assert "What was written to the disks of web after" in said
    assert "what it has in memory is lost" in said
    assert "NIC 52:54:00:00:00:02 on user" in said
    assert "Memory: 2 MiB → 1 MiB" in said
    assert "changed outside the portal" in said
    assert confirm(page, path).status_code == 302
    assert not world.work().error
    assert len(world.domain.XMLDesc().split("<interface")) == 2
    assert "Snapshots" in text(shown(page))


def test_a_revert_is_not_confirmed_if_the_vm_has_changed_since(world, page):
    found = world.snapshot("first")
    path = f"{PAGE}{found.pk}/revert/"
    token = shown(page, path).xpath("string(//input[@name='token']/@value)")
    world.define(DOMAIN.replace("</devices>", NIC.format("02") + "</devices>"))
    answer = page.post(path, {"token": token})
    assert answer.status_code == 409
    assert "Not reverted" in answer.content.decode()
    assert page.post(path, {}).status_code == 409
    assert not SnapshotRequest.objects.exists()


def test_deleting_names_the_snapshots_that_stay(world, page):
    found = world.snapshot("first")
    world.snapshot("second")
    assert "so do the snapshots that follow: second" in text(shown(page, f"{PAGE}{found.pk}/delete/"))
    assert confirm(page, f"{PAGE}{found.pk}/delete/").status_code == 302
    world.work()
    assert world.names() == {"second"}


def test_a_request_that_failed_is_said_until_the_next_one(world, page):
    found = world.snapshot("first")
    confirm(page, f"{PAGE}{found.pk}/revert/")
    world.domain.snapshotLookupByName("first").delete()
    world.work()
    assert "Failed: reverting to first" in text(shown(page))
    assert "no longer has the snapshot first" in text(shown(page))
    assert page.get(f"{PAGE}{found.pk}/revert/").status_code == 404


def test_a_request_that_waits_can_be_cancelled(world, page):
    take(page, "first")
    assert page.post(f"{PAGE}cancel/").status_code == 302
    assert world.work().error.code == "snapshot.cancelled"
    assert world.names() == set()


def test_the_snapshots_are_exported_as_csv_and_json(world, page):
    world.snapshot("first")
    world.snapshot("=second", more="<description>a,b</description>")
    rows = json.loads(page.get("/vms/lab-1/web/snapshots.json").content)
    assert [(row["name"], row["parent"], row["current"], row["kind"]) for row in rows] == [
        ("first", "", False, "internal"),
        ("=second", "first", True, "internal"),
    ]
    table = list(csv.DictReader(page.get("/vms/lab-1/web/snapshots.csv").content.decode().splitlines()))
    assert [row["name"] for row in table] == ["first", "'=second"]


def test_fifty_snapshots_are_shown_by_pages(world, page):
    for number in range(50):
        world.domain.snapshotCreateXML(f"<domainsnapshot><name>s{number:02}</name></domainsnapshot>")
    world.poll()
    assert "1–40 of 50" in text(shown(page))
    assert "s49" in text(shown(page, f"{PAGE}?page=2"))


def test_viewers_see_snapshots_and_users_take_them(world, member, member_page):
    world.vm.adopt()
    VM.objects.update(team=everyone(), owner=member)
    found = world.snapshot("first")
    assert "first" in text(shown(member_page))
    assert member_page.get(f"{PAGE}take/").status_code == 200
    assert member_page.get(f"{PAGE}{found.pk}/revert/").status_code == 200


def test_a_revert_does_not_give_back_what_an_operator_has_taken_away(world, member, member_page):
    world.vm.adopt()
    VM.objects.update(team=everyone(), owner=member)
    secret = "<hostdev mode='subsystem' type='usb'><source><address bus='1' device='2'/></source></hostdev>"
    world.define(DOMAIN.replace("</devices>", f"{secret}</devices>"))
    found = world.snapshot("with device")
    world.define(DOMAIN)
    answer = member_page.post(f"{PAGE}{found.pk}/revert/", {"token": ""})
    assert answer.status_code == 403
    assert "Only operators may revert to it" in answer.content.decode()
    bridge = "<interface type='bridge'><mac address='52:54:00:00:00:05'/><source bridge='br0'/></interface>"
    world.define(DOMAIN.replace("</devices>", f"{bridge}</devices>"))
    found = world.snapshot("with bridge")
    world.define(DOMAIN)
    assert member_page.get(f"{PAGE}{found.pk}/revert/").status_code == 403


def test_the_quota_is_said_in_the_form(world, page):
    world.vm.adopt()
    VM.objects.update(team=everyone())
    Grant.objects.filter(team=everyone()).update(max_snapshots=0)
    answer = take(page, "first")
    assert answer.status_code == 422
    assert "1 of 0 snapshots" in answer.content.decode()
    assert not SnapshotRequest.objects.exists()
    assert not Snapshot.objects.exists()


def test_a_snapshot_beneath_overlays_says_so_before_the_revert(world, page, user):
    inside = world.snapshot("inside")
    world.vm.snapshots.create(name="outside", kind="external", taken_at=inside.taken_at, files=["/pool/vda.s1"])
    world.vm.status.write(document=world.vm.status.document.replace("/pool/vda", "/pool/vda.s1"))
    root = shown(page, f"{PAGE}{inside.pk}/revert/")
    assert "Merge or delete these first." in text(root)
    assert not root.xpath("//main//form//button[contains(., 'Revert')]")
    with pytest.raises(InvalidTransition, match="Merge or delete these first"):
        requests.revert(world.vm, inside, user, start=False)


def test_an_external_snapshot_is_merged_in_all_headings(world, page):
    found = world.vm.snapshots.create(name="outside", kind="external", taken_at=timezone.now(), files=["/pool/vda.s1"])
    root = shown(page, f"{PAGE}{found.pk}/delete/")
    assert root.xpath("string(//title)").strip().startswith("Merge snapshot of web")
    assert root.xpath("string(//nav[@class='crumbs']/div[last()])").strip() == "Merge snapshot"
