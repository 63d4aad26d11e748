"""Sign-ins, changes of users, and reading of consoles leave entries in the activity log."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from tests.support.making import make_hypervisor, make_network, make_vm
from virterweb.activity.choices import Kind, Result, Via
from virterweb.activity.models import Entry
from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import Message
from virterweb.people.models import Token
from vms.models import ConsoleLog


@pytest.fixture
def lab(db, enqueued) -> Hypervisor:
    return make_hypervisor("lab")


def test_reading_a_console_is_one_entry_however_often_its_page_polls(page, lab):
    log = ConsoleLog.objects.create(hypervisor=lab, vm=make_vm(lab), name="alma-8-8", text="hello")
    address = "/vms/lab/alma-8-8/console/"
    for headers in ({}, {"HX-Request": "true"}, {"HX-Request": "true"}, {}):
        assert page.get(address, headers=headers).status_code == 200
    page.get(f"{address[:-1]}.txt")
    found = Entry.objects.filter(kind=Kind.CONSOLE).order_by("pk")
    assert [(each.who, each.what) for each in found] == [("mira", "console opened"), ("mira", "console log downloaded")]
    Entry._base_manager.update(at=timezone.now() - timedelta(hours=2))
    page.get(address, headers={"HX-Request": "true"})
    assert found.all().count() == 3
    assert found.last().object_id == log.vm_id


def test_the_fragment_of_a_console_alone_is_recorded_too(page, lab):
    ConsoleLog.objects.create(hypervisor=lab, vm=make_vm(lab), name="alma-8-8", text="hello")
    page.get("/vms/lab/alma-8-8/console/", headers={"HX-Request": "true"})
    assert Entry.objects.filter(kind=Kind.CONSOLE).count() == 1


def test_sign_in_and_sign_out_are_recorded_with_the_address(client, user):
    client.post("/login/", {"username": "mira", "password": "a good one"}, REMOTE_ADDR="192.0.2.7")
    client.post("/logout/")
    first, second = Entry.objects.order_by("pk")
    assert (first.who, first.what, first.address, first.result) == ("mira", "signed in", "192.0.2.7", Result.DONE)
    assert (second.who, second.what) == ("mira", "signed out")


def test_failed_sign_ins_and_one_lock_out_are_recorded(client, user):
    for _ in range(13):
        client.post("/login/", {"username": "mira", "password": "wrong"})
    found = [each.what for each in Entry.objects.order_by("pk")]
    assert found == 10 * ["sign-in as mira failed"] + ["sign-in as mira refused after too many failures"]
    assert set(Entry.objects.values_list("who", "result")) == {("", Result.FAILED)}


def test_what_a_program_does_is_recorded_with_the_name_of_its_token(client, member, user, lab):
    network = make_network(lab, "net1", owner=user)
    token = Token(user=user, name="ci", verbs=["list", "see", "edit"])
    secret = token.make_secret()
    token.save()
    network.status.write(error=Message("network.managed"), generation=network.generation)
    client.post("/networks/lab/net1/retry/", headers={"Authorization": f"Bearer {secret}"})
    entry = Entry.objects.get()
    assert (entry.who, entry.via, entry.token, entry.what) == ("mira", Via.TOKEN, "ci", "retried")


def test_changes_of_users_in_the_admin_are_recorded_with_the_fields(client, operator, member):
    client.force_login(operator)
    address = f"/admin/auth/user/{member.pk}/change/"
    assert client.post(address, {"username": "otto", "is_active": "on", "is_superuser": "on"}).status_code == 302
    entry = Entry.objects.get(kind=Kind.RIGHTS)
    assert (entry.who, entry.via, entry.name) == ("admin", Via.ADMIN, "otto")
    assert entry.what.startswith("user edited:")
    assert "Superuser status" in entry.what
    assert get_user_model().objects.get(pk=member.pk).is_superuser
