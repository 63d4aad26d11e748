"""A network or VM is handed over to another user or team, and its history says from whom to whom."""

import pytest
from django.core.management import call_command

from networks.models import Network
from tests.support.teams import role
from virterweb.people.models import Grant, Membership, Share, Team
from vms.models import VM

pytestmark = pytest.mark.integration
NET = "/networks/lab/net1/share/"


def team(name: str) -> Team:
    return Team.objects.get(name=name)


def hand_over(page, path: str = NET, *, user: str = "", to: str = ""):
    return page.post(path, {"do": "hand-over", "new-user": user, "new-team": team(to).pk if to else ""})


def owner(thing) -> tuple[str, str]:
    thing.refresh_from_db()
    return str(thing.owner), thing.team.name


def test_a_network_is_handed_over_to_a_member_of_the_same_team(browse, things, users):
    Share.objects.create(kind="network", object_id=things["network"].pk, user=users["rita"], level="viewer")
    assert hand_over(browse("otto"), user="mona").status_code == 302
    network = Network.objects.get(name="net1")
    assert owner(network) == ("mona", "red")
    revision = network.revisions.first()
    assert (revision.what, revision.by.username, revision.result) == ("handed over from otto to mona", "otto", "")
    assert "handed over from otto to mona" in browse("mona").get("/networks/lab/net1/history/").content.decode()
    assert browse("otto").get(NET).status_code == 403


def test_nothing_is_carried_out_in_libvirt(browse, things, enqueued):
    network = Network.objects.get(name="net1")
    network.status.write(generation=network.generation)
    enqueued.clear()
    hand_over(browse("otto"), user="mona")
    assert enqueued == []
    after = Network.objects.get(name="net1")
    assert (after.generation, after.revisions.first().result) == (network.generation, "done")


def test_an_operator_hands_a_vm_over_to_another_team_which_may_use_it_at_once(browse, page, things):
    path = "/vms/lab/vm-1/share/"
    assert browse("bert").get("/vms/lab/vm-1/").status_code == 404
    refused = hand_over(browse("mona"), path, to="blue")  # it would count towards the limits of blue
    assert "You may create nothing for the team blue there." in refused.content.decode()
    assert owner(things["vm"]) == ("otto", "red")
    assert hand_over(page, path, to="blue").status_code == 302
    assert owner(things["vm"]) == ("None", "blue")
    assert browse("bert").get("/vms/lab/vm-1/size/").status_code == 200
    found = VM.objects.get(name="vm-1").revisions.first().what
    assert found == "handed over from otto to nobody, and from the team red to blue"


def test_only_the_team_can_change(things, users):
    things["network"].hand_over(users["otto"], team("blue"), None)
    assert things["network"].revisions.first().what == "handed over from the team red to blue"
    things["network"].hand_over(users["otto"], team("blue"), None)
    assert things["network"].revisions.count() == 2  # what was saved before, and the first change


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({}, "Enter a user or choose a team."),
        ({"user": "gina"}, "There is no user gina in your teams."),
        ({"user": "mona", "to": "blue"}, "mona is not a member of the team blue."),
        ({"to": "green"}, "is not one of the available choices"),
    ],
)
def test_a_new_owner_who_could_not_use_it_is_refused(browse, things, sent, reason):
    answer = hand_over(browse("otto"), **sent)
    assert answer.status_code == 422
    assert reason in answer.content.decode()
    assert owner(things["network"]) == ("otto", "red")


def test_not_even_operators_hand_over_to_a_team_without_a_grant(page, things):
    assert "The team green has no grant on lab." in hand_over(page, to="green").content.decode()
    assert owner(things["network"]) == ("otto", "red")


def test_the_limits_of_the_new_team_hold(page, things):
    team("blue").grants.update(max_networks=0, max_vms=0)
    answer = hand_over(page, to="blue")
    assert answer.status_code == 422
    assert "This would be 1 of 0 networks on lab." in answer.content.decode()
    assert owner(things["network"]) == ("otto", "red")
    chosen = {"action": "hand-over", "vm": things["vm"].pk}
    token = page.post("/vms/many/", chosen).context["token"]
    page.post("/vms/many/", {**chosen, "asked": "yes", "token": token, "new-team": team("blue").pk})
    assert "Not handed over: vm-1. This would be 1 of 0 VMs on lab." in page.get("/vms/").content.decode()
    assert owner(things["vm"]) == ("otto", "red")


def test_a_viewer_cannot_hand_over(browse, things):
    assert hand_over(browse("rita"), user="rita").status_code == 403
    assert owner(things["network"]) == ("otto", "red")


def test_the_new_owner_loses_the_share_that_is_no_longer_needed(browse, things, users):
    Share.objects.create(kind="network", object_id=things["network"].pk, user=users["mona"], level="viewer")
    hand_over(browse("otto"), user="mona")
    assert not Share.objects.exists()


def test_a_team_does_not_get_what_is_in_a_pool_that_its_grant_does_not_name(browse, page, things, users):
    vm, path = things["vm"], "/vms/lab/vm-1/share/"
    Membership.objects.create(team=team("blue"), user=users["otto"], role=role("user"))
    vm.disks.create(name="data", size=1, pool="fast")
    Grant.objects.filter(team=team("blue")).update(pools="default")
    answer = hand_over(browse("otto"), path, to="blue")
    assert "The team blue may not use the storage pool fast of lab." in answer.content.decode()
    assert owner(vm) == ("otto", "red")
    many = {"action": "hand-over", "vm": vm.pk, "asked": "1", "new-team": team("blue").pk}
    shown = browse("otto").post("/vms/many/", {**many, "asked": ""}).context["token"]
    browse("otto").post("/vms/many/", {**many, "token": shown})
    assert owner(vm) == ("otto", "red")
    Grant.objects.filter(team=team("blue")).update(pools="default\nfast")
    assert hand_over(browse("otto"), path, to="blue").status_code == 302
    assert owner(vm) == ("None", "blue")
    Grant.objects.filter(team=team("red")).update(pools="")
    assert hand_over(page, path, to="red").status_code == 302, "operators use all pools"


def test_the_history_does_not_name_teams_that_a_reader_may_not_know(browse, page, things, users, capsys):
    hand_over(page, to="blue")
    Share.objects.create(kind="network", object_id=things["network"].pk, user=users["gina"], level="viewer")
    newest = things["network"].revisions.first().pk
    addresses = ("/networks/lab/net1/", "/networks/lab/net1/history/", f"/networks/lab/net1/history/{newest}/")
    shown = {"bert": "the team (not yours) to blue", "gina": "the team (not yours) to (not yours)"}
    for name, text in shown.items():
        for path in (*addresses, "/activity/", "/activity.csv", "/activity.json", "/"):
            content = browse(name).get(path).content.decode()
            assert "from the team red" not in content, path
            assert text in content, path
    call_command("network", "history", "net1", "--user", "bert")
    assert shown["bert"] in capsys.readouterr().out
    assert "the team red to blue" in page.get("/networks/lab/net1/history/").content.decode()
