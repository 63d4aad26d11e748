"""Console logs on the pages: of VMs that run and of those that are gone; when they are read, and when forgotten."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from lxml import html

from tests.support.making import make_hypervisor, make_running, make_vm
from virterweb.hypervisors.models import HypervisorStatus
from virterweb.messages import Message
from vms.console import sync as console
from vms.models import VM, ConsoleLog, Power, VMStatus

HTMX = {"HX-Request": "true"}
PAGE = "/vms/lab-1/alma-8-8/console/"


@pytest.fixture
def vm(db, enqueued) -> VM:
    vm = make_vm(make_hypervisor())
    make_running(vm, ("default", "52:54:00:00:00:08", "vnet0"))
    VMStatus.objects.update(observed_at=timezone.now())
    console.begin(vm)
    return vm


def said(text: str, **values) -> ConsoleLog:
    ConsoleLog.objects.update(text=text, size=len(text), read_at=timezone.now(), **values)
    return ConsoleLog.objects.get()


def gone(vm: VM, text: str = "last words\n", days: float = 0) -> ConsoleLog:
    """The log of a VM that was removed so many days ago."""
    log = said(text, gone_at=timezone.now() - timedelta(days=days))
    vm.delete()
    return log


def shown(answer) -> str:
    return html.fromstring(answer.content).xpath("string(//pre)")


def due() -> bool:
    return console.due_logs().exists()


def test_a_worker_whose_clock_is_slow_reads_a_log_no_more_often(vm, monkeypatch):
    slow = timezone.now() - timedelta(minutes=5)
    monkeypatch.setattr(timezone, "now", lambda: slow)
    console.read(ConsoleLog.objects.get().pk)
    assert ConsoleLog.objects.get().due_at
    assert not ConsoleLog.objects.due().exists()


# the pages


def test_the_page_shows_the_output_without_terminal_control_codes(page, vm):
    said("\x1b[32mboot\x1b[0m\r\n<script>alert(1)</script> & login: ")
    answer = page.get(PAGE)
    assert shown(answer) == "boot\n<script>alert(1)</script> & login: "
    assert b"&lt;script&gt;alert(1)" in answer.content


def test_a_poll_that_finds_nothing_new_gets_no_content(page, vm):
    said("one\n")
    fragment = html.fromstring(page.get(PAGE, headers=HTMX).content)
    again = fragment.get("hx-get")
    answer = page.get(again, headers=HTMX)
    assert (answer.status_code, answer.content) == (204, b"")
    said("one\ntwo\n")
    assert shown(page.get(again, headers=HTMX)) == "one\ntwo\n"
    said("one\ntwo\n", problem=Message.external("Could not read it."))
    assert "Could not read it." in page.get(again, headers=HTMX).content.decode()


def test_a_log_that_was_replaced_by_one_of_the_same_size_is_read_again(page, vm):
    said("one\n")
    again = html.fromstring(page.get(PAGE, headers=HTMX).content).get("hx-get")
    ConsoleLog.objects.update(text="one\n--- the log starts again ---\ntwo\n")
    assert page.get(again, headers=HTMX).status_code == 200


def test_the_end_of_a_long_log_is_shown_and_the_whole_is_a_file(page, vm):
    said("begin\n" + "line\n" * 40_000 + "end\n")
    answer = page.get(PAGE)
    assert shown(answer).endswith("end\n") and "begin" not in shown(answer)
    assert "Only the end is shown." in answer.content.decode()
    (link,) = html.fromstring(answer.content).xpath("//a[text()='Download as text']/@href")
    file = page.get(link)
    assert file["Content-Type"] == "text/plain; charset=utf-8"
    assert file["Content-Disposition"] == 'attachment; filename="alma-8-8-console.txt"'
    assert file.content.decode() == "begin\n" + "line\n" * 40_000 + "end\n"


def test_the_page_shows_why_there_is_no_log(page, vm):
    assert "Not read yet." in page.get(PAGE).content.decode()
    said("")
    assert "console=ttyS0" in page.get(PAGE).content.decode()
    said("", problem=Message("console.no_folder", pool="default"))
    assert "the pool default is not a directory" in page.get(PAGE).content.decode()


def test_the_page_of_a_vm_links_to_its_console(page, vm):
    shown = html.fromstring(page.get(vm.get_absolute_url()).content)
    assert shown.xpath("//nav[@class='tabs']/a[.='Console']/@href") == [PAGE]


def test_the_page_stays_when_the_vm_is_gone(page, vm):
    log = gone(vm)
    answer = page.get(PAGE)
    assert shown(answer) == "last words\n"
    text = " ".join(html.fromstring(answer.content).text_content().split())
    until = timezone.localtime(log.gone_at + timedelta(days=7)).strftime("%Y-%m-%d %H:%M")
    assert "The VM is gone since" in text
    assert f"this is kept until {until}" in text
    assert html.fromstring(answer.content).xpath("//*[@id='console']/@hx-get") == []


def test_there_is_no_page_where_there_never_was_a_log(page, vm):
    assert page.get("/vms/lab-1/nobody/console/").status_code == 404
    assert page.get("/vms/lab-1/nobody/console.txt").status_code == 404
    assert page.get("/vms/lab-2/alma-8-8/console/").status_code == 404
    for number in ("x", "999", "9" * 30, "²"):
        assert page.get(PAGE, {"log": number}).status_code == 404


def test_a_vm_of_the_same_name_has_a_log_of_its_own_with_links_to_the_earlier(page, vm):
    hypervisor = vm.hypervisor
    old = gone(vm, "of the first\n")
    new = make_vm(hypervisor)
    console.begin(new)
    ConsoleLog.objects.filter(vm=new).update(text="of the second\n")
    answer = page.get(PAGE)
    assert shown(answer) == "of the second\n"
    (link,) = html.fromstring(answer.content).xpath("//*[@id='console']//p/a[contains(text(), 'gone')]/@href")
    assert link == f"{PAGE}?log={old.pk}"
    earlier = page.get(link)
    assert shown(earlier) == "of the first\n"
    assert html.fromstring(earlier.content).xpath("//a[text()='current']/@href") == [
        f"{PAGE}?log={ConsoleLog.objects.get(vm=new).pk}"
    ]


def test_only_signed_in_users_can_read_it(client, vm):
    for name in ("vms:console", "vms:console_text"):
        assert client.get(reverse(name, args=["lab-1", "alma-8-8"])).status_code == 302


# when it is read


def test_a_running_vms_log_is_due_at_intervals_and_at_once_while_a_page_shows_it(page, vm):
    assert due()
    ConsoleLog.objects.update(due_at=timezone.now() + timedelta(seconds=50))
    assert not due()
    page.get(PAGE, headers=HTMX)
    assert due()
    left = ConsoleLog.objects.get().wanted_until - timezone.now()
    assert timedelta(seconds=13) < left <= timedelta(seconds=15)


def test_while_a_page_shows_the_log_the_worker_sets_the_interval(page, vm):
    page.get(PAGE)
    soon = timezone.now() + timedelta(seconds=1)
    ConsoleLog.objects.update(due_at=soon, wanted_until=timezone.now() + timedelta(seconds=5))
    page.get(PAGE)
    log = ConsoleLog.objects.get()
    assert log.due_at == soon
    assert log.wanted_until > timezone.now() + timedelta(seconds=13)


def test_the_log_of_a_vm_that_stopped_is_read_once_more(vm):
    VMStatus.objects.update(power=Power.OFF, observed_at=timezone.now())
    assert due()
    said("the end\n")
    assert not due()


def test_logs_of_unmanaged_vms_are_read_once_a_page_has_shown_them(page, db, enqueued):
    vm = make_vm(make_hypervisor(), "stranger", None, managed=False)
    make_running(vm)
    assert not due()
    assert page.get("/vms/lab-1/stranger/console/").status_code == 200
    assert due()


def test_no_log_of_a_deleted_vm_or_unreachable_hypervisor_is_read(vm):
    HypervisorStatus.objects.update(unreachable_since=timezone.now())
    assert not due()
    HypervisorStatus.objects.update(unreachable_since=None)
    gone(vm)
    assert not due()


# how long it is kept


def test_logs_of_removed_vms_are_forgotten_after_the_hypervisors_days(vm):
    hypervisor = vm.hypervisor
    log = gone(vm, days=6.9)
    console.forget()
    assert ConsoleLog.objects.get() == log
    hypervisor.console_days = 6
    hypervisor.save()
    console.forget()
    assert not ConsoleLog.objects.exists()


def test_the_log_of_a_vm_removed_outside_is_kept_for_the_same_time(vm):
    said("bye\n")
    vm.delete()
    console.forget()
    assert timezone.now() - ConsoleLog.objects.get().gone_at < timedelta(seconds=10)


def test_a_running_vms_log_is_never_forgotten(vm):
    said("old\n")
    console.forget()
    assert ConsoleLog.objects.get().text == "old\n"


def test_a_vm_names_its_volume_unless_its_log_lies_elsewhere(vm):
    assert ("default", "virter:work:alma-8-8-console") in vm.volumes()
    vm.console_dir = "/var/log"
    assert ("default", "virter:work:alma-8-8-console") not in vm.volumes()
    vm.console_dir, vm.console_log = "", False
    assert ("default", "virter:work:alma-8-8-console") not in vm.volumes()
