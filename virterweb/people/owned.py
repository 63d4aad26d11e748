"""Base models of what users and teams own: networks, VMs and images, and templates of VMs."""

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Self

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Exists, OuterRef, Subquery

from virterweb.activity.choices import Result
from virterweb.activity.models import Subject
from virterweb.hypervisors.desired.models import Desired
from virterweb.hypervisors.desired.queryset import DesiredQuerySet
from virterweb.hypervisors.desired.revisions import note_activity, recorded

from . import limits, rights
from .known import has_recipients
from .models import Share, Team
from .verbs import Verb

# The events of the history: the owner changes, the team, or both.
HANDED_OVER, HANDED_OVER_TO_TEAM, HANDED_OVER_TO_BOTH = "handed over", "handed over to team", "handed over to both"
SHARED, UNSHARED = "shared", "no longer shared"  # events of the activity log


class BelongingQuerySet(models.QuerySet):
    """Rows with a hypervisor, an owner and a team."""

    def visible_to(self, user: rights.Actor) -> Self:
        """Return those that exist for a user."""
        return self.changeable_by(user, Verb.LIST)

    def changeable_by(self, user: rights.Actor, verb: Verb) -> Self:
        """Return those with which a user may do this."""
        access = rights.access_of(user)
        if access.allows_on(verb, None):
            return self.all()
        return self.filter(access.q(verb, self.model._meta.model_name))

    def in_lists(self) -> Self:
        """Return them without large columns that no list of objects of all kinds shows."""
        return self

    def with_recipients(self) -> Self:
        """Add the column `offered`: whether there is anybody to share them with."""
        return self.annotate(offered=has_recipients())

    def with_belonging(self, user: rights.Actor) -> Self:
        """Add what `belonging` reads: the names of owner and team, as far as the user may know of the team."""
        several = Exists(Team.objects.order_by()[1:2])
        owners = get_user_model().objects.filter(several, pk=OuterRef("owner")).values("username")
        teams = rights.visible_teams(user).order_by().filter(pk=OuterRef("team")).values("name")
        return self.annotate(several_teams=several, owner_name=Subquery(owners), team_name=Subquery(teams))


class OwnedQuerySet(BelongingQuerySet, DesiredQuerySet):
    """Desired configurations with an owner and a team."""


class Belonging(models.Model):
    """Something on a hypervisor that belongs to a user and a team, and can be shared."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="%(class)ss")

    objects = BelongingQuerySet.as_manager()

    class Meta:
        abstract = True

    def used_pools(self) -> set[str]:
        """Return the names of the storage pools that it is stored in."""
        return set()

    @property
    def shares(self) -> models.QuerySet[Share]:
        return Share.objects.filter(kind=self._meta.model_name, object_id=self.pk)

    def note_share(self, share: Share, event: str, by: AbstractBaseUser | None) -> None:
        """Record in the activity log that the object was shared, or no longer is."""
        about = {"recipient": str(share.user or share.team), "is_team": share.user is None, "level": share.level}
        note_activity(self, event, by, about=about, result=Result.DONE)

    def handing_over(self, owner: AbstractBaseUser | None, team: Team) -> tuple[str, dict[str, str]]:
        """Return the event of handing it over, with its parameters."""
        before = {"before": _name(self.owner), "before_team": _name(self.team)}
        event = HANDED_OVER if self.team == team else HANDED_OVER_TO_BOTH
        event = HANDED_OVER_TO_TEAM if self.owner == owner else event
        return event, before | {"after": _name(owner), "after_team": _name(team)}

    def _give_to(self, owner: AbstractBaseUser | None, team: Team) -> None:
        self.owner, self.team = owner, team
        type(self).objects.filter(pk=self.pk).update(owner=owner, team=team)
        if owner:
            self.shares.filter(user=owner).delete()

    def delete(self, *args, **kwargs) -> tuple[int, dict[str, int]]:
        """Delete it with everything that belongs to it, its shares included."""
        self.shares.delete()
        return super().delete(*args, **kwargs)


class Owned(Belonging, Desired):
    """A desired configuration with its owner and team. What the portal does not manage has neither."""

    objects = OwnedQuerySet.as_manager()

    class Meta:
        abstract = True

    def kept_limits(self) -> AbstractContextManager[None]:
        """Make a change within the limits of the team: see `limits.kept`."""
        return limits.kept(self.team_id, self.hypervisor_id)

    def activity_subject(self, event: str) -> Subject:
        """Return what an entry of the activity log says about the object, with its present owner and team."""
        return replace(super().activity_subject(event), owner_id=self.owner_id, team_id=self.team_id)

    @property
    def belonging(self) -> dict[str, str | None]:
        """Return the names of owner and team, as `owner` and `team`; nothing if there is a single team.

        The team is None if the user may not know of it: the object is shared with the user. See `with_belonging`.
        """
        return {"owner": self.owner_name, "team": self.team_name} if self.team_id and self.several_teams else {}

    def hand_over(self, owner: AbstractBaseUser | None, team: Team, by: AbstractBaseUser | None) -> None:
        """Make it that of another user, another team, or both, and note it in the history.

        Raises:
            InvalidTransition: the portal does not manage it, or it is being deleted.
            Exceeded: the new team would have more than its limits allow.
        """
        with limits.kept(team.pk, self.hypervisor_id), self.transition(managed=True):
            self.refresh_from_db(fields=["owner", "team"])
            if (self.owner, self.team) == (owner, team):
                return
            event, about = self.handing_over(owner, team)
            if not self.has_history:
                self._give_to(owner, team)
                return
            with recorded(self, event, by, **about):
                self._give_to(owner, team)

    def belong_to(self, owner: AbstractBaseUser | None, team: Team | None) -> None:
        """Make what was just adopted that of a user and a team. Without a team, it belongs to the user alone."""
        if team is not None:
            self._give_to(owner, team)
        elif owner is not None:
            self.owner = owner
            type(self).objects.filter(pk=self.pk).update(owner=owner)

    def belong_to_nobody(self) -> None:
        """Drop its owner, its team and its shares: the portal no longer manages it."""
        self.owner = self.team = None
        type(self).objects.filter(pk=self.pk).update(owner=None, team=None)
        self.shares.delete()

    def require_release(self, by: rights.Actor) -> None:
        """Raise PermissionDenied if releasing it would free a part of a limit, although libvirt keeps it."""
        if not rights.is_operator(by, self.hypervisor_id) and limits.limits(self.team_id, self.hypervisor_id):
            raise PermissionDenied(
                f"Only operators may release {self}, because the limits of its team would no longer count it."
            )


def _name(owner: models.Model | None) -> str:
    return str(owner or "")


def owned_models() -> list[type[Belonging]]:
    """Return the models of what users and teams own."""
    return [model for model in apps.get_models() if issubclass(model, Belonging)]
