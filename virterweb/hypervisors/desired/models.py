"""Base models of desired configurations and their statuses: generations, and the state computed from both.

A `Desired` is written by people and holds what libvirt should have; its `Status` is written by workers only and holds
what was found, and for which generation. Imports neither networks nor vms.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import ClassVar, Self

from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import F
from django.utils import timezone

from virterweb.activity.choices import Kind
from virterweb.activity.models import Entry, Subject
from virterweb.enqueue import enqueue
from virterweb.hypervisors.claims.clock import database_time
from virterweb.hypervisors.models import Hypervisor
from virterweb.logs.context import request_id
from virterweb.message_field import MessageField
from virterweb.messages import Message
from virterweb.pages.name_field import SkeletonField

from .drift import other_portal
from .progress import InSteps
from .queryset import DONE, DesiredQuerySet
from .refusals import InvalidTransition, Refusal, Superseded
from .state import State

no_control_characters = RegexValidator(r"[\x00-\x1f\x7f]", "Control characters are not allowed.", inverse_match=True)

LIFECYCLE = ("managed", "removed_at", "generation")


class Desired(models.Model):
    """A desired configuration. Each save raises `generation` and has it carried out; `removed_at` asks for deletion.

    Adoption, release and deletion exclude each other. Each is one `transition` of the locked row, and nothing else
    writes `managed` and `removed_at`: what is being deleted can be neither adopted nor released, and no save of an
    object that was read before brings the earlier state back.
    """

    hypervisor = models.ForeignKey(Hypervisor, on_delete=models.CASCADE, related_name="%(class)ss")
    generation = models.PositiveIntegerField(default=1, editable=False)
    managed = models.BooleanField(
        default=True, editable=False, help_text="False: created outside the portal; shown, but never changed"
    )
    removed_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    request = models.CharField(
        blank=True, editable=False, help_text="ID of the request that made the last change, for logs"
    )
    skeleton = SkeletonField()

    objects = DesiredQuerySet.as_manager()

    has_history: ClassVar[bool] = True
    """Whether changes are recorded as revisions."""

    activity_kind: ClassVar[Kind]
    """The kind of the entries about it in the activity log."""

    kinds_of_events: ClassVar[Mapping[str, Kind]] = {}
    """The kinds of the entries about its parts, by event."""

    push_task: ClassVar[str]
    """The path of the task that applies one row, given its ID."""

    recreated: "Desired | None" = None  # the row of the object that was recreated outside; set by `once_a_name`
    is_being_recorded = False  # a change is in progress that the history records as one; set by `recorded`

    class Meta:
        abstract = True

    def save(self, *args, **kwargs) -> None:
        """Save all but the lifecycle, and raise the generation; the first save creates the status too."""
        if self.pk and not self._state.adding:
            names = kwargs.pop("update_fields", None) or [each.name for each in self._meta.concrete_fields]
            kept = {*LIFECYCLE, self._meta.pk.name}
            with transaction.atomic():
                self._raise_generation()
                super().save(*args, **kwargs, update_fields=[name for name in names if name not in kept])
            return
        self.request = request_id()
        with transaction.atomic():
            super().save(*args, **kwargs)
            self._meta.get_field("status").related_model.objects.create(desired=self)
            if self.managed:  # an unmanaged one needs no push
                self._enqueue_push()

    @property
    def as_found(self) -> Self:
        """Return the row that says what libvirt has under this name."""
        return self.recreated or self

    def ask_again(self) -> None:
        """Raise only the generation: a part of the object has changed, or the push is retried."""
        self._raise_generation()
        self.status.retry_now()

    def _raise_generation(self) -> None:
        new = {"generation": F("generation") + 1, "request": request_id() or self._pending_request()}
        if not type(self).objects.filter(pk=self.pk).update(**new):
            raise InvalidTransition(self, Refusal.GONE)
        self.refresh_from_db(fields=["generation", "request"])
        self._enqueue_push()

    def _pending_request(self) -> str:
        """Return the ID of the request whose change is pending: a worker's own change does not hide it in the log."""
        pending = type(self).objects.filter(~DONE, pk=self.pk)
        return pending.values_list("request", flat=True).first() or ""

    def _enqueue_push(self) -> None:
        """Have a worker carry it out when the transaction is committed; a worker finds a lost one by itself."""
        enqueue(self.push_task, self.pk)

    def lock(self) -> bool:
        """Lock the row before its status, as requests do; the other order would cause a deadlock.

        Return whether the row is still there. Rows that refer to it can be written meanwhile.
        """
        return bool(type(self).objects.select_for_update(no_key=True).filter(pk=self.pk).values_list("pk").first())

    def delete(self, *args, **kwargs) -> tuple[int, dict[str, int]]:
        """Delete the row and what belongs to it, locked in the order in which polls lock and write them."""
        statuses = self._meta.get_field("status").related_model.objects
        with transaction.atomic():
            type(self).objects.select_for_update().filter(pk=self.pk).values_list("pk").first()
            statuses.select_for_update().filter(desired=self.pk).values_list("pk").first()
            error = None if self.removed_at else Message("activity.gone")
            Entry.objects.conclude(self.activity_kind, self.pk, self.generation, error)
            Entry.objects.drop(self.activity_kind, self.pk)
            return super().delete(*args, **kwargs)

    def activity_subject(self, event: str) -> Subject:
        """Return what an entry of the activity log says about the object."""
        kind, host = self.kinds_of_events.get(event, self.activity_kind), self.hypervisor
        return Subject(kind=kind, name=self.name, object_id=self.pk, hypervisor=host.name, hypervisor_id=host.pk)

    @contextmanager
    def transition(self, *, managed: bool | None = None, present: bool = False) -> Iterator[None]:
        """Lock the row for one verb and read its lifecycle; raise InvalidTransition if the verb does not apply now.

        `managed` says whether the verb is for managed or for unmanaged objects, None for both; with `present` libvirt
        must have the object. Only deletion applies to what is being deleted.
        """
        with transaction.atomic():
            self._lock()
            if present:
                self.status.refresh_from_db()
            self.require(managed=managed, present=present)
            yield

    def require(self, *, managed: bool | None = None, present: bool = False) -> None:
        """Raise InvalidTransition if a verb does not apply to this object as it was read."""
        if self.removed_at:
            raise InvalidTransition(self, Refusal.BEING_DELETED)
        if managed is not None and self.managed != managed:
            raise InvalidTransition(self, Refusal.UNMANAGED if managed else Refusal.MANAGED)
        if present and not self.status.present:
            raise InvalidTransition(self, Refusal.ABSENT)

    def _lock(self) -> None:
        row = type(self).objects.select_for_update(no_key=True).filter(pk=self.pk).values(*LIFECYCLE).first()
        if row is None:
            raise InvalidTransition(self, Refusal.GONE)
        for name, value in row.items():
            setattr(self, name, value)

    def remove(self, **values: object) -> None:
        """Request deletion, or retry it; the row is deleted when libvirt confirms.

        `values` are further columns of the request. Raises InvalidTransition if the object is gone, or was released
        or adopted since it was read.
        """
        was_managed = self.managed
        with transaction.atomic():
            self._lock()
            if self.managed != was_managed:
                raise InvalidTransition(self, Refusal.UNMANAGED if was_managed else Refusal.MANAGED)
            self.removed_at = self.removed_at or timezone.now()
            type(self).objects.filter(pk=self.pk).update(removed_at=self.removed_at, **values)
            self.ask_again()

    def withdraw_removal(self) -> None:
        """Withdraw a request for deletion that a worker refused before anything was changed.

        Otherwise the next request about the object, of any kind, would carry it out.
        """
        type(self).objects.filter(pk=self.pk, generation=self.generation).update(removed_at=None)

    def confirm(self) -> None:
        """Raise Superseded if the lifecycle has changed; a worker calls it right before a step that cannot be undone.

        Otherwise a worker could delete an object that was released after it was read.
        """
        now = type(self).objects.filter(pk=self.pk).values_list("managed", "removed_at").first()
        if now is None or (now[0], bool(now[1])) != (self.managed, bool(self.removed_at)):
            raise Superseded

    def forget(self) -> None:
        """Delete the row of an unmanaged object that libvirt no longer has, unless somebody has adopted it."""
        with transaction.atomic():
            row = type(self).objects.select_for_update().filter(pk=self.pk, managed=False).first()
            if row:
                row.delete()

    @property
    def done(self) -> bool:
        return self.status.generation >= self.generation

    @property
    def state(self) -> State:
        if self.status.error and (self.done or self.status.tries):
            return State.FAILED
        if self.removed_at:
            return State.REMOVING
        if not self.done:
            return State.PENDING
        if not self.managed:
            return State.UNMANAGED
        return State.DRIFTED if self.status.drift else State.READY

    @property
    def shown_state(self) -> models.TextChoices:
        """Return the state that pages show: a choice with label, icon and tone."""
        return self.state


def attention_indexes(prefix: str) -> list[models.Index]:
    """Return the indexes of the few statuses of objects that are not in libvirt, have failed or have drifted."""
    has_reason = ~models.Q(error="") | ~models.Q(drift="")
    return [
        models.Index(fields=["desired"], condition=models.Q(present=False), name=f"{prefix}_absent"),
        models.Index(fields=["desired"], condition=has_reason, name=f"{prefix}_attention"),
    ]


class Status(InSteps):
    """The result of a worker for one desired configuration, which subclasses name `desired`."""

    generation = models.PositiveIntegerField(
        default=0, help_text="the generation of the desired configuration that this refers to"
    )
    made_at = models.DateTimeField(null=True, help_text="when it was first applied; empty: it is undone if it fails")
    observed_at = models.DateTimeField(null=True, help_text="when the observed values last changed")
    error = MessageField(blank=True, help_text="why the generation failed, in a sentence")
    detail = models.TextField(blank=True, help_text="the error message of libvirt")
    drift = models.TextField(
        blank=True, help_text="differences between libvirt and the desired configuration, one per line"
    )
    tries = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True

    #: the values that an attempt resets
    CLEAN: ClassVar = {"error": "", "detail": "", "tries": 0, "due_at": None, **InSteps.NO_STEP}

    def write(self, **values: object) -> None:
        """Update only these columns, so that two writers cannot overwrite each other's."""
        type(self).objects.filter(pk=self.pk).update(**values)
        for name, value in values.items():
            setattr(self, name, value)

    def retry_now(self) -> None:
        """Make it due at once, and reset the number of its attempts."""
        self.write(due_at=None, tries=0)

    def retry_later(self, progress: Message, wait: timedelta, **values: object) -> None:
        """Have it tried again after `wait`; with an `error`, it counts as failed until then."""
        again = {**self.NO_STEP, "progress": progress, "error": ""}
        again |= {"due_at": database_time() + wait, "tries": self.tries + 1}
        self.write(**again | values)

    @property
    def drifts(self) -> list[str]:
        """Return texts about how libvirt differs from the desired configuration."""
        return self.drift.splitlines()

    @property
    def drift_text(self) -> str:
        return "\n".join(str(line) for line in (*self.drifts, self.other_portal) if line)

    @property
    def other_portal(self) -> Message:
        return other_portal(self.drift)

    @property
    def drift_digest(self) -> str:
        """Return a digest of the differences, which tells whether somebody has seen the present ones."""
        return hashlib.sha256(self.drift.encode()).hexdigest()[:16]

    @property
    def hint(self) -> Message | str:
        """Return the tooltip of the state."""
        return self.error or self.drift_text or self.progress
