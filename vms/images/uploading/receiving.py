"""Stores the body of a request as it arrives, so that nothing of it is in memory but the piece that comes next."""

import tempfile
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest

from virterweb.web_server import spool
from virterweb.web_server.request_body import KEY
from vms.images import qcow2
from vms.models import Upload

from . import storage, uploads
from .finishing import Errors, check_head

READ = 64 * 1024  # bytes


class WrongChecksum(Exception):
    """The body is not the one that the client has sent; nothing of it was stored."""


def receive(request: HttpRequest, upload: Upload) -> Errors:
    """Append the body of a request to an upload; return the errors by field if this cannot become an image.

    What has arrived when the connection is lost is stored. Raises Overtaken and NoRoom.
    """
    return _append(upload, _body(request, upload))


def receive_checked(request: HttpRequest, upload: Upload, expected: tuple[Callable, bytes]) -> Errors:
    """Do the same with a body whose checksum must be right before anything of it is stored; raise WrongChecksum."""
    algorithm, digest = expected
    found, read, arrived = algorithm(), _body(request, upload), 0
    with tempfile.TemporaryFile(dir=settings.SPOOL_DIR) as file:
        while arrived < upload.length - upload.offset and (piece := read(READ)):
            if spool.room() < len(piece):
                raise storage.NoRoom
            found.update(piece)
            arrived += file.write(piece)
        if found.digest() != digest:
            raise WrongChecksum
        file.seek(0)
        return _append(upload, file.read)


def _body(request: HttpRequest, upload: Upload) -> Callable[[int], bytes]:
    """Return what reads the body, as much as is missing of the upload."""
    if body := getattr(request, "scope", {}).get(KEY):  # not in tests without a server
        body.limit = max(body.limit, upload.length - upload.offset)
    return request.read


def _append(upload: Upload, read: Callable[[int], bytes]) -> Errors:
    buffer, errors = bytearray(), {}
    try:
        while not errors and (missing := upload.length - upload.offset - len(buffer)):
            piece = read(min(READ, missing))
            buffer += piece
            if not piece:
                break
            if len(buffer) >= uploads.PART:
                errors = _store(upload, buffer)
    finally:  # also if the connection was lost
        if buffer and not errors:
            errors = _store(upload, buffer)
    return errors


def _store(upload: Upload, buffer: bytearray) -> Errors:
    before, data = upload.offset, bytes(buffer)
    buffer.clear()
    storage.store(upload, data)
    whole = min(qcow2.HEAD_SIZE, upload.length)
    return check_head(upload) if before < whole <= upload.offset < upload.length else {}
