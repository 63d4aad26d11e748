"""Teams for tests."""

from django.contrib.auth.base_user import AbstractBaseUser

from virterweb.hypervisors.models import Hypervisor
from virterweb.people.models import Grant, Membership, Role, Team


def role(name: str) -> Role:
    return Role.objects.get(name=name)


def make_team(
    name: str,
    members: dict[AbstractBaseUser, str] | None = None,
    on: Hypervisor | None = None,
    others: str = "names and addresses",
    **grant: object,
) -> Team:
    """Create a team with its members, each with a role, and a grant for a hypervisor, or for all.

    `others` is the role for the objects of other teams; "" for none.
    """
    team = Team.objects.create(name=name)
    Grant.objects.create(team=team, hypervisor=on, role=role(others) if others else None, **grant)
    for user, its in (members or {}).items():
        Membership.objects.create(team=team, user=user, role=role(its))
    return team
