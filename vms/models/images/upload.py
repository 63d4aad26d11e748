"""Resumable uploads of images that are not complete, and the parts of files that go through the database."""

import secrets
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.utils import timezone

from virterweb.hypervisors.models import Hypervisor
from virterweb.message_field import MessageField
from virterweb.pages.sizes import size_text
from virterweb.people.models import Team
from virterweb.people.rights import access_of

KEPT = timedelta(days=1)  # for an upload that nobody continues
KNOWN = timedelta(hours=1)  # for one that is an image: a client that has lost the answer asks for it again


def new_key() -> str:
    """Return the key of a new upload, which nobody can guess."""
    return secrets.token_hex(16)


class UploadQuerySet(models.QuerySet):
    def of(self, user: AbstractBaseUser) -> Self:
        """Return the uploads of a user, which exist for nobody else; with a token those that it reaches."""
        return self.filter(access_of(user).reach, owner=user.pk)

    def unfinished(self) -> Self:
        """Return those that are no image yet, with those that cannot become one."""
        return self.filter(done_at=None)

    def expected(self) -> Self:
        """Return those that are to become an image: what counts for limits, and needs room."""
        return self.unfinished().filter(problem="")

    def complete(self) -> Self:
        """Return those that have arrived and are no image yet."""
        return self.expected().filter(offset=models.F("length"))

    def expired(self) -> Self:
        """Return those that nobody has continued for a day, and those that became an image an hour ago."""
        now = timezone.now()
        return self.filter(models.Q(last_at__lt=now - KEPT) | models.Q(done_at__lt=now - KNOWN))


class Upload(models.Model):
    """A file that arrives in pieces, as the protocol tus has it, to become an image."""

    key = models.CharField(unique=True, default=new_key, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    hypervisor = models.ForeignKey(Hypervisor, on_delete=models.CASCADE, related_name="uploads")
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="uploads")
    name = models.CharField(help_text="of the image")
    metadata = models.TextField(blank=True, help_text="as the client has sent it")
    file_name = models.TextField(blank=True)
    length = models.PositiveBigIntegerField(help_text="bytes of the whole file")
    offset = models.PositiveBigIntegerField(default=0, help_text="bytes that have arrived")
    parts = models.PositiveIntegerField(default=0, help_text="parts of it in the database")
    problem = MessageField(blank=True, help_text="why it cannot become an image")
    created_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now, help_text="when the last piece arrived")
    done_at = models.DateTimeField(null=True, help_text="when it became an image")

    objects = UploadQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "pk"]

    def __str__(self) -> str:
        return f"{self.name}: {self.amount}"

    @property
    def is_complete(self) -> bool:
        return self.offset == self.length

    @property
    def percent(self) -> int:
        return 100 * self.offset // self.length

    @property
    def amount(self) -> str:
        """Return how much has arrived, as text."""
        return f"{size_text(self.offset)} of {size_text(self.length)}"

    @property
    def expires_at(self) -> datetime:
        """Return when it is deleted unless somebody continues it."""
        return self.last_at + KEPT


class UploadPart(models.Model):
    """A part of an uploaded file on its way to the worker that stores it in a pool."""

    upload = models.CharField(help_text="as the column of the image")
    number = models.PositiveIntegerField()
    data = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["upload", "number"], name="upload_part_once")]

    def __str__(self) -> str:
        return f"{self.upload} {self.number}"
