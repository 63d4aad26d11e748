"""Base model of what can have an end date: networks and VMs."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from django.apps import apps
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.utils import timezone

from virterweb.activity.choices import Result
from virterweb.hypervisors.claims.clock import Now, database_time
from virterweb.hypervisors.desired.refusals import InvalidTransition
from virterweb.hypervisors.desired.revisions import note_activity
from virterweb.messages import Failure, Message
from virterweb.people import rights
from virterweb.people.models import LastDefinition, Team
from virterweb.people.owned import Owned
from virterweb.people.verbs import Verb

from . import wording as _wording  # noqa: F401, adds the texts of the messages
from .rules import MAX_AHEAD, Rules

EXTENDED, CHANGED, REMOVED = "extended", "end changed", "end removed"  # events of the activity log
ENDED, DELETED = "ended", "deleted at end"  # events of the history
COLUMNS = ("ends_at", "end_chosen_at", "ended_at")
MINUTE = timedelta(minutes=1)  # by which the time of a form may be older than its answer


class EndRefusal(StrEnum):
    """Why an object cannot be started."""

    ENDED = "ended"


class EndRefused(Failure, PermissionDenied):
    """An end date is not possible for this user."""


class Ending(Owned):
    """A desired configuration that may have an end date.

    A change of the end date does not change the generation, because libvirt has nothing to apply. `ended_at` is when
    the object was stopped because its end had come. The object is deleted when the grace period after that time has
    passed, even if the clock is changed in the meantime.
    """

    ends_at = models.DateTimeField(null=True, editable=False, help_text="when it is stopped; empty: no end date")
    end_chosen_at = models.DateTimeField(null=True, editable=False, help_text="when the end date was chosen")
    ended_at = models.DateTimeField(null=True, editable=False, help_text="when it was stopped because of its end date")

    command: ClassVar[str]
    """The command that extends it."""

    class Meta:
        abstract = True

    def save(self, *args, **kwargs) -> None:
        """Save it; a new object gets the default end date of its team, and the end date of others is not written."""
        if self._state.adding:
            if self.managed and self.team_id and self.ends_at is None:
                self._choose(Rules.of(self.team).first(timezone.now()))
        else:
            names = kwargs.get("update_fields") or [each.name for each in self._meta.concrete_fields]
            kwargs["update_fields"] = [name for name in names if name not in COLUMNS]
        super().save(*args, **kwargs)

    @property
    def end_rules(self) -> Rules:
        return Rules.of(self.team)

    @property
    def can_end(self) -> bool:
        """Return whether pages show that it may have an end."""
        return self.managed and bool(self.ends_at or self.end_rules.are_set)

    @property
    def has_ended(self) -> bool:
        return bool(self.ended_at or (self.ends_at and self.ends_at <= timezone.now()))

    @property
    def deleted_from(self) -> datetime | None:
        """Return when it is deleted; None if it was not stopped yet."""
        return self.end_rules.deleted(self.ended_at) if self.ended_at else None

    @property
    def is_kept(self) -> bool:
        """Return whether it is neither stopped nor deleted when its end has come."""
        return False

    def users_of_it(self) -> list[str]:
        """Return the names of the VMs that keep it from being stopped and deleted."""
        return []

    def stop_at_end(self, about: Mapping[str, object]) -> None:
        """Request that it stops, and record the event `ENDED`. It is locked."""
        raise NotImplementedError

    def remove_at_end(self, about: Mapping[str, object]) -> None:
        """Request deletion if it does not run, and record the event `DELETED` with its definition. It is locked."""
        raise NotImplementedError

    def runs(self) -> bool:
        """Return whether it was running when last polled; what runs is not deleted."""
        return False

    def require_no_end(self) -> None:
        """Raise InvalidTransition if it cannot be started because it has ended."""
        if self.has_ended:
            ended = f"{timezone.localtime(self.ended_at or self.ends_at):%Y-%m-%d %H:%M}"
            raise InvalidTransition(self, EndRefusal.ENDED, ended=ended, owner=self.owner or "")

    # changes by people

    def end_problem(self, until: datetime | None, by: rights.Actor) -> Message:
        """Return why this cannot be its end date; an empty message if it can."""
        is_earlier = until is not None and (self.ends_at is None or until < self.ends_at - MINUTE)
        problem = self.first_end_problem(until, by)
        if not problem and is_earlier and not rights.may(by, Verb.DELETE, self):
            return Message("ends.earlier", object=self)
        return problem

    def first_end_problem(self, until: datetime | None, by: rights.Actor) -> Message:
        """Return the same for an object that is being created, by whoever does that."""
        now = timezone.now()
        if until is not None and until <= now:
            return Message("ends.past", until=_shown(until))
        if until is not None and until > now + MAX_AHEAD + MINUTE:
            return Message("ends.far")
        latest = self.end_rules.latest(now)
        if latest is None or (until and until <= latest + MINUTE) or rights.is_operator(by, self.hypervisor_id):
            return Message()
        if until:
            return Message("ends.beyond", object=self, latest=_shown(latest))
        return Message("ends.required", object=self, latest=_shown(latest))

    def set_end(self, until: datetime | None, by: rights.Actor, event: str = CHANGED) -> None:
        """Change its end date, or remove it. What was stopped because of its end can be started again.

        Raises:
            InvalidTransition: the portal does not manage it, or it is being deleted.
            EndRefused: the date is in the past, or beyond the limit of the team.
        """
        with self.transition(managed=True):
            self.refresh_from_db(fields=["team", *COLUMNS])
            if problem := self.end_problem(until, by):
                raise EndRefused(problem)
            if (self.ends_at, self.ended_at) == (until, None):
                return
            self._choose(until)
            type(self).objects.filter(pk=self.pk).update(**{name: getattr(self, name) for name in COLUMNS})
            about = {"until": _stored(until)} if until else {}
            note_activity(self, event if until else REMOVED, by, about=about, result=Result.DONE)

    def extend(self, by: rights.Actor) -> bool:
        """Set its end date as far from now as its team extends; return False if it already ends later.

        Raises:
            InvalidTransition: see `set_end`.
            EndRefused: it has no end date.
        """
        with self.transition(managed=True):
            self.refresh_from_db(fields=["team", *COLUMNS])
            if self.ends_at is None:
                raise EndRefused(Message("ends.none", object=self))
            until = self.end_rules.extended(timezone.now())
            if until <= self.ends_at + MINUTE:
                return False
            self.set_end(until, by, EXTENDED)
        return True

    def _choose(self, until: datetime | None) -> None:
        self.ends_at, self.end_chosen_at, self.ended_at = until, timezone.now() if until else None, None

    def belong_to_nobody(self) -> None:
        super().belong_to_nobody()
        self._choose(None)
        type(self).objects.filter(pk=self.pk).update(**dict.fromkeys(COLUMNS))

    def require_release(self, by: rights.Actor) -> None:
        """Raise PermissionDenied also if it would escape the latest end date of its team."""
        super().require_release(by)
        if self.end_rules.limit and not rights.is_operator(by, self.hypervisor_id):
            raise EndRefused(Message("ends.release", object=self))

    def _give_to(self, owner: AbstractBaseUser | None, team: Team) -> None:
        """Give it to a team and shorten its end date to the limit there; without a team before, set the default.

        What has ended is kept for the whole grace period of that team.
        """
        new, before = self.team_id is None, (self.team_id, self.ends_at)
        super()._give_to(owner, team)
        if before[0] != team.pk:
            self.end_again()
        now = timezone.now()
        end = self.end_rules.first(now) if new and self.ends_at is None else self.end_rules.within(self.ends_at, now)
        if before[0] != team.pk and before[1] != end:
            self.ends_at, self.end_chosen_at = end, now
            changed = {"ends_at": end, "end_chosen_at": now}
            type(self).objects.filter(pk=self.pk).update(**changed)

    # what workers do

    def end(self) -> None:
        """Stop it and begin its grace period, if its end has come and nobody uses it."""
        with suppress(InvalidTransition), self.transition(managed=True):
            self.refresh_from_db(fields=["team", *COLUMNS])
            now = database_time()
            if self.ends_at is None or self.ends_at > now or self.ended_at or self.is_kept or self.users_of_it():
                return
            self.ended_at = now
            type(self).objects.filter(pk=self.pk).update(ended_at=now)
            self.stop_at_end({"deleted": _stored(self.end_rules.deleted(now))})

    def delete_at_end(self) -> None:
        """Request deletion after the grace period, and keep the definition; stop the object again if it runs."""
        with suppress(InvalidTransition), self.transition(managed=True):
            self.refresh_from_db(fields=["team", *COLUMNS])
            now = database_time()
            if not (self.ended_at and self.ends_at and self.ends_at <= now and self.deleted_from <= now):
                return
            if self.runs():
                self.end_again()
                self.end()
            elif not (self.is_kept or self.users_of_it()):
                LastDefinition.objects.filter(kind=self._meta.model_name, object_id=self.pk).delete()
                values = {"hypervisor": self.hypervisor.name, "name": self.name, "values": self.revision_values()}
                LastDefinition.objects.create(kind=self._meta.model_name, object_id=self.pk, **values)
                self.remove_at_end({"until": _stored(self.ends_at)})

    def end_again(self) -> None:
        """Forget that it was stopped: its end is carried out again, and the grace period begins anew."""
        self.ended_at = None
        type(self).objects.filter(pk=self.pk).update(ended_at=None)

    def withdraw_removal(self) -> None:
        with transaction.atomic():
            super().withdraw_removal()
            self.end_again()


def ending_models() -> list[type[Ending]]:
    """Return the models of what can have an end date."""
    return [model for model in apps.get_models() if issubclass(model, Ending)]


def due(model: type[Ending]) -> models.QuerySet:
    """Return those whose end has come, on hypervisors that can be reached."""
    reachable = model.objects.filter(managed=True, removed_at=None, hypervisor__status__unreachable_since=None)
    return reachable.filter(ends_at__lte=Now()).select_related("hypervisor", "status", "team", "owner")


def _shown(at: datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"


def _stored(at: datetime) -> str:
    return timezone.localtime(at).isoformat(timespec="seconds")
