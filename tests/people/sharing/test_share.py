"""A single network or VM is shared with a user or a team, who have access at once, until the share ends."""

import pytest

from tests.support.making import make_network
from tests.support.teams import make_team
from virterweb.people.models import Grant, Role, Share, Team

pytestmark = pytest.mark.integration
NET, VM = "/networks/lab/net1/", "/vms/lab/vm-1/"


def share(page, path: str, *, user: str = "", team: str = "", level: str = "viewer"):
    sent = {"do": "share", "share-user": user, "share-level": level}
    sent["share-team"] = Team.objects.get(name=team).pk if team else ""
    return page.post(f"{path}share/", sent)


def statuses(page, *paths: str) -> list[int]:
    return [page.get(path).status_code for path in paths]


def test_a_share_with_a_team_on_a_hypervisor_without_grant_shows_the_object_and_nothing_else(browse, page, things):
    gina = browse("gina")
    assert statuses(gina, VM, NET) == [404, 404]
    assert share(page, VM, team="green").status_code == 302
    assert statuses(gina, VM, f"{VM}definition/", f"{VM}console/", f"{VM}size/") == [200, 200, 403, 403]
    shown = gina.get("/vms/").content.decode()
    assert "vm-1" in shown
    assert statuses(gina, NET, "/vms/lab/vm-1/share/") == [404, 403]
    assert "net1" not in gina.get("/networks/").content.decode()


@pytest.mark.parametrize(
    ("level", "console", "edit", "power"),
    [("viewer", 403, 403, 403), ("console", 200, 403, 302), ("user", 200, 200, 302)],
)
def test_the_level_says_what_a_share_allows(browse, things, users, level, console, edit, power):
    mona = browse("mona")  # a manager
    assert "bert" not in mona.get(f"{VM}share/").content.decode()  # of another team
    share(mona, VM, team="blue", level=level)
    bert = browse("bert")
    assert statuses(bert, f"{VM}console/", f"{VM}size/") == [console, edit]
    assert bert.post(f"{VM}shutdown/").status_code == power
    assert bert.get(f"{VM}remove/").status_code == 403


def test_a_shared_network_can_be_edited(browse, things):
    assert browse("rita").get(f"{NET}edit/").status_code == 403  # a viewer of the team
    share(browse("otto"), NET, user="rita", level="user")
    assert browse("rita").get(f"{NET}edit/").status_code == 200
    assert "Edit" in browse("rita").get(NET).content.decode()


def test_sharing_again_changes_the_level_and_ending_the_share_ends_the_access(browse, things):
    otto = browse("otto")
    share(otto, NET, team="blue", level="viewer")
    share(otto, NET, team="blue", level="user")
    shown = otto.get(f"{NET}share/").content.decode()
    assert "Team blue" in shown
    assert browse("bert").get(f"{NET}edit/").status_code == 200
    found = Share.objects.get()
    assert (found.by.username, found.level) == ("otto", "user")
    otto.post(f"{NET}share/", {"do": "end", "share": found.pk})
    assert browse("bert").get(NET).status_code == 404
    assert "Not shared yet" in otto.get(f"{NET}share/").content.decode()


def test_a_share_of_another_object_cannot_be_ended_here(browse, things, users, lab):
    other = make_network(lab, "net2", "10.2.0.1/24", team=Team.objects.get(name="blue"), owner=users["bert"])
    found = Share.objects.create(kind="network", object_id=other.pk, team=Team.objects.get(name="red"), level="viewer")
    browse("otto").post(f"{NET}share/", {"do": "end", "share": found.pk})
    assert Share.objects.filter(pk=found.pk).exists()


@pytest.mark.parametrize("name", ["bert", "nobody-at-all"])
def test_a_name_that_the_user_cannot_know_is_answered_as_one_that_does_not_exist(browse, things, name):
    answer = share(browse("otto"), NET, user=name)
    assert answer.status_code == 422
    assert f"There is no user {name} in your teams." in answer.content.decode()


def test_names_of_members_of_the_own_teams_are_suggested(browse, things):
    page = browse("otto").get(f"{NET}share/").content.decode()
    assert all(f'<option value="{name}">' in page for name in ("rita", "mona"))
    assert not any(f'"{name}"' in page for name in ("bert", "gina", "otto"))


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({}, "Enter a user or choose a team."),
        ({"user": "rita", "team": "blue"}, "Choose either a user or a team."),
        ({"user": "otto"}, "otto owns net1."),
        ({"user": "rita", "level": "owner"}, "Select a valid choice."),
    ],
)
def test_a_share_that_says_nothing_or_too_much_is_refused(browse, things, sent, reason):
    answer = share(browse("otto"), NET, **sent)
    assert (answer.status_code, Share.objects.count()) == (422, 0)
    assert reason in answer.content.decode()


def test_nobody_shares_more_than_they_may_do_themselves(browse, things, users):
    Role.objects.create(name="distributor", verbs=["list", "see", "share"])
    users["otto"].memberships.all().delete()
    make_team("yellow", {users["otto"]: "viewer"}, others="distributor")
    assert "Console: also start" not in browse("otto").get(f"{NET}share/").content.decode()
    assert share(browse("otto"), NET, user="otto", level="user").status_code == 422
    assert share(browse("otto"), NET, team="yellow", level="user").status_code == 422
    assert Share.objects.count() == 0
    assert share(browse("otto"), NET, team="yellow").status_code == 302


def test_only_who_may_share_an_object_is_offered_the_page(browse, things):
    assert "Share or hand over" in browse("otto").get(VM).content.decode()
    assert "Share or hand over" in browse("mona").get(NET).content.decode()
    assert "Share or hand over" not in browse("rita").get(NET).content.decode()
    assert statuses(browse("rita"), f"{NET}share/", f"{VM}share/") == [403, 403]


def test_sharing_is_not_offered_to_the_only_user_of_the_only_team(page, lab, user):
    network = make_network(lab, "net1", owner=user)
    assert "Share or hand over" not in page.get(network.get_absolute_url()).content.decode()
    Team.objects.create(name="red")
    assert "Share or hand over" in page.get(network.get_absolute_url()).content.decode()


def test_in_an_installation_with_one_team_objects_are_shared_with_users_only(member_page, lab, member, operator):
    network = make_network(lab, "net1", owner=member)
    Grant.objects.update(role=None)
    Team.objects.update(role_of_all=Role.objects.get(name="viewer"))
    network.team.memberships.create(user=member, role=Role.objects.get(name="manager"))
    shown = member_page.get("/networks/lab/net1/share/").content.decode()
    assert "team" not in shown.lower()
    assert share(member_page, NET, user="nobody").status_code == 422
    assert share(member_page, NET, user="admin").status_code == 302
    assert "admin" in member_page.get("/networks/lab/net1/share/").content.decode()
