"""As long as there is a single team, members and operators see nothing of teams."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import Client

from tests.project.conftest import make_things
from tests.project.every_url import ALL, address
from tests.project.permissions import PAGES
from tests.support.making import everyone, make_hypervisor
from tests.support.teams import role
from virterweb.people.models import Membership, Share, Team
from vms.models import VM

pytestmark = pytest.mark.integration
READ = [each for each in ALL if each[1] and PAGES[each[0]][each[1]].get]
TEAM = re.compile(r"[^\n]{0,60}\bteams?\b[^\n]{0,60}", re.IGNORECASE)
USERS = ("owner", "member", "viewer", "operator")


@pytest.fixture
def one_team(db, enqueued, user):
    """Return users of the only team by name, and values for the addresses of pages."""
    make = get_user_model().objects.create_user
    users = {name: make(name) for name in ("owner", "member", "viewer")} | {"operator": user}
    Membership.objects.create(team=everyone(), user=users["viewer"], role=role("viewer"))
    things = make_things(make_hypervisor("lab", access_network="net1"), users["owner"], everyone())
    Share.objects.create(kind="vm", object_id=VM.objects.get(name="alma-8-8").pk, user=users["member"], level="user")
    return users, things


def words(client: Client, path: str) -> list[str]:
    """Return the places of a page that speak of teams."""
    found = []
    for headers in ({}, {"HX-Request": "true"}):
        answer = client.get(path, headers=headers)
        content = b"".join(answer) if answer.streaming else answer.content
        found += TEAM.findall(content.decode(errors="replace"))
    return found


@pytest.mark.parametrize("name", USERS)
def test_the_word_team_is_on_no_page(client, one_team, name):
    users, things = one_team
    client.force_login(users[name])
    paths = [address(*each, things) for each in READ]
    found = {path: words(client, path) for path in [*paths, "/networks/lab/absent/"]}
    assert {path: places for path, places in found.items() if places} == {}


def test_it_appears_with_a_second_team(client, one_team):
    users, _ = one_team
    Team.objects.create(name="red")
    client.force_login(users["owner"])
    assert words(client, "/networks/lab/net1/share/")
    assert words(client, "/profile/rights/")


@pytest.mark.parametrize("name", USERS)
def test_refusals_of_forms_do_not_say_it_either(client, one_team, name):
    users, things = one_team
    client.force_login(users[name])
    found = []
    for space, its_name, pattern in ALL:
        if its_name and PAGES[space][its_name].post and its_name not in ("logout",):
            with transaction.atomic():
                answer = client.post(address(space, its_name, pattern, things))
                transaction.set_rollback(True)
            found += [(answer.request["PATH_INFO"], place) for place in TEAM.findall(answer.content.decode())]
    assert found == []
