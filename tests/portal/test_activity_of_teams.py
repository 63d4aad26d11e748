"""The activity page filtered by team, alone and with other filters, as far as a user may know of the teams."""

import csv
import io

import pytest
from django.contrib.auth import get_user_model
from django.utils.http import urlencode
from lxml import html

from networks.definition.events import Event
from tests.support.making import make_hypervisor, make_network, make_vm
from tests.support.teams import make_team
from virterweb.activity.models import Entry
from virterweb.people.models import Share, Team


@pytest.fixture
def teams(db, enqueued) -> dict[str, object]:
    """Return the users of two teams that do not see each other's objects, each having changed a network or VM."""
    Team.objects.update(role_of_all=None)
    make = get_user_model().objects.create_user
    users = {name: make(name) for name in ("rob", "bea", "vera")}
    lab = make_hypervisor("lab")
    red = make_team("red", {users["rob"]: "user"}, on=lab, others="")
    blue = make_team("blue", {users["bea"]: "user"}, on=lab, others="")
    make_team("auditors", {users["vera"]: "viewer"}, others="auditor")
    net1 = make_network(lab, "net1", owner=users["rob"], team=red)
    net1.change(Event.STOPPED, users["rob"], active=False)
    net2 = make_network(lab, "net2", "10.2.0.1/24", owner=users["bea"], team=blue)
    net2.change(Event.STOPPED, users["bea"], active=False)
    vm = make_vm(lab, "vm-8", 8, owner=users["rob"], team=red)
    vm.resize(2048, 1, users["rob"])
    Share.objects.create(kind="network", object_id=net2.pk, user=users["rob"], level="viewer")
    return users


def shown(client, **query: str) -> list[str]:
    """Return the objects of the entries, which the page, its updates and both files agree on."""
    text = f"?{urlencode(query)}"
    found = []
    for headers in ({}, {"HX-Request": "true"}):
        answer = client.get(f"/activity/{text}", headers=headers)
        assert answer.status_code == 200
        cells = html.fromstring(answer.content).xpath("//tr[starts-with(@id, 'entry-')]/td[3]")
        found.append([" ".join(cell.text_content().split()).split(" ")[0] for cell in cells])
    found.append([each["object"] for each in client.get(f"/activity.json{text}").json()])
    table = csv.DictReader(io.StringIO(client.get(f"/activity.csv{text}").content.decode()))
    found.append([each["object"] for each in table])
    assert found == [found[0]] * 4
    return found[0]


def offered(client, query: str = "") -> list[str]:
    """Return the teams that the chip offers."""
    chip = html.fromstring(client.get(f"/activity/{query}").content).xpath(
        "//details[contains(@class, 'chips')]//a[contains(@href, 'team=')]/text()"
    )
    return [text.strip() for text in chip]


@pytest.mark.parametrize(
    ("query", "objects"),
    [
        ({"team": "red"}, ["vm-8", "net1"]),
        ({"team": "blue"}, ["net2"]),
        ({"team": "red", "user": "rob"}, ["vm-8", "net1"]),
        ({"team": "red", "user": "bea"}, []),
        ({"team": "red", "object": "net1"}, ["net1"]),
        ({"team": "red", "object": "net2"}, []),
        ({"team": "red", "event": "stopped"}, ["net1"]),
        ({"team": "red", "since": "2020-01-01T00:00"}, ["vm-8", "net1"]),
        ({"team": "red", "until": "2020-01-01T00:00"}, []),
        ({"team": "red", "user": "rob", "object": "net1", "event": "stopped", "since": "2020-01-01T00:00"}, ["net1"]),
        ({"team": "red", "kind": "VM", "q": "vm"}, ["vm-8"]),
        ({"team": "absent"}, []),
        ({"team": "'"}, []),
    ],
)
def test_the_team_narrows_the_list_and_both_files_together_with_all_other_filters(page, teams, query, objects):
    assert shown(page, **query) == objects


def test_entries_of_no_team_can_be_chosen(page, teams):
    assert set(shown(page, team="-")) == {""}  # sign-ins


def test_operators_and_auditors_are_offered_all_teams_that_entries_have(client, page, teams):
    assert offered(page) == ["blue", "red", "none"]
    client.force_login(teams["vera"])
    assert offered(client)[:2] == ["blue", "red"]
    assert shown(client, team="blue") == ["net2"]


def test_a_member_is_offered_the_own_team_alone_although_an_object_of_another_is_shared(client, teams):
    client.force_login(teams["rob"])
    assert "net2" in shown(client)
    assert offered(client) == ["red", "none"]
    assert shown(client, team="red") == ["vm-8", "net1"]
    assert shown(client, team="blue") == shown(client, team="absent") == []
    assert "blue" not in client.get("/activity/").content.decode()


def test_a_team_that_was_deleted_is_not_offered(page, teams):
    Entry.objects.filter(team_id=Team.objects.get(name="red").pk)._write(team_id=10**6)
    assert offered(page) == ["blue", "none"]


def test_the_links_to_the_files_and_the_form_of_the_time_keep_the_team(page, teams):
    found = html.fromstring(page.get("/activity/?team=red&user=rob").content)
    for suffix in ("csv", "json"):
        assert found.xpath(f"//a[starts-with(@href, '/activity.{suffix}')]/@href") == [
            f"/activity.{suffix}?team=red&user=rob"
        ]
    kept = {each.get("name"): each.get("value") for each in found.xpath("//details[@class='period']//input")}
    assert (kept["team"], kept["user"]) == ("red", "rob")


def test_with_a_single_team_there_is_no_such_filter(page, enqueued):
    make_network(make_hypervisor("lab"), "net1").change(Event.STOPPED, None, active=False)
    assert offered(page) == []
    assert "team" not in page.get("/activity/").content.decode().lower()
