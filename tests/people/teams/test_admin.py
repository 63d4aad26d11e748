"""Superusers make teams and roles in the admin; nobody else can."""

import pytest
from django.contrib.auth import get_user_model
from lxml import html

from tests.support.making import make_hypervisor, make_network
from tests.support.teams import make_team, role
from virterweb.people import rights
from virterweb.people.models import Grant, Role, Team
from virterweb.people.verbs import Verb

TEAMS, ROLES = "/admin/people/team/", "/admin/people/role/"


@pytest.fixture
def admin_page(client, operator):
    client.force_login(operator)
    return client


def sent(page, path: str, **typed: object) -> dict[str, object]:
    """Return what a browser sends for a form of the admin."""
    forms = html.fromstring(page.get(path).content.decode()).forms
    form = next(each for each in forms if str(each.get("id")).endswith("_form"))
    values: dict[str, list[str]] = {}
    for name, value in form.form_values():
        values.setdefault(name, []).append(value)
    return {name: found for name, found in values.items() if "__prefix__" not in name} | typed


def grant_of(number: int, **values: object) -> dict[str, object]:
    """Return the fields of one grant in the form of a team."""
    values = {"id": "", "team": "", "hypervisor": "", "role": "", "blocks": "", "networks": "", **values}
    return {f"grants-{number}-{name}": value for name, value in values.items()}


def test_a_team_is_made_with_members_and_a_grant_and_its_members_have_the_rights_at_once(admin_page, member):
    lab, user = make_hypervisor("lab"), role("user")
    Team.objects.update(role_of_all=None)
    typed = {"name": "red", "memberships-TOTAL_FORMS": 1, "memberships-0-user": member.pk}
    typed |= {"memberships-0-role": user.pk, "grants-TOTAL_FORMS": 1}
    typed |= grant_of(0, hypervisor=lab.pk, role=role("auditor").pk, blocks="10.1.0.0/16", max_vms=3)
    answer = admin_page.post(f"{TEAMS}add/", sent(admin_page, f"{TEAMS}add/", **typed))
    assert answer.status_code == 302, answer.content.decode()
    grant = Team.objects.get(name="red").grants.get()
    assert (grant.hypervisor, grant.role.name, grant.blocks, grant.max_vms) == (lab, "auditor", "10.1.0.0/16", 3)
    network = make_network(lab, team=Team.objects.get(name="red"))
    fresh = get_user_model().objects.get(pk=member.pk)
    assert rights.may(fresh, Verb.EDIT, network)


def test_address_blocks_and_names_are_checked(admin_page):
    typed = {"name": "re\u200bd", "grants-TOTAL_FORMS": 1} | grant_of(0, blocks="10.1.0.1/16")
    page = admin_page.post(f"{TEAMS}add/", sent(admin_page, f"{TEAMS}add/", **typed)).content.decode()
    assert "10.1.0.1/16 is not a block of addresses such as 10.0.0.0/8" in page
    assert "Remove the invisible characters" in page
    assert not Team.objects.filter(name__startswith="re").exists()


def test_a_team_has_one_grant_for_all_hypervisors(admin_page):
    typed = {"name": "red", "grants-TOTAL_FORMS": 2} | grant_of(0) | grant_of(1)
    answer = admin_page.post(f"{TEAMS}add/", sent(admin_page, f"{TEAMS}add/", **typed))
    assert "Only one grant of a team can be for all hypervisors." in answer.content.decode()


def test_the_verbs_of_a_role_are_checkboxes(admin_page):
    page = admin_page.get(f"{ROLES}add/").content.decode()
    assert "Operate the hypervisor: XML, routes" in page
    answer = admin_page.post(f"{ROLES}add/", {"name": "watcher", "verbs": ["list", "console"]})
    assert answer.status_code == 302
    assert Role.objects.get(name="watcher").allowed == {Verb.LIST, Verb.CONSOLE}


def test_a_code_of_another_version_stays_in_a_role(admin_page):
    watcher = Role.objects.create(name="watcher", verbs=["list", "teleport"])
    admin_page.post(f"{ROLES}{watcher.pk}/change/", {"name": "watcher", "verbs": ["see"]})
    watcher.refresh_from_db()
    assert watcher.verbs == ["see", "teleport"]


def test_a_role_of_a_new_installation_keeps_its_name_and_another_can_be_renamed(admin_page):
    viewer, watcher = role("viewer"), Role.objects.create(name="watcher", verbs=["list"])
    for each in (viewer, watcher):
        admin_page.post(f"{ROLES}{each.pk}/change/", {"name": f"{each.name} 2", "verbs": ["list"]})
        each.refresh_from_db()
    assert (viewer.name, viewer.verbs, watcher.name) == ("viewer", ["list"], "watcher 2")


def test_a_role_in_use_cannot_be_deleted(admin_page, member):
    watcher, spare = (Role.objects.create(name=name, verbs=["list"]) for name in ("watcher", "spare"))
    make_team("red", {member: "watcher"})
    for each in (watcher, spare):
        admin_page.post(f"{ROLES}{each.pk}/delete/", {"post": "yes"})
    assert list(Role.objects.filter(pk__in=(watcher.pk, spare.pk))) == [watcher]


def test_a_team_that_owns_something_cannot_be_deleted(admin_page):
    red, blue = make_team("red"), make_team("blue")
    make_network(make_hypervisor("lab"), team=red)
    for each in (red, blue):
        admin_page.post(f"{TEAMS}{each.pk}/delete/", {"post": "yes"})
    assert set(Team.objects.filter(pk__in=(red.pk, blue.pk))) == {red}


def test_an_operator_has_no_access_to_teams_and_roles(client, user):
    client.force_login(user)
    for path in (TEAMS, f"{TEAMS}add/", ROLES, f"{ROLES}{role('viewer').pk}/change/"):
        assert client.get(path).status_code == 403
        assert client.post(path, {"name": "mine"}).status_code == 403
    assert "Teams" not in client.get("/admin/").content.decode()
    assert Grant.objects.count() == 1
