"""The users and teams that a user may know, by whose names objects are shared and handed over."""

from collections.abc import Collection

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db.models import Exists, Q, QuerySet
from django.db.models.expressions import Combinable
from django.utils.functional import cached_property

from . import rights
from .models import Grant, Membership, Team

SUGGESTED = 200  # names that a form suggests


class Known:
    """The users and teams that one user may know, for objects on these hypervisors. They are read once."""

    def __init__(self, user: rights.Actor, hypervisors: Collection[int] = ()) -> None:
        self.user, self.hypervisors = user, hypervisors
        self.everybody = rights.access_of(user).everything

    @cached_property
    def teams(self) -> dict[str, Team]:
        """Return the teams of the user and those with a grant on the hypervisors, by their ID; for operators, all."""
        found = Team.objects.all()
        if rights.access_of(self.user).known_teams():
            here = Grant.objects.filter(Q(hypervisor=None) | Q(hypervisor__in=self.hypervisors)).order_by()
            mine = Membership.objects.filter(user=self.user).order_by()
            known = ~Q(role_of_all=None) | Q(pk__in=mine.values("team")) | Q(pk__in=here.values("team"))
            found = found.filter(known)
        return {str(team.pk): team for team in found}

    @cached_property
    def several(self) -> bool:
        """Return whether there are teams at all for users: a single one is the same for everybody."""
        return len(self.teams) > 1 or Team.objects.order_by()[1:2].exists()

    @property
    def users(self) -> QuerySet[AbstractBaseUser]:
        """Return the active users in the teams of the user; for operators of all hypervisors, all."""
        active = get_user_model().objects.filter(is_active=True).order_by("username")
        if self.everybody or any(team.role_of_all_id for team in self.teams.values()):
            return active
        mine = Team.objects.order_by().filter(memberships__user=self.user)
        return active.filter(Q(pk=self.user.pk) | Q(memberships__team__in=mine)).distinct()

    def names(self) -> list[str]:
        """Return the names of other users that a form suggests."""
        return list(self.users.exclude(pk=self.user.pk).values_list("username", flat=True)[:SUGGESTED])

    def named(self, name: str) -> AbstractBaseUser:
        """Return the user of a name; ValidationError if there is none, or none that the user may know."""
        found = self.users.filter(username=name).first()
        if found is None:
            where = " in your teams" if self.several and not self.everybody else ""
            raise ValidationError(f"There is no user {name}{where}.")
        return found


def has_recipients() -> Combinable:
    """Return the condition that there is anybody to share with: another user or another team."""
    users = get_user_model().objects.filter(is_active=True).order_by()
    return Exists(Team.objects.order_by()[1:2]) | Exists(users[1:2])


def is_offered(user: AbstractBaseUser) -> bool:
    """Return whether there is anybody to share something with, as `rights.access_of` has read it, or by a query."""
    if not hasattr(user, "has_recipients"):
        found = Team.objects.order_by().annotate(offered=has_recipients()).values_list("offered", flat=True)
        user.has_recipients = bool(found.first())
    return user.has_recipients
