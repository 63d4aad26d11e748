"""The entries of the activity log. They are written once: see `EntryQuerySet` for what may still change."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn, Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.module_loading import import_string

from virterweb.message_field import MessageField
from virterweb.messages import Message
from virterweb.pages.sizes import size_text

from . import wording
from .choices import Kind, Result, Via, same_object
from .origin import origin

BATCH = 1000  # expired entries that are deleted at a time


class AppendOnly(TypeError):
    """Something tried to change or delete an entry of the activity log."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The object of an entry. The entry stays when the object is deleted, so it has no foreign keys."""

    kind: Kind
    name: str = ""
    object_id: int | None = None
    hypervisor: str = ""
    hypervisor_id: int | None = None
    owner_id: int | None = None
    team_id: int | None = None


class EntryQuerySet(models.QuerySet):
    """Entries: to be added and read.

    Only `conclude`, `conclude_one`, `drop` and `abandon` change entries, and only the missing results of those in
    progress. Only `expire` deletes entries. All other ways to change or delete rows raise AppendOnly.
    """

    def visible_to(self, user: AbstractBaseUser | AnonymousUser | None) -> Self:
        """Return those that a user may see, by the rule of a room above this one."""
        return self.filter(import_string(settings.ACTIVITY_RULE)(user))

    def about(self, kind: str, object_id: int) -> Self:
        """Return the entries of one object, including those of its parts."""
        return self.filter(kind__in=same_object(kind), object_id=object_id)

    def in_progress_since(self) -> datetime | None:
        """Return when the earliest change of a definition began that is in progress; None if there is none."""
        return self.filter(result="").exclude(generation=None).order_by("pk").values_list("at", flat=True).first()

    def record(
        self,
        subject: Subject,
        event: str,
        about: Mapping[str, object] | None = None,
        *,
        by: AbstractBaseUser | None = None,
        request: HttpRequest | None = None,
        **values: object,
    ) -> "Entry":
        """Add an entry, in the transaction of the change: by `by`, else by the user of the request or command.

        `values` are `result`, `generation` and `revision_id`. Without a result it is in progress until `conclude`.
        """
        return self.create(
            **vars(origin(by, request)), **vars(subject), event=str(event), about=dict(about or {}), **values
        )

    def conclude(
        self, kind: str, object_id: int, generation: int, error: Message | None = None, *, moved: int = 0
    ) -> None:
        """Add the result of an object's changes that are in progress, up to a generation.

        `moved` is the number of bytes that the work copied or transferred, 0 if that is unknown.
        """
        result = Result.FAILED if error else Result.DONE
        waiting = self.about(kind, object_id).filter(result="", generation__lte=generation)
        waiting._write(result=result, error=error or Message(), moved_bytes=moved or None)

    def conclude_one(self, pk: int | None, error: Message | None = None, *, moved: int = 0) -> None:
        """Add the result of one entry that is in progress: of a request that belongs to no generation."""
        result = Result.FAILED if error else Result.DONE
        waiting = self.filter(pk=pk, result="")
        waiting._write(result=result, error=error or Message(), moved_bytes=moved or None)

    def drop(self, kind: str, object_id: int) -> None:
        """Add to what is still in progress about an object that it was deleted before."""
        waiting = self.about(kind, object_id).filter(result="")
        waiting._write(result=Result.FAILED, error=Message("activity.deleted"))

    def abandon(self, hypervisor_id: int) -> None:
        """Add to all changes in progress on a hypervisor that they are not carried out: it is being deleted."""
        error = Message("activity.hypervisor_deleted")
        self.filter(hypervisor_id=hypervisor_id, result="")._write(result=Result.FAILED, error=error)

    def expire(self, before: datetime) -> int:
        """Delete some of the entries that are older than `before`, the oldest first; return how many."""
        old = self.order_by("pk").filter(at__lt=before).exclude(result="").values_list("pk", flat=True)[:BATCH]
        return self.model._base_manager.filter(pk__in=list(old)).delete()[0]

    def _write(self, **values: object) -> None:
        models.QuerySet.update(self, ended_at=timezone.now(), **values)

    def bulk_create(self, objs: Iterable["Entry"], *args: object, **options: object) -> list["Entry"]:
        """Add entries; none replaces an existing one."""
        if args or options.keys() - {"batch_size"}:
            raise AppendOnly("entries of the activity log cannot be changed")
        return super().bulk_create(objs, **options)

    def update(self, **values: object) -> NoReturn:
        raise AppendOnly("entries of the activity log cannot be changed")

    def bulk_update(self, *args: object, **options: object) -> NoReturn:
        raise AppendOnly("entries of the activity log cannot be changed")

    def delete(self) -> NoReturn:
        raise AppendOnly("entries of the activity log cannot be deleted")

    update.alters_data = bulk_update.alters_data = delete.alters_data = True


class Entry(models.Model):
    """What somebody did with an object. Names are kept as texts: the user and the object may be deleted later."""

    at = models.DateTimeField("time", default=timezone.now, db_index=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    who = models.CharField("user name", blank=True, help_text="empty: a worker, on its own")
    via = models.CharField(choices=Via)
    token = models.CharField("API token", blank=True, help_text="name of the token of the user")
    address = models.CharField("IP address", blank=True, help_text="of the client; empty: on the server itself")
    kind = models.CharField(choices=Kind)
    event = models.CharField(help_text="what was done")
    about = models.JSONField("event parameters", default=dict, help_text="the event's parameters")
    hypervisor = models.CharField("hypervisor", blank=True)
    hypervisor_id = models.PositiveBigIntegerField("hypervisor's row", null=True)
    name = models.CharField("object", blank=True)
    object_id = models.PositiveBigIntegerField("object's row", null=True)
    owner_id = models.PositiveBigIntegerField("owner's row", null=True, help_text="the owner of the object then")
    team_id = models.PositiveBigIntegerField("team's row", null=True, help_text="the team of the object then")
    revision_id = models.PositiveBigIntegerField("revision", null=True, help_text="the definition that it saved")
    generation = models.PositiveIntegerField(null=True)
    result = models.CharField(blank=True, choices=Result, help_text="empty while it is in progress")
    error = MessageField(blank=True, help_text="why it failed, in a sentence")
    ended_at = models.DateTimeField(null=True, help_text="empty: in progress, or done at once")
    moved_bytes = models.PositiveBigIntegerField(
        "moved bytes", null=True, help_text="bytes that the work copied or transferred; empty: unknown"
    )
    request = models.CharField("request ID", blank=True, help_text="the ID of the request in log lines")

    objects = EntryQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "entries"
        indexes = [
            models.Index(fields=["object_id", "kind", "-id"], name="activity_of_object"),
            models.Index(fields=["object_id"], condition=Q(result=""), name="activity_in_progress"),
        ]

    def __str__(self) -> str:
        return " ".join(filter(None, [self.name, self.what]))

    def save(self, *args: object, **options: object) -> None:
        """Add the entry; an existing one cannot be saved again."""
        if not self._state.adding:
            raise AppendOnly("entries of the activity log cannot be changed")
        super().save(*args, **options | {"force_insert": True})

    def delete(self, *args: object, **options: object) -> NoReturn:
        raise AppendOnly("entries of the activity log cannot be deleted")

    @property
    def duration(self) -> str:
        """Return how long the work took, from the request to its result; "" if less than a second."""
        seconds = int((self.ended_at - self.at).total_seconds()) if self.ended_at else 0
        minutes, hours = seconds // 60, seconds // 3600
        if hours:
            return f"{hours} h {minutes % 60} min"
        if minutes:
            return f"{minutes} min {seconds % 60} s"
        return f"{seconds} s" if seconds > 0 else ""

    @property
    def moved(self) -> str:
        """Return how many bytes the work copied or transferred, as text; "" if that is unknown."""
        return size_text(self.moved_bytes) if self.moved_bytes else ""

    @property
    def what(self) -> str:
        """Return the text of the event."""
        return wording.what(self.kind, self.event, self.about)
