"""Where the pieces of a resumable upload are: in its file, or in the database for several machines.

`Upload.offset` says how much has arrived. A writer raises it only from the value that it started from, after its piece
is stored: of several writers one wins, and a killed one leaves nothing that counts.
"""

import errno
import fcntl
import os
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import SEEK_CUR, SEEK_END, BufferedReader, RawIOBase
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import OperationalError, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Length
from django.utils import timezone

from virterweb.hypervisors.desired.one_at_a_time import is_disk_full
from virterweb.web_server import spool
from vms.models import Upload, UploadPart

from . import uploads


class Overtaken(Exception):
    """Another request has continued or discarded the upload meanwhile."""


class NoRoom(Exception):
    """The disk of the portal or of its database is full."""


def store(upload: Upload, data: bytes) -> None:
    """Append a piece to what has arrived, durably.

    Raises:
        Overtaken: The row no longer says what `upload.offset` says.
        NoRoom: Nothing was stored.
    """
    try:
        if settings.UPLOADS_IN_DATABASE:
            with transaction.atomic():
                _advance(upload, len(data), parts=F("parts") + 1)
                UploadPart.objects.create(upload=upload.key, number=upload.parts, data=data)
        else:
            _write(upload, data)
    except OperationalError as problem:
        if is_disk_full(problem):
            raise NoRoom from problem
        raise
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoRoom from problem
        raise
    upload.offset += len(data)
    upload.parts += 1


def _write(upload: Upload, data: bytes) -> None:
    if spool.room() < len(data):
        raise NoRoom
    if not _same(upload).exists():  # then no file may be created
        raise Overtaken
    with os.fdopen(os.open(_path(upload), os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # others write only what follows
        if not _same(upload).exists():
            raise Overtaken
        file.seek(upload.offset)
        file.write(data)
        file.flush()
        os.fdatasync(file.fileno())
        _advance(upload, len(data))


def _advance(upload: Upload, length: int, **further: object) -> None:
    if not _same(upload).update(offset=upload.offset + length, last_at=timezone.now(), **further):
        raise Overtaken


def _same(upload: Upload) -> QuerySet[Upload]:
    return Upload.objects.expected().filter(pk=upload.pk, offset=upload.offset)


def _path(upload: Upload) -> Path:
    return settings.SPOOL_DIR / upload.key


def recover(upload: Upload) -> None:
    """Correct the offset if the file has less, as after a backup without it was restored."""
    if settings.UPLOADS_IN_DATABASE or not upload.offset or upload.problem:
        return
    size = 0
    with suppress(FileNotFoundError):
        size = _path(upload).stat().st_size
    if size < upload.offset:
        _same(upload).update(offset=size)
        upload.offset = size


@contextmanager
def opened(upload: Upload) -> Iterator[BinaryIO]:
    """Open what has arrived as a file, wherever it is."""
    if settings.UPLOADS_IN_DATABASE:
        yield BufferedReader(_Parts(upload.key), buffer_size=2**16)
        return
    with _path(upload).open("rb") as file:
        yield file


def discard(upload: Upload) -> None:
    """Delete an upload with all that is kept of it, unless it is an image."""
    if Upload.objects.unfinished().filter(pk=upload.pk).delete()[0]:
        uploads.discard(upload.key)


class _Parts(RawIOBase):
    """The parts of an upload in the database as one file."""

    def __init__(self, key: str) -> None:
        self.parts = UploadPart.objects.filter(upload=key)
        self.numbers, self.starts, self.size, self.at = [], [], 0, 0
        self.last: tuple[int, bytes] = (-1, b"")
        for number, length in self.parts.order_by("number").values_list("number", Length("data")):
            self.numbers.append(number)
            self.starts.append(self.size)
            self.size += length

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = max(0, offset + {SEEK_CUR: self.at, SEEK_END: self.size}.get(whence, 0))
        return self.at

    def readinto(self, target: memoryview) -> int:
        if self.at >= self.size:
            return 0
        index = bisect_right(self.starts, self.at) - 1
        if self.last[0] != index:
            self.last = index, bytes(self.parts.values_list("data", flat=True).get(number=self.numbers[index]))
        start = self.at - self.starts[index]
        data = self.last[1][start : start + len(target)]
        target[: len(data)] = data
        self.at += len(data)
        return len(data)
