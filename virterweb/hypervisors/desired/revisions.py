"""The history of desired objects: each saved definition, its author and its result.

Each app has a subclass of `Revision`, whose foreign key is called `desired` and has the related name `revisions`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from virterweb.activity.models import Entry
from virterweb.activity.origin import origin
from virterweb.message_field import MessageField
from virterweb.messages import Message, add_wording
from virterweb.pages import xml_lines

from .models import Desired

BASELINE = "baseline"  # the event of a definition that was saved before there was a history

add_wording({"revision.released": "It was released before this was carried out."})


class Change(Protocol):
    """One difference between two revisions, as pages show it: `found` before, `wanted` after."""

    field: object
    found: str
    wanted: str


class Revision(models.Model):
    """A saved definition from `at` on: the whole document, its author and its result."""

    class Result(models.TextChoices):
        DONE = "done"
        FAILED = "failed"

    generation = models.PositiveIntegerField()
    at = models.DateTimeField("saved at", default=timezone.now)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name="saved by", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    event = models.CharField(help_text="what changed it")
    about = models.JSONField("event parameters", default=dict, help_text="the event's parameters")
    document = models.TextField("definition")
    result = models.CharField(blank=True, choices=Result, help_text="empty while it is in progress")
    error = MessageField(blank=True, help_text="why it failed, in a sentence")
    seconds = models.FloatField("duration", null=True, help_text="how many seconds applying it took")

    class Meta:
        abstract = True
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.desired}: {self.what}"

    def get_absolute_url(self) -> str:
        names = (self.desired.hypervisor.name, self.desired.name)
        return reverse(f"{self._meta.app_label}:revision", args=[*names, self.pk])

    @property
    def what(self) -> str:
        """Return the text for the event that changed the object."""
        raise NotImplementedError

    @property
    def steps(self) -> list[str]:
        """Return the texts of the executed steps, as far as they are recorded."""
        return []

    @cached_property
    def previous(self) -> "Revision | None":
        return self.desired.revisions.filter(pk__lt=self.pk).first()

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """Return what it changed, field by field; all fields of the first revision."""
        return self.differences_from(self.previous)

    def differences_from(self, other: "Revision | None") -> tuple[Change, ...]:
        """Return how it differs from another definition, field by field; all fields if there is none."""
        raise NotImplementedError

    def lines_from(self, other: "Revision") -> list[str]:
        """Return how its document differs from that of another definition, line by line."""
        return xml_lines.line_differences(xml_lines.pretty(other.document), xml_lines.pretty(self.document))


def record(
    desired: Desired,
    event: str,
    by: AbstractBaseUser | None = None,
    *,
    result: str = "",
    about: Mapping[str, object] | None = None,
) -> None:
    """Record a change of an object in the activity log, and the saved definition of a managed one in its history.

    Without a result it is done if nothing has to be carried out; otherwise the worker adds the result.
    """
    result, revision = result or (Revision.Result.DONE if desired.done else ""), None
    if desired.managed:
        values = {"generation": desired.generation, "event": str(event), "about": about or {}, "result": result}
        by_id = by.pk if by else None if event == BASELINE else origin().user_id
        revision = desired.revisions.create(by_id=by_id, **values, **desired.revision_values())
    if event != BASELINE:
        note_activity(desired, event, by, result=result, about=about, revision_id=revision and revision.pk)


def note_activity(
    desired: Desired,
    event: str,
    by: AbstractBaseUser | None = None,
    *,
    about: Mapping[str, object] | None = None,
    **values: object,
) -> None:
    """Record a change of an object in the activity log alone: `values` are its `result` and `revision_id`.

    Without a result it is in progress until the object's generation is carried out.
    """
    subject = desired.activity_subject(event)
    Entry.objects.record(subject, event, about, by=by, generation=desired.generation, **values)


@contextmanager
def recorded(desired: Desired, event: str, by: AbstractBaseUser | None = None, **about: object) -> Iterator[dict]:
    """Make a change in one transaction and record the definition that it saves; yield the parameters of the event.

    Changes within the change are part of it. The first change of an object without history also records what was saved
    before it.
    """
    if desired.is_being_recorded:
        yield about
        return
    with transaction.atomic():
        if desired.managed and not desired.revisions.exists():
            record(desired, BASELINE, result=Revision.Result.DONE)
        desired.is_being_recorded = True
        try:
            yield about
        finally:
            desired.is_being_recorded = False
        record(desired, event, by, about=about)


def conclude(desired: Desired, error: Message | None = None, **values: object) -> None:
    """Record the result of a push: of the latest revision, with further values, and of those that it overtook."""
    moved = desired.status.steps.moved
    Entry.objects.conclude(desired.activity_kind, desired.pk, desired.generation, error, moved=moved)
    if not desired.has_history:
        return
    waiting = desired.revisions.filter(generation__lte=desired.generation, result="")
    if latest := waiting.first():
        desired.revisions.filter(pk=latest.pk).update(**values)
        result = Revision.Result.FAILED if error else Revision.Result.DONE
        waiting.update(result=result, error=error or "")
