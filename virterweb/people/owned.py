"""Base model of what users and teams own: networks, VMs and images."""

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Self

from django.conf import settings
from django.db import models

from virterweb.activity.models import Subject
from virterweb.hypervisors.desired.models import Desired
from virterweb.hypervisors.desired.queryset import DesiredQuerySet

from . import limits, rights
from .models import Share, Team
from .verbs import Verb


class OwnedQuerySet(DesiredQuerySet):
    def visible_to(self, user: rights.Actor) -> Self:
        """Return those that exist for a user."""
        return self.changeable_by(user, Verb.LIST)

    def changeable_by(self, user: rights.Actor, verb: Verb) -> Self:
        """Return those with which a user may do this."""
        return self.filter(rights.access_of(user).q(verb, self.model._meta.model_name))


class Owned(Desired):
    """A desired configuration with its owner and team. What the portal does not manage has neither."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="%(class)ss")

    objects = OwnedQuerySet.as_manager()

    class Meta:
        abstract = True

    def kept_limits(self) -> AbstractContextManager[None]:
        """Make a change within the limits of the team: see `limits.kept`."""
        return limits.kept(self.team_id, self.hypervisor_id)

    def activity_subject(self, event: str) -> Subject:
        """Return what an entry of the activity log says about the object, with its present owner and team."""
        return replace(super().activity_subject(event), owner_id=self.owner_id, team_id=self.team_id)

    def delete(self, *args, **kwargs) -> tuple[int, dict[str, int]]:
        """Delete it with everything that belongs to it, its shares included."""
        Share.objects.filter(kind=self._meta.model_name, object_id=self.pk).delete()
        return super().delete(*args, **kwargs)
