"""Uploaded files on their way from the web server that received them to the worker that stores them in a pool.

With SQLite, both run on one machine and share the folder of uploads. Otherwise a file goes through the database in
parts: no other thing is shared by all machines for certain, and a web server needs no worker beside it, no address that
workers can reach, and may end as soon as the upload is complete.
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.utils import timezone

from vms.models import Image, UploadPart

PART = 4 * 1024**2  # bytes
KEPT = timedelta(hours=6)  # for parts without an image, whose upload may still be in progress


def keep(upload: str, file: File) -> None:
    """Keep a complete upload for a worker."""
    if not settings.UPLOADS_IN_DATABASE:
        (settings.SPOOL_DIR / upload).hardlink_to(file.temporary_file_path())  # it came into this folder
        return
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
    """Delete parts that no image needs: of uploads that were broken off."""
    old = UploadPart.objects.filter(created_at__lt=timezone.now() - KEPT)
    old.exclude(upload__in=Image.objects.exclude(upload="").values("upload")).delete()
