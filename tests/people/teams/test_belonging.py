"""Pages of networks and VMs show the owner and the team, once there is a second team, to those who may know of it."""

import pytest
from django.contrib.auth import get_user_model
from lxml import html

from tests.support.making import make_foreign_network, make_hypervisor, make_network, make_vm
from tests.support.shown import queries_of
from tests.support.teams import make_team
from virterweb.people.models import Share, Team

pytestmark = pytest.mark.integration
PATHS = ["/networks/lab/net1/", "/vms/lab/vm/"]


@pytest.fixture
def lab(db, enqueued, member):
    lab = make_hypervisor("lab")
    make_network(lab, "net1", "10.1.0.1/24", owner=member)
    make_vm(lab, "vm", 8, owner=member)
    return lab


@pytest.fixture
def red(lab, member) -> Team:
    """Give everything to a second team."""
    red = make_team("red <b>", {member: "user"}, on=lab, others="")
    Team.objects.update(role_of_all=None)
    for thing in (lab.networks.get(), lab.vms.get()):
        thing.hand_over(member, red, None)
    return red


def shown(client, path: str) -> dict[str, str]:
    """Return the facts of a page about owner and team, as the page and its updates say them alike."""
    found = []
    for headers in ({}, {"HX-Request": "true"}):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 200
        terms = html.fromstring(answer.content).xpath("//dl[contains(@class, 'facts')]//dt")
        facts = {term.text_content().strip(): term.getnext().text_content().strip() for term in terms}
        found.append({name: facts[name] for name in ("Owner", "Team") if name in facts})
    assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize("path", PATHS)
def test_with_a_single_team_nobody_sees_owner_or_team(client, member, user, lab, path):
    for who in (member, user):
        client.force_login(who)
        assert shown(client, path) == {}


@pytest.mark.parametrize("path", PATHS)
def test_members_and_operators_see_both(client, member, user, red, path):
    for who in (member, user):
        client.force_login(who)
        assert shown(client, path) == {"Owner": "otto", "Team": "red <b>"}


@pytest.mark.parametrize("path", PATHS)
def test_what_no_user_owns_is_of_nobody(member_page, red, lab, path):
    for thing in (lab.networks.get(), lab.vms.get()):
        thing.hand_over(None, red, None)
    assert shown(member_page, path) == {"Owner": "nobody", "Team": "red <b>"}


@pytest.mark.parametrize("path", PATHS)
def test_with_whom_an_object_is_shared_learns_the_owner_and_not_the_team(client, red, lab, path):
    ann = get_user_model().objects.create_user("ann")
    for kind, thing in (("network", lab.networks.get()), ("vm", lab.vms.get())):
        Share.objects.create(kind=kind, object_id=thing.pk, user=ann, level="viewer")
    client.force_login(ann)
    assert shown(client, path) == {"Owner": "otto"}


@pytest.mark.parametrize("path", PATHS)
def test_auditors_see_the_team(client, red, lab, path):
    vera = get_user_model().objects.create_user("vera")
    make_team("auditors", {vera: "viewer"}, others="auditor")
    client.force_login(vera)
    assert shown(client, path)["Team"] == "red <b>"


def test_what_the_portal_does_not_manage_belongs_to_nobody(page, red, lab):
    make_foreign_network(lab)
    assert shown(page, "/networks/lab/default/") == {}


@pytest.mark.parametrize("path", PATHS)
def test_it_costs_one_query(page, red, lab, path):
    several = queries_of(page, path)
    lab.networks.update(team=None)
    lab.vms.update(team=None)
    assert several - queries_of(page, path) <= 1
