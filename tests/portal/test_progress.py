"""Pages show the step of each kind of work with its bytes, percent and time; Activity keeps what it took."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from lxml import html

from tests.support.making import make_hypervisor, make_image, make_network, make_vm
from virterweb.activity.models import Entry
from virterweb.hypervisors.desired.revisions import note_activity
from virterweb.messages import Message
from vms.images.exporting import requests as exports
from vms.models import VM, ImageExport, SnapshotRequest
from vms.snapshots import requests as snapshots

pytestmark = pytest.mark.integration
MIB = 2**20
HOSTILE = "<b>x</b>"
STEP = {
    "progress": Message("step.copying", volume=HOSTILE, number=1, count=2),
    "done_bytes": 300 * MIB,
    "total_bytes": 1200 * MIB,
}
SHOWN = "25 % copying the disk <b>x</b> (1 of 2): 300.0 MiB of 1.2 GiB"
DISK = "<disk type='file' device='disk'><source file='/a'/><target dev='vda'/></disk>"
DOMAIN = f"<domain type='kvm'><name>web-8</name><devices>{DISK}</devices></domain>"


@pytest.fixture
def vm(db, enqueued) -> VM:
    vm = make_vm(make_hypervisor("lab"), "web-8", 8)
    vm.status.write(generation=vm.generation, made_at=timezone.now(), present=True, document=DOMAIN, stored=DOMAIN)
    return vm


def pending_vm(vm: VM) -> None:
    vm.ask_power("start")
    vm.status.write(**STEP)


def snapshot(vm: VM) -> None:
    vm.status.write(progress=Message.external("of something else"))
    snapshots.take(vm, "before", None)
    SnapshotRequest.objects.update(**STEP)


def image(vm: VM) -> None:
    image = make_image(vm.hypervisor, "new")
    image.ask_again()
    note_activity(image, "retried")
    image.status.write(**STEP)


def export(vm: VM) -> None:
    exports.ask(make_image(vm.hypervisor), vm.owner)
    ImageExport.objects.update(**STEP)


def network(vm: VM) -> None:
    network = make_network(vm.hypervisor)
    network.note("changed", None)
    network.status.write(**STEP)


WORK = {"VM": pending_vm, "snapshot": snapshot, "image": image, "export": export, "network": network}


def step(page, url: str, path: str) -> str:
    found = html.fromstring(page.get(url).content).xpath(f"{path}//*[@class='step']")
    assert [each.xpath(".//progress/@value") for each in found] == [["25"]]
    for bar in found[0].xpath(".//progress"):
        assert bar.text == "25 %"
        bar.text = ""
    return " ".join(found[0].text_content().split())


@pytest.mark.parametrize("kind", WORK)
def test_work_in_progress_shows_its_step_bytes_and_percent(page, vm, kind):
    Entry._base_manager.all().delete()
    WORK[kind](vm)
    assert step(page, "/", "//*[@id='in-progress']") == SHOWN
    assert step(page, "/activity/?result=in-progress", "//*[@id='activity']") == SHOWN
    Entry._base_manager.update(at=timezone.now() - timedelta(minutes=3))
    assert "for <time" in page.get("/").content.decode()
    assert ">3 min</time>" in page.get("/").content.decode()


@pytest.mark.parametrize(
    ("kind", "note"), [("VM", r"Change in progress for \d+ s: "), ("snapshot", r"taking before for \d+ s")]
)
def test_the_page_and_the_row_of_a_vm_show_what_is_done_with_it(page, vm, kind, note):
    WORK[kind](vm)
    assert step(page, vm.get_absolute_url(), "//*[@id='vm']") == SHOWN
    assert step(page, "/vms/", "//*[@id='vms']") == SHOWN
    assert re.search(note, " ".join(html.fromstring(page.get(vm.get_absolute_url()).content).text_content().split()))
    SnapshotRequest.objects.update(done_at=timezone.now())
    vm.status.write(generation=99)
    for url in (vm.get_absolute_url(), "/vms/"):
        assert 'class="step"' not in page.get(url).content.decode()


def test_the_name_of_a_snapshot_in_progress_is_shown_only_to_those_who_may_see_the_vm(member_page, vm, monkeypatch):
    snapshot(vm)
    SnapshotRequest.objects.update(name="secret plan")
    assert "secret plan" not in member_page.get("/vms/").content.decode()


@pytest.mark.parametrize(
    ("error", "moved", "shown"),
    [
        (None, 1200 * MIB, "done in 2 min 5 s, 1.2 GiB copied"),
        (None, 0, "done in 2 min 5 s"),
        (Message.external("The pool is full"), 300 * MIB, "The pool is full after 2 min 5 s"),
    ],
)
def test_activity_says_what_finished_work_took(page, vm, error, moved, shown):
    Entry._base_manager.all().delete()
    export(vm)
    entry = Entry.objects.get()
    Entry._base_manager.update(at=timezone.now() - timedelta(seconds=125))
    Entry.objects.conclude_one(entry.pk, error, moved=moved)
    row = html.fromstring(page.get("/activity/").content).get_element_by_id(f"entry-{entry.pk}")
    assert " ".join(row.xpath("td")[-1].text_content().split()) == shown
