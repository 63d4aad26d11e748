"""The same rule answers for lists and for single objects, whatever the roles, grants and shares."""

from itertools import product

import pytest
from django.contrib.auth import get_user_model

from networks.models import Network
from tests.support.making import make_foreign_network, make_hypervisor, make_network
from tests.support.teams import make_team, role
from virterweb.people import rights
from virterweb.people.models import Grant, Membership, Role, Share, Team
from virterweb.people.verbs import Level, Verb


@pytest.fixture
def networks(db, enqueued):
    """Create networks of two teams and of nobody, of two owners, on two hypervisors."""
    people = [get_user_model().objects.create_user(name) for name in ("ann", "bob")]
    red = make_team("red", {people[0]: "user"}, others="")
    blue = make_team("blue", {people[1]: "user"}, others="")
    places = [make_hypervisor(name) for name in ("lab-1", "lab-2")]
    for number, (place, team, owner) in enumerate(product(places, (red, blue, None), (*people, None))):
        make_network(place, f"net{number}", f"10.{number}.0.1/24", team=team, owner=owner)
    for place in places:
        make_foreign_network(place)
    return list(Network.objects.select_related("hypervisor"))


def fresh(name: str) -> object:
    return get_user_model().objects.get(username=name)


@pytest.mark.parametrize("its", ["viewer", "user", "manager", "console only", "network administrator"])
@pytest.mark.parametrize("others", ["", "names and addresses", "auditor", "operator"])
@pytest.mark.parametrize("everywhere", [True, False], ids=["everywhere", "on one hypervisor"])
@pytest.mark.parametrize("level", [None, *Level])
def test_a_list_has_exactly_those_that_the_answer_for_one_allows(networks, its, others, everywhere, level):
    Team.objects.filter(name="everyone").update(role_of_all=None)
    Membership.objects.filter(user__username="ann").update(role=role(its))
    place = None if everywhere else networks[0].hypervisor
    Grant.objects.filter(team__name="red").update(hypervisor=place, role=role(others) if others else None)
    if level:
        Share.objects.create(kind="network", object_id=networks[4].pk, user=fresh("ann"), level=level)
        Share.objects.create(kind="network", object_id=networks[7].pk, team=Team.objects.get(name="red"), level=level)
    for verb in Verb:
        user = fresh("ann")
        one_by_one = {network.pk for network in networks if rights.may(user, verb, network)}
        listed = set(Network.objects.changeable_by(user, verb).values_list("pk", flat=True))
        assert listed == one_by_one, verb
        assert {network.pk for network in networks if user.has_perm(verb, network)} == one_by_one


def test_what_belongs_to_a_team_is_the_teams_business_alone(networks):
    Team.objects.filter(name="everyone").update(role_of_all=None)
    mine = Network.objects.visible_to(fresh("ann"))
    assert {network.team.name for network in mine} == {"red"}
    assert mine.count() == 6


def test_owners_see_secrets_of_their_own_and_share_it_as_long_as_they_are_users_of_the_team(networks):
    Team.objects.filter(name="everyone").update(role_of_all=None)
    secret = Network.objects.changeable_by(fresh("ann"), Verb.SECRETS)
    assert {(network.team.name, network.owner.username) for network in secret} == {("red", "ann")}
    Membership.objects.filter(user__username="ann").update(role=role("viewer"))
    assert not Network.objects.changeable_by(fresh("ann"), Verb.SECRETS).exists()
    Membership.objects.filter(user__username="ann").delete()
    assert not Network.objects.visible_to(fresh("ann")).exists()


def test_without_a_grant_a_team_has_nothing_on_a_hypervisor_not_even_its_own(networks):
    Team.objects.filter(name="everyone").update(role_of_all=None)
    Grant.objects.filter(team__name="red").update(hypervisor=networks[0].hypervisor)
    assert {network.hypervisor.name for network in Network.objects.visible_to(fresh("ann"))} == {"lab-1"}
    assert [each.name for each in rights.visible_hypervisors(fresh("ann"))] == ["lab-1"]


def test_the_rights_of_a_user_cost_one_query_and_those_of_a_superuser_none(networks, django_assert_num_queries):
    user, superuser = fresh("ann"), get_user_model().objects.create_superuser("root")
    for number in range(20):
        team = make_team(f"team-{number}", {user: "user"})
        Grant.objects.create(team=team, hypervisor=networks[0].hypervisor, role=role("auditor"))
    with django_assert_num_queries(1):
        rights.access_of(user)
    with django_assert_num_queries(0):
        rights.access_of(superuser)


def test_verbs_of_a_later_version_are_ignored(networks):
    Role.objects.filter(name="user").update(verbs=["list", "teleport"])
    assert Network.objects.visible_to(fresh("ann")).exists()
    assert not Network.objects.changeable_by(fresh("ann"), Verb.EDIT).exists()
