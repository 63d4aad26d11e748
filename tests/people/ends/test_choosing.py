"""New objects get the end of their team; who may change it, and how far."""

from datetime import timedelta

import pytest
from django.utils import timezone

from networks.models import Network
from tests.people.ends.conftest import days_left, pass_time, work
from tests.support.making import everyone, make_foreign_network, make_image, make_network, make_vm
from tests.support.teams import make_team
from virterweb.activity.models import Entry
from virterweb.people.models import Share, Team
from vms.models import VM

pytestmark = pytest.mark.integration
END, EXTEND = "/vms/lab/vm-1/end/", "/vms/lab/vm-1/extend/"


def at(days: float) -> str:
    return f"{timezone.localtime(timezone.now() + timedelta(days=days)):%Y-%m-%dT%H:%M}"


def test_a_new_object_ends_by_the_default_of_its_team(vm, network):
    assert days_left(vm) == days_left(network) == 14


def test_objects_of_a_team_without_a_default_and_unmanaged_ones_have_no_end(lab):
    assert make_vm(lab, team=everyone()).ends_at is None
    assert make_foreign_network(lab).ends_at is None


def test_what_the_form_adds_has_the_end_of_the_team(browse, lab, red):
    typed = {"hypervisor": lab.pk, "name": "net7", "ipv4": "10.7.0.1/24", "autostart": "on", "team": red.pk}
    browse("otto").post("/networks/add/", typed)
    assert days_left(Network.objects.get(name="net7")) == 14


def added(browse, lab, red, who: str, ends_at: str):
    typed = {"hypervisor": lab.pk, "name": "net7", "ipv4": "10.7.0.1/24", "autostart": "on", "team": red.pk}
    return browse(who).post("/networks/add/", typed | {"ends_at": ends_at})


def test_the_form_that_adds_an_object_has_an_end_date(browse, lab, red):
    added(browse, lab, red, "otto", at(20))
    assert days_left(Network.objects.get(name="net7")) == pytest.approx(20, abs=0.01)


@pytest.mark.parametrize(
    ("days", "said"),
    [(31, "cannot be later than"), (-1, "is in the past"), (9999, "next ten years"), (None, "Enter a date")],
)
def test_a_new_object_gets_no_end_date_that_its_team_forbids(browse, lab, red, days, said):
    answer = added(browse, lab, red, "otto", at(days) if days else "soon")
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Network.objects.filter(name="net7").exists()


def test_the_run_form_has_an_end_date_and_checks_it(browse, lab, red):
    image = make_image(lab, team=red)
    typed = {"hypervisor": lab.pk, "image": image.name, "number": 30, "name": "vm-30", "memory": 64, "vcpus": 1}
    typed |= {"boot_size": 1, "team": red.pk}
    answer = browse("otto").post("/vms/run/", typed | {"ends_at": at(31)})
    assert "cannot be later than" in answer.content.decode()
    assert not VM.objects.exists()
    browse("otto").post("/vms/run/", typed | {"ends_at": at(3)})
    assert days_left(VM.objects.get()) == pytest.approx(3, abs=0.01)


def test_without_rules_of_a_team_the_forms_have_no_end_date(browse, lab, red):
    assert 'name="ends_at"' in browse("otto").get("/networks/add/").content.decode()
    Team.objects.update(end_days=None, max_end_days=None)
    for path in ("/networks/add/", "/vms/run/"):
        assert 'name="ends_at"' not in browse("otto").get(path).content.decode()


def test_images_have_no_end(lab, red):
    assert not hasattr(make_image(lab, team=red), "ends_at")


def test_extend_sets_the_default_from_now_on_and_is_in_the_log(browse, vm):
    pass_time(10)
    before = VM.objects.get().generation
    answer = browse("otto").post(EXTEND)
    assert answer.url == "/vms/lab/vm-1/"
    assert days_left(vm) == 14
    assert VM.objects.get().generation == before
    entry = Entry.objects.get(event="extended")
    assert (entry.what, entry.who) == (f"extended until {timezone.localtime(vm.ends_at):%Y-%m-%d %H:%M}", "otto")


def test_two_clicks_extend_once(browse, vm):
    pass_time(10)
    browse("otto").post(EXTEND)
    answer = browse("mona").post(EXTEND, follow=True)
    assert "It cannot be extended further now." in answer.content.decode()
    assert days_left(vm) == 14
    assert Entry.objects.filter(event="extended").count() == 1


def test_a_viewer_is_told_whom_to_ask_and_for_a_stranger_there_is_no_vm(browse, vm):
    for path in (END, EXTEND):
        answer = browse("rita").post(path)
        assert answer.status_code == 403
        assert "You may not edit vm-1. Ask otto, who owns it, or an operator." in answer.content.decode()
        assert browse("gina").post(path).status_code == 404
    assert days_left(vm) == 14


def test_another_end_is_chosen_within_the_limit(browse, vm):
    assert "Not later than " in browse("otto").get(END).content.decode()
    browse("otto").post(END, {"until": at(29)})
    assert 28.9 < days_left(vm) <= 29
    assert Entry.objects.get(event="end changed").what.startswith("end date set to ")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (lambda: at(-1), "is in the past. Choose a later time."),
        (lambda: at(31), "The end date of vm-1 cannot be later than"),
        (lambda: "", "vm-1 must have an end date, not later than"),
        (lambda: "soon", "Enter a date and a time"),
        (lambda: "9999-12-31T23:59", "Choose a date within the next ten years."),
        (lambda: "0001-01-01T00:00", "Enter a date and a time|is in the past"),
    ],
)
def test_a_refused_date_is_said_at_the_field_and_changes_nothing(browse, vm, typed, said):
    answer = browse("otto").post(END, {"until": typed()})
    assert answer.status_code == 422
    assert any(each in answer.content.decode() for each in said.split("|"))
    assert days_left(vm) == 14


def test_an_operator_may_exceed_the_limit_and_remove_the_end(page, vm):
    page.post(END, {"until": at(100)})
    assert 99.9 < days_left(vm) <= 100
    page.post(END, {"until": ""})
    vm.refresh_from_db()
    assert vm.ends_at is None
    assert Entry.objects.filter(event="end removed").exists()


def test_what_is_being_deleted_or_unmanaged_is_not_extended(browse, page, vm, network, lab):
    vm.remove()
    answer = browse("otto").post(EXTEND, follow=True)
    assert "vm-1 is being deleted." in answer.content.decode()
    assert not Entry.objects.filter(event="extended").exists()
    make_foreign_network(lab)
    answer = page.post("/networks/lab/default/extend/", follow=True)
    assert "The portal does not manage default." in answer.content.decode()


def test_a_stale_save_does_not_bring_an_earlier_end_back(vm, users):
    stale = VM.objects.get()
    vm.set_end(timezone.now() + timedelta(days=3), users["otto"])
    stale.memory = 2048
    stale.save()
    assert days_left(vm) == 3


def test_a_released_object_loses_its_end(vm):
    vm.release()
    assert VM.objects.values_list("ends_at", "end_chosen_at", "ended_at").get() == (None, None, None)


def test_handing_over_keeps_the_end_within_the_limit_of_the_new_team(vm, network, lab, user):
    blue = make_team("blue", {}, on=lab)
    vm.hand_over(None, blue, user)
    assert days_left(vm) == 14
    Team.objects.filter(name="blue").update(max_end_days=5)
    network.hand_over(None, Team.objects.get(name="blue"), user)
    assert days_left(network) == 5


def test_what_belonged_to_no_team_gets_the_default_of_the_first(lab, red, user):
    network = make_network(lab, "adopted", "10.9.0.1/24", team=None)
    assert network.ends_at is None
    network.hand_over(None, red, user)
    assert days_left(network) == 14


def test_many_are_extended_from_their_list_as_far_as_the_user_may(browse, vm, lab, red, users):
    other = make_network(lab, "net2", "10.2.0.1/24", team=red, owner=users["otto"])
    pass_time(5)
    answer = browse("otto").post("/vms/many/", {"action": "extend", "vm": [vm.pk]}, follow=True)
    assert "Extended: vm-1." in answer.content.decode()
    assert days_left(vm) == 14
    answer = browse("rita").post("/networks/bulk/", {"action": "extend", "network": [other.pk]}, follow=True)
    assert "Not extended: net2. You may not edit net2." in answer.content.decode()
    assert days_left(other) == 9


def test_the_default_of_a_team_cannot_exceed_its_limit(client, operator, red):
    client.force_login(operator)
    form = client.get(f"/admin/people/team/{red.pk}/change/").context["adminform"].form
    assert {"end_days", "max_end_days", "grace_days"} <= set(form.fields)
    red.end_days = 40
    with pytest.raises(Exception, match="Enter at most 30, the maximum days until the end date"):
        red.full_clean()


def test_who_may_edit_but_not_delete_only_extends_because_an_end_deletes(browse, vm, network, users):
    for thing in (vm, network):
        kind = thing._meta.model_name
        Share.objects.create(kind=kind, object_id=thing.pk, user=users["gina"], level="user", by=users["otto"])
        page = f"/{kind}s/lab/{thing.name}/end/"
        answer = browse("gina").post(page, {"until": at(0.1)})
        assert answer.status_code == 422
        assert "You may not choose an earlier end date" in answer.content.decode()
        assert days_left(thing) == 14
        assert browse("gina").post(page, {"until": f"{timezone.localtime(thing.ends_at):%Y-%m-%dT%H:%M}"}).url
        assert browse("gina").post(page, {"until": at(20)}).url
        type(thing).objects.update(ends_at=None)
        assert browse("gina").post(page, {"until": at(5)}).status_code == 422
        assert browse("otto").post(page, {"until": at(5)}).url


def test_a_member_does_not_escape_the_latest_end_date_by_releasing(browse, page, vm, network):
    vm.status.write(power="off")
    for address, thing in (("/vms/lab/vm-1/release/", vm), ("/networks/lab/net1/release/", network)):
        answer = browse("otto").post(address)
        assert answer.status_code == 403
        assert "because its team limits the days until the end date" in answer.content.decode()
        thing.refresh_from_db()
        assert thing.managed
    page.post("/vms/lab/vm-1/release/")
    vm.refresh_from_db()
    assert not vm.managed


def test_what_has_ended_is_kept_for_the_grace_period_of_the_team_that_it_is_handed_over_to(vm, lab, user):
    slow, quick = (make_team(name, on=lab) for name in ("slow", "quick"))
    Team.objects.filter(name="slow").update(end_days=14, grace_days=30)
    Team.objects.filter(name="quick").update(end_days=14, grace_days=1)
    vm.hand_over(vm.owner, slow, user)
    pass_time(15)
    work(vm)
    pass_time(10)
    VM.objects.get().hand_over(None, Team.objects.get(pk=quick.pk), user)
    work(vm)
    work(vm)
    vm = VM.objects.get()
    assert vm.removed_at is None
    assert vm.has_ended
    pass_time(1.1)
    work()
    assert VM.objects.get().removed_at
