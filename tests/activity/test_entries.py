"""Each change leaves one entry in the activity log, which nobody can change and which outlives its object."""

from datetime import timedelta

import pytest
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from networks.definition.events import Event
from networks.models import Network
from tests.project.conftest import people, things  # noqa: F401, the users of all roles
from tests.support.making import make_foreign_network, make_hypervisor, make_image, make_network, make_running, make_vm
from virterweb.activity.choices import OF_PEOPLE, Kind, Result, Via
from virterweb.activity.models import AppendOnly, Entry, Subject
from virterweb.hypervisors.desired.revisions import conclude
from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import Message
from virterweb.people.models import Share
from virterweb.people.verbs import Level
from vms.models import VM


@pytest.fixture
def lab(db, enqueued) -> Hypervisor:
    return make_hypervisor("lab")


@pytest.fixture
def network(lab) -> Network:
    return make_network(lab, "net1")


def said() -> list[str]:
    """Return the entries as sentences, the oldest first."""
    return [f"{each.who or each.via}: {each}" for each in Entry.objects.order_by("pk")]


def test_a_change_is_in_progress_until_the_worker_is_done(network, user):
    network.change(Event.STOPPED, user, active=False)
    entry = Entry.objects.get()
    assert (entry.who, entry.kind, entry.hypervisor, entry.name) == ("mira", Kind.NETWORK, "lab", "net1")
    assert (entry.revision_id, entry.generation, entry.result) == (network.revisions.first().pk, 2, "")
    conclude(network)
    entry.refresh_from_db()
    assert entry.result == Result.DONE


def test_a_refused_change_says_why(network, user):
    network.change(Event.STOPPED, user, active=False)
    conclude(network, Message("network.managed"))
    entry = Entry.objects.get()
    assert (entry.result, str(entry.error)) == (Result.FAILED, "The portal already manages it")


def test_a_later_request_stays_in_progress_when_an_earlier_one_is_done(network):
    network.change(Event.STOPPED, active=False)
    earlier = Network.objects.select_related("status").get()
    network.change(Event.STARTED, active=True)
    conclude(earlier)
    assert list(Entry.objects.order_by("pk").values_list("event", "result")) == [("stopped", "done"), ("started", "")]


def test_a_change_that_is_rolled_back_leaves_no_entry(network):
    with transaction.atomic():
        network.change(Event.STOPPED, active=False)
        transaction.set_rollback(True)
    assert not Entry.objects.exists()


def test_entries_of_a_deleted_network_and_vm_stay_and_say_that_the_deletion_is_done(lab, network, user):
    vm = make_vm(lab)
    network.remove()
    vm.remove(user)
    network.delete()
    vm.delete()
    assert said() == ["worker: net1 deletion requested", "mira: alma-8-8 deletion requested"]
    assert set(Entry.objects.values_list("result", flat=True)) == {Result.DONE}


def test_a_change_of_an_object_that_others_removed_has_failed(lab, user):
    vm = VM.objects.create(hypervisor=lab, name="external", managed=False)
    vm.ask_power("start", by=user)
    vm.forget()
    assert str(Entry.objects.get().error) == "The object was removed outside the portal before this was carried out."


def test_entries_of_a_deleted_user_keep_the_name(network, user):
    network.change(Event.STOPPED, user, active=False)
    user.delete()
    entry = Entry.objects.get()
    assert (entry.user_id, entry.who) == (None, "mira")


def test_changes_of_an_unmanaged_vm_and_its_nics_have_entries(lab, user):
    make_foreign_network(lab)
    vm = VM.objects.create(hypervisor=lab, name="external", managed=False)
    make_running(vm, ("default", "52:54:00:00:00:01", "vnet0"))
    VM.objects.get().ask_power("shutdown", by=user)
    assert said() == ["mira: external shut down"]


def test_reservations_and_nics_are_kinds_of_their_own(lab, network, user):
    network.reserve_ids(5, 1, user)
    make_vm(lab).remove_nic("52:54:00:00:00:08", by=user)
    assert list(Entry.objects.order_by("pk").values_list("kind", flat=True)) == [Kind.RESERVATION, Kind.NIC]
    assert Entry.objects.about(Kind.NETWORK, network.pk).count() == 1


def test_the_result_of_an_image_is_recorded_although_images_have_no_history(lab):
    image = make_image(lab)
    image.remove()
    conclude(image, Message("image.upload_gone", image=image))
    assert said() == ["worker: alma-8 deletion requested"]
    assert Entry.objects.get().result == Result.FAILED


def test_a_command_is_recorded_with_the_user_it_acts_for(network, user):
    call_command("network", "stop", "net1", "--no-wait", "--as-user", "mira")
    entry = Entry.objects.get()
    assert (entry.via, entry.who, entry.user, entry.address) == (Via.COMMAND, "mira", user, "")


def test_a_command_without_a_user_is_recorded_with_that_of_the_operating_system(network, monkeypatch):
    monkeypatch.setenv("LOGNAME", "ada")
    call_command("network", "stop", "net1", "--no-wait")
    entry = Entry.objects.get()
    assert (entry.via, entry.who, entry.user) == (Via.COMMAND, "ada", None)


def test_setup_records_the_hypervisors_that_it_registers(db, operator):
    call_command("setup", "--hypervisor", "lab=test:///default")
    call_command("setup", "--hypervisor", "lab=qemu:///system")
    entries = Entry.objects.filter(kind=Kind.HYPERVISOR).order_by("pk")
    assert [(each.via, each.hypervisor, each.what) for each in entries] == [
        (Via.COMMAND, "lab", "added"),
        (Via.COMMAND, "lab", "settings changed: URI"),
    ]


# nobody changes the log


def test_an_entry_cannot_be_saved_again_or_deleted(network):
    network.change(Event.STOPPED, active=False)
    entry = Entry.objects.get()
    entry.who = "somebody else"
    with pytest.raises(AppendOnly):
        entry.save()
    with pytest.raises(AppendOnly):
        entry.save(update_fields=["who"])
    with pytest.raises(AppendOnly):
        entry.delete()
    assert Entry.objects.get().who == ""


@pytest.mark.parametrize(
    "attempt",
    [
        lambda rows: rows.update(who="somebody else"),
        lambda rows: rows.delete(),
        lambda rows: rows.bulk_update(list(rows), ["who"]),
        lambda rows: rows.update_or_create(pk=rows.get().pk, defaults={"who": "somebody else"}),
        lambda rows: rows.bulk_create(
            [Entry(pk=rows.get().pk, who="x")], update_conflicts=True, update_fields=["who"], unique_fields=["id"]
        ),
    ],
    ids=["update", "delete", "bulk_update", "update_or_create", "upsert"],
)
def test_entries_cannot_be_changed_by_a_query(network, attempt):
    network.change(Event.STOPPED, active=False)
    before = list(Entry.objects.values())
    with pytest.raises(AppendOnly):
        attempt(Entry.objects.all())
    assert list(Entry.objects.values()) == before


def test_a_recorded_result_is_never_replaced(network):
    network.change(Event.STOPPED, active=False)
    conclude(network)
    conclude(network, Message("network.managed"))
    assert Entry.objects.get().result == Result.DONE


def test_superusers_can_read_entries_in_the_admin_and_not_change_them(client, operator, network):
    network.change(Event.STOPPED, active=False)
    entry = Entry.objects.get()
    client.force_login(operator)
    before = list(Entry.objects.values())
    base = "/admin/activity/entry/"
    assert client.get(f"{base}{entry.pk}/change/").status_code == 200
    assert client.post(f"{base}{entry.pk}/change/", {"who": "x"}).status_code == 403
    assert client.post(f"{base}{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(f"{base}add/", {"who": "x"}).status_code == 403
    client.post(base, {"action": "delete_selected", "_selected_action": entry.pk, "post": "yes"})
    assert list(Entry.objects.values()) == before


def test_deleting_a_hypervisor_keeps_its_entries_and_ends_those_in_progress(client, operator, lab, network):
    network.change(Event.STOPPED, active=False)
    client.force_login(operator)
    client.post(f"/admin/hypervisors/hypervisor/{lab.pk}/delete/", {"post": "yes", "typed": "lab"})
    assert not Hypervisor.objects.exists()
    stopped, removed = Entry.objects.exclude(kind=Kind.SIGN_IN).order_by("pk")
    assert str(stopped.error) == "The hypervisor was deleted before this was carried out."
    assert (removed.who, removed.hypervisor, removed.what) == ("admin", "lab", "deleted")


# retention and visibility


def test_only_entries_older_than_the_limit_and_with_a_result_are_deleted(network):
    for _ in range(3):
        network.change(Event.STOPPED, active=False)
    conclude(network)
    network.change(Event.STARTED, active=True)
    now = timezone.now()
    rows = Entry._base_manager.order_by("pk")
    for row, days in zip(rows, (30, 20, 10, 40), strict=True):
        rows.filter(pk=row.pk).update(at=now - timedelta(days=days))
    assert Entry.objects.expire(now - timedelta(days=15)) == 2
    assert [each.event for each in Entry.objects.order_by("pk")] == ["stopped", "started"]


def seen(user: AbstractBaseUser | None) -> set[str]:
    """Return what a user sees of the log: names of objects, and other events by their code."""
    return {each.name or each.event for each in Entry.objects.visible_to(user).exclude(name="old")}


def test_users_see_entries_of_the_objects_whose_definitions_they_see_and_their_own_sign_ins(people, things):  # noqa: F811
    lab = Hypervisor.objects.get(name="lab")
    Network.objects.get(name="net1").change(Event.STOPPED, active=False)
    Network.objects.get(name="net1").delete()
    make_vm(lab, "of-nobody", 9).ask_power("start")
    make_image(lab, "of-the-owner", owner=people["owner"]).remove()
    for name in ("viewer", "manager", "operator"):
        Entry.objects.record(Subject(kind=Kind.SIGN_IN), f"{name} signed in", by=people[name])
    everything = {
        "net1",
        "of-nobody",
        "of-the-owner",
        *(f"{name} signed in" for name in ("viewer", "manager", "operator")),
    }
    assert seen(None) == seen(people["superuser"]) == everything
    assert seen(people["viewer"]) == {"net1", "viewer signed in"}
    assert seen(people["manager"]) == {"net1", "manager signed in"}
    assert seen(people["auditor"]) == {"net1", "of-nobody", "of-the-owner"}
    assert seen(people["operator"]) == {"net1", "of-nobody", "of-the-owner", "operator signed in"}  # of this hypervisor
    assert (
        seen(people["other team"])
        == seen(people["stranger"])
        == seen(people["staff"])
        == seen(AnonymousUser())
        == set()
    )


def test_a_shared_object_shares_its_entries(people, things):  # noqa: F811
    make_vm(Hypervisor.objects.get(name="lab"), "of-nobody", 9).ask_power("start")
    vm = VM.objects.get(name="of-nobody")
    Share.objects.create(kind="vm", object_id=vm.pk, user=people["stranger"], level=Level.VIEWER)
    assert seen(people["stranger"]) == {"of-nobody"}


@pytest.mark.parametrize("kind", [*Kind, "teleporter"])
@pytest.mark.parametrize("result", ["", *Result, "undone"])
def test_entries_of_every_kind_and_of_other_versions_are_shown_everywhere(network, client, admin_user, kind, result):
    subject = Subject(kind=kind, name="net1", object_id=network.pk, hypervisor="lab")
    Entry.objects.record(subject, "beamed", by=admin_user, result=result)
    client.force_login(admin_user)
    paths = ("/activity/", "/activity/?sort=event", "/activity.csv", "/activity.json", "/")
    for path in paths[: 4 if kind in (*OF_PEOPLE, Kind.CONSOLE) else 5]:
        assert "beamed" in client.get(path).text, path
