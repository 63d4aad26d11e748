"""The model of a requested export of an image: a qcow2 file that a worker prepares, and that can be downloaded."""

import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from virterweb.hypervisors.claims.due import DueQuerySet
from virterweb.hypervisors.desired.progress import InSteps
from virterweb.message_field import MessageField
from virterweb.pages.sizes import size_text

from .image import Image

EXPORT = "export-"  # what the keys of exported files begin with
EXPORT_KEPT = timedelta(hours=1)  # after the file is ready, and after the last download


def new_key() -> str:
    return EXPORT + secrets.token_hex(16)


class ExportQuerySet(DueQuerySet):
    def to_prepare(self) -> "ExportQuerySet":
        """Return those whose file is to be prepared, and can be."""
        reachable = self.due().filter(image__hypervisor__status__unreachable_since=None)
        return reachable.filter(ready_at=None, error="").order_by("asked_at")

    def in_progress(self) -> "ExportQuerySet":
        return self.filter(ready_at=None, error="")

    def expired(self) -> "ExportQuerySet":
        """Return those that nobody has used for some time, and those that have failed so long ago."""
        old = timezone.now() - EXPORT_KEPT
        unused = self.filter(models.Q(used_at=None) | models.Q(used_at__lt=old))
        return unused.filter(models.Q(ready_at__lt=old) | ~models.Q(error="") & models.Q(asked_at__lt=old))


class ImageExport(InSteps):
    image = models.OneToOneField(Image, on_delete=models.CASCADE, related_name="export")
    key = models.CharField(default=new_key, help_text="of its file")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name="requested by"
    )
    asked_at = models.DateTimeField("requested at", default=timezone.now)
    size = models.PositiveBigIntegerField(default=0, help_text="bytes of the file; 0: not known yet")
    ready_at = models.DateTimeField("ready at", null=True)
    used_at = models.DateTimeField("last downloaded at", null=True)
    error = MessageField(blank=True, help_text="why the file was not prepared")
    entry_id = models.PositiveBigIntegerField(null=True, help_text="its entry in the activity log")

    objects = ExportQuerySet.as_manager()

    def __str__(self) -> str:
        return f"export of {self.image}"

    @property
    def size_shown(self) -> str:
        return size_text(self.size)

    @property
    def kept_until(self) -> datetime | None:
        return self.ready_at and max(self.ready_at, self.used_at or self.ready_at) + EXPORT_KEPT

    @property
    def is_in_progress(self) -> bool:
        return not self.ready_at and not self.error
