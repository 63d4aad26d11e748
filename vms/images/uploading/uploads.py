"""Uploaded files on their way from the web server that received them to the worker that stores them in a pool.

With SQLite, both run on one machine and share the folder of uploads. Otherwise a file goes through the database in
parts: no other thing is shared by all machines for certain, and a web server needs no worker beside it, no address that
workers can reach, and may end as soon as the upload is complete.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.utils import timezone

from vms.models import EXPORT, Image, Upload, UploadPart

PART = 4 * 1024**2  # bytes
KEPT = timedelta(hours=6)  # for what belongs to no image, whose upload by the plain form may still be in progress
NAME = re.compile(r"([0-9a-f]{32})(\..*)?")  # of files in the folder of uploads


class Arrived(File):
    """The file of a complete resumable upload, whose content was checked: it is kept already, under its key."""

    def __init__(self, upload: Upload) -> None:
        super().__init__(None, upload.file_name or upload.name)
        self.key, self.size = upload.key, upload.length


def keep(upload: str, file: File) -> None:
    """Keep a complete upload for a worker, instead of what a killed process has kept of it."""
    if not settings.UPLOADS_IN_DATABASE:
        (settings.SPOOL_DIR / upload).hardlink_to(file.temporary_file_path())  # it came into this folder
        return
    UploadPart.objects.filter(upload=upload).delete()
    for number, data in enumerate(file.chunks(PART)):
        UploadPart.objects.create(upload=upload, number=number, data=data)


def fetch(upload: str, note: Callable[[int], None]) -> Path:
    """Return the file of an upload in the folder of uploads, brought from the database if it is there.

    The file does not exist if there is no such upload. `note` is called with the number of bytes that have arrived.
    """
    file = settings.SPOOL_DIR / upload
    parts = UploadPart.objects.filter(upload=upload).order_by("number")
    if file.exists() or not settings.UPLOADS_IN_DATABASE or not parts.exists():
        return file
    part = file.with_suffix(".part")
    with part.open("wb") as whole:
        for number in parts.values_list("number", flat=True):
            whole.write(parts.values_list("data", flat=True).get(number=number))
            note(whole.tell())
    part.replace(file)
    return file


def discard(upload: str) -> None:
    """Delete all that is kept of an upload."""
    UploadPart.objects.filter(upload=upload).delete()
    for path in settings.SPOOL_DIR.glob(f"{upload}*"):
        path.unlink(missing_ok=True)


def forget() -> None:
    """Delete what no image needs: uploads that were broken off, and what is left of others."""
    for upload in Upload.objects.expired():
        # One statement decides and deletes: somebody may continue it meanwhile.
        if Upload.objects.expired().unfinished().filter(pk=upload.pk).delete()[0]:
            discard(upload.key)
    Upload.objects.expired().filter(done_at__isnull=False).delete()
    old = timezone.now() - KEPT
    # Images are read last: an upload that becomes one meanwhile is among the uploads or among the images.
    needed = {*Upload.objects.unfinished().values_list("key", flat=True)}
    needed |= {*Image.objects.exclude(upload="").values_list("upload", flat=True)}
    left = UploadPart.objects.filter(created_at__lt=old).exclude(upload__startswith=EXPORT)
    left.exclude(upload__in=needed).delete()
    if settings.UPLOADS_IN_DATABASE:
        return
    for path in settings.SPOOL_DIR.iterdir():
        found = NAME.fullmatch(path.name)
        if found and found[1] not in needed and path.stat().st_mtime < old.timestamp():
            path.unlink(missing_ok=True)
