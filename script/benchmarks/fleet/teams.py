"""Divides the objects of a fleet among teams, one user being a member of a few of them."""

from __future__ import annotations

TEAMS, MINE = 200, 3
ROLE, ROLE_FOR_OTHERS = "user", "names and addresses"


def divide(username: str) -> None:
    """Give each network, VM and image to one of the teams in turn; create a user who is a member of the first."""
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.db.models import F
    from django.db.models.functions import Mod

    from networks.models import Network
    from virterweb.people.models import Grant, Membership, Role, Team
    from vms.models import VM, Image

    role, names = (Role.objects.get(name=name) for name in (ROLE, ROLE_FOR_OTHERS))
    teams = Team.objects.bulk_create(Team(name=f"team-{number}") for number in range(TEAMS))
    Grant.objects.bulk_create(Grant(team=team, role=names) for team in teams)
    user = get_user_model().objects.create_user(username, password="a page of its own changes it")
    Membership.objects.bulk_create(Membership(team=team, user=user, role=role) for team in teams[:MINE])
    for model in (Network, VM, Image):
        model.objects.update(team=teams[0].pk + Mod(F("pk"), TEAMS))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
