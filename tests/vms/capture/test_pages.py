"""The page that captures packets of a NIC: what it requests, refuses, shows and sends."""

from datetime import timedelta

import pytest
from django.utils import timezone
from lxml import html

from tests.support.making import make_foreign_network, make_hypervisor, make_running, make_vm
from tests.support.teams import make_team, role
from tests.support.threads import in_threads
from virterweb.activity.models import Entry
from virterweb.messages import Message
from vms.capture import requests
from vms.models import VM, Capture, CapturePart, NICStatus, Power

MAC, SECOND = "52:54:00:00:00:08", "52:54:00:80:00:01"
DATA = {"filter": "port 67", "seconds": "5", "packets": "10", "size": "1"}


@pytest.fixture
def vm(db, enqueued) -> VM:
    hypervisor = make_hypervisor()
    make_foreign_network(hypervisor)
    vm = make_vm(hypervisor)
    make_running(vm, ("default", MAC, "vnet1"), ("default", SECOND, ""))
    return VM.objects.shown().get(pk=vm.pk)


def path(vm: VM, mac: str = MAC) -> str:
    return f"{vm.get_absolute_url()}nics/{mac}/captures/"


def make_capture(vm: VM, *parts: bytes, **values) -> Capture:
    values = {"nic": MAC, "seconds": 5, "packets": 10, "size": 1024**2, **values}
    capture = Capture.objects.create(vm=vm, captured_size=sum(map(len, parts)), **values)
    for number, data in enumerate(parts):
        CapturePart.objects.create(capture=capture, number=number, data=data)
    return capture


def errors(answer) -> str:
    assert answer.status_code == 422
    return " ".join(each.text_content() for each in html.fromstring(answer.content).xpath("//*[@role='alert']"))


def test_a_capture_is_requested_and_recorded(page, vm):
    assert page.post(path(vm), DATA).url == path(vm)
    capture = Capture.objects.get()
    assert (capture.filter, capture.seconds, capture.packets, capture.size) == ("port 67", 5, 10, 1024**2)
    assert Entry.objects.get(event="captured").about == {"mac": MAC, "filter": "port 67"}
    assert "waiting for a worker" in page.get(path(vm)).content.decode()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("seconds", value) for value in ("0", "601", "-1", "x", "", "1e2")),
        *(("packets", value) for value in ("0", "100001", "")),
        *(("size", value) for value in ("0", "65", "")),
        *(("filter", value) for value in ("x" * 1001, "port\u202e67", "a\x00b")),
    ],
)
def test_values_outside_the_limits_are_refused_at_the_field(page, vm, name, value):
    answer = page.post(path(vm), DATA | {name: value})
    assert answer.status_code == 422
    assert name in answer.context["form"].errors
    assert not Capture.objects.exists()


def test_a_vm_that_is_off_is_refused(page, vm):
    vm.status.write(power=Power.OFF)
    assert "alma-8-8 is not running" in errors(page.post(path(vm), DATA))


def test_a_nic_without_a_device_on_the_host_is_refused(page, vm):
    assert "has no host device" in errors(page.post(path(vm, SECOND), DATA))
    assert page.get(path(vm, "52:54:00:00:00:99")).status_code == 404


def test_a_second_capture_of_a_nic_waits_for_the_first(page, vm):
    capture = make_capture(vm)
    assert "is in progress already" in errors(page.post(path(vm), DATA))
    Capture.objects.filter(pk=capture.pk).update(done_at=timezone.now())
    assert page.post(path(vm), DATA).status_code == 302


def test_a_hypervisor_has_a_few_captures_at_a_time(page, vm):
    for number in range(requests.PER_HYPERVISOR):
        make_capture(vm, nic=f"52:54:00:00:01:0{number}")
    assert "lab-1 has 4 captures in progress already" in errors(page.post(path(vm), DATA))


def test_captures_that_are_kept_have_a_size_together(page, vm):
    capture = make_capture(vm, done_at=timezone.now())
    Capture.objects.filter(pk=capture.pk).update(captured_size=requests.KEPT_SIZE + 1)
    assert "have reached the size limit" in errors(page.post(path(vm), DATA))


def test_one_user_cannot_use_up_the_captures_of_a_hypervisor(page, vm):
    page.post(path(vm), DATA)
    mine = Capture.objects.get()
    mine.done_at, mine.captured_size = timezone.now(), requests.USER_SIZE + 1
    mine.save()
    assert "Your captures on lab-1 have reached the size limit" in errors(page.post(path(vm), DATA))
    assert page.post(f"{path(vm)}{mine.pk}/delete/").url == path(vm)
    for number in range(requests.PER_USER):
        make_capture(vm, nic=f"52:54:00:00:01:0{number}", asked_by=mine.asked_by)
    assert "You have 2 captures in progress on lab-1 already" in errors(page.post(path(vm), DATA))


def test_a_capture_that_has_ended_can_be_deleted_and_one_in_progress_stays(page, vm):
    ended, running = make_capture(vm, b"one", done_at=timezone.now()), make_capture(vm, b"two")
    for capture in (ended, running, ended):
        page.post(f"{path(vm)}{capture.pk}/delete/")
    assert [*Capture.objects.all()] == [running]
    assert CapturePart.objects.count() == 1
    assert Entry.objects.filter(event="capture deleted", about={"mac": MAC}).count() == 1


def test_a_capture_is_stopped_on_request_once(page, vm):
    capture = make_capture(vm)
    for _ in range(2):
        assert page.post(f"{path(vm)}{capture.pk}/stop/").status_code == 302
    capture.refresh_from_db()
    assert capture.stop_asked_at
    assert Entry.objects.filter(event="capture stopped").count() == 1


@in_threads
def test_the_file_is_sent_in_order_and_the_download_is_recorded(page, vm):
    capture = make_capture(vm, b"one", b"two", done_at=timezone.now(), end="seconds")
    answer = page.get(f"{path(vm)}{capture.pk}/pcap")
    assert answer["Content-Type"] == "application/vnd.tcpdump.pcap"
    assert b"".join(answer) == b"onetwo"
    assert Entry.objects.filter(event="capture downloaded", name="alma-8-8").count() == 1
    assert "time limit reached" in page.get(path(vm)).content.decode()


def test_a_capture_without_packets_says_why_instead_of_a_file(page, vm):
    error = Message("capture.filter", reason="syntax error")
    capture = make_capture(vm, done_at=timezone.now(), error=error)
    answer = page.get(f"{path(vm)}{capture.pk}/pcap")
    assert (answer.status_code, answer.content.decode()) == (409, "tcpdump refuses the filter: syntax error.\n")
    assert "tcpdump refuses the filter: syntax error." in page.get(path(vm)).content.decode()


def test_a_capture_is_found_at_its_own_nic_only(page, vm):
    capture = make_capture(vm, b"one", done_at=timezone.now())
    assert page.get(f"{path(vm, SECOND)}{capture.pk}/pcap").status_code == 404


def test_a_viewer_may_neither_capture_nor_download(page, vm, member):
    capture = make_capture(vm, b"one", done_at=timezone.now())
    VM.objects.update(team=make_team("b", {member: role("viewer")}))
    page.force_login(member)
    for answer in (page.get(path(vm)), page.post(path(vm), DATA), page.get(f"{path(vm)}{capture.pk}/pcap")):
        assert answer.status_code == 403
    assert "Capture packets" not in page.get(vm.get_absolute_url()).content.decode()


def test_the_page_of_the_vm_leads_to_the_captures_of_a_nic_with_a_device(page, vm):
    links = html.fromstring(page.get(vm.get_absolute_url()).content).xpath("//a[@title='Capture packets']/@href")
    assert links == [path(vm)]


def test_a_file_is_deleted_after_an_hour(vm):
    now = timezone.now()
    for minutes in (59, 61):
        make_capture(vm, b"one", done_at=now - timedelta(minutes=minutes))
    make_capture(vm, b"one")
    requests.forget()
    assert Capture.objects.count() == CapturePart.objects.count() == 2


@in_threads
def test_captures_of_a_nic_that_is_gone_can_still_be_downloaded(page, vm):
    capture = make_capture(vm, b"one", done_at=timezone.now())
    NICStatus.objects.all().delete()
    assert page.get(path(vm)).status_code == 200
    assert b"".join(page.get(f"{path(vm)}{capture.pk}/pcap")) == b"one"
    assert "has no host device" in errors(page.post(path(vm), DATA))
