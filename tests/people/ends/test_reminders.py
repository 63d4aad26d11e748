"""Owners are reminded by e-mail three days and one day before an end, and when it has come: each time once."""

import pytest
from django.core import mail
from django.utils import timezone

from tests.people.ends.conftest import pass_time, work
from tests.support.making import make_vm
from virterweb.people.ends import reminders
from virterweb.people.models import EndReminder
from vms.models import VM


@pytest.fixture(autouse=True)
def mailed(settings):
    settings.EMAIL_HOST = "mail.test"


def subjects() -> list[str]:
    found = [each.subject for each in mail.outbox]
    mail.outbox.clear()
    return found


def test_three_e_mails_are_sent_each_once(vm):
    work()
    assert subjects() == []
    for days, subject in ((11.1, "ends in 3 days"), (2, "ends tomorrow"), (1, "has ended")):
        pass_time(days)
        work(vm)
        (sent,) = mail.outbox
        assert sent.to == ["otto@lab.test"]
        assert subjects() == [f"Virterweb: vm-1 {subject}"]
        work(vm)
        assert subjects() == []


def test_the_e_mail_says_when_it_is_deleted_and_how_it_is_kept(vm):
    pass_time(14)
    work(vm)
    text, vm = mail.outbox[0].body, VM.objects.get()
    assert f"It will be deleted on {timezone.localtime(vm.deleted_from):%Y-%m-%d %H:%M}" in text
    assert "vm extend vm-1 --hypervisor lab" in text


def test_the_e_mail_links_to_the_object_if_the_address_of_the_portal_is_set(vm, settings):
    settings.PORTAL_URL = "https://lab.test"
    pass_time(12)
    work()
    assert "\nhttps://lab.test/vms/lab/vm-1/\n" in mail.outbox[0].body


def test_several_objects_of_one_owner_are_one_e_mail(vm, network):
    pass_time(13.5)
    work()
    assert subjects() == ["Virterweb: vm-1 ends tomorrow. Other reminders: 1"]


def test_without_an_owner_who_has_an_address_the_managers_of_the_team_get_it(vm, users):
    VM.objects.update(owner=None)
    pass_time(12)
    work()
    assert mail.outbox[0].to == ["mona@lab.test"]
    mail.outbox.clear()
    users["mona"].memberships.all().delete()
    pass_time(1.5)
    work()
    assert mail.outbox == []  # there is nobody


def test_a_mail_server_that_is_down_for_a_while_loses_none(vm, monkeypatch):
    def down(*args: object) -> None:
        raise ConnectionRefusedError("down")

    pass_time(12)
    with monkeypatch.context() as patched:
        patched.setattr("virterweb.notifications.mail.send_mail", down)
        work()
    assert subjects() == []
    work()
    assert subjects() == []  # it is tried again later
    EndReminder.objects.update(due_at=None)
    work()
    assert subjects() == ["Virterweb: vm-1 ends in 3 days"]


def test_what_another_worker_is_sending_is_not_sent_again(vm):
    pass_time(12)
    reminders.note()
    with EndReminder.objects.claim():
        work()
        assert subjects() == []
    work()
    assert subjects() == ["Virterweb: vm-1 ends in 3 days"]


def test_after_an_extension_the_reminders_begin_anew_and_old_ones_are_not_sent(vm, users):
    pass_time(12)
    reminders.note()
    VM.objects.get().extend(users["otto"])
    work()
    assert subjects() == []
    assert not EndReminder.objects.exists()
    pass_time(11.5)
    work()
    assert subjects() == ["Virterweb: vm-1 ends in 3 days"]


def test_workers_that_were_stopped_send_only_the_last_reminder(vm):
    pass_time(13.5)
    work()
    assert subjects() == ["Virterweb: vm-1 ends tomorrow"]


def test_without_a_mail_server_nothing_is_kept_for_later(vm, settings):
    settings.EMAIL_HOST = ""
    pass_time(12)
    work()
    assert not EndReminder.objects.exists()


def test_an_end_that_was_chosen_for_tomorrow_causes_no_reminder_at_once(lab, red, users):
    red.end_days = 2
    red.save()
    make_vm(lab, "short", 9, team=red, owner=users["otto"])
    work()
    assert subjects() == []


def test_who_may_no_longer_see_an_object_gets_no_e_mail_about_it(vm, users):
    users["otto"].memberships.all().delete()
    pass_time(12)
    work()
    assert [each.to for each in mail.outbox] == [["mona@lab.test"]]
    mail.outbox.clear()
    vm.team.grants.all().delete()
    pass_time(1.5)
    work()
    assert mail.outbox == []
