"""Sends the file of an export, whole or a range of it, so that an interrupted download can be resumed."""

import re
from collections.abc import AsyncIterator

from channels.db import database_sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.http import content_disposition_header

from vms.images.uploading.uploads import PART
from vms.models import ImageExport, UploadPart

PIECE = 1024**2  # bytes that are read at once
NOTHING = (0, 0)  # a range beyond the file
QCOW2 = "application/x-qemu-disk"
RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.IGNORECASE)  # RFC 9110, section 14: one range of bytes


def wanted_range(request: HttpRequest, export: ImageExport) -> tuple[int, int] | None:
    """Return the begin and the end of the range that is asked for; None for the whole file, (0, 0) for none of it.

    A range that cannot be read is ignored, and one of another file.
    """
    tag = _tag(export)
    same = request.headers.get("If-Range", tag) == tag
    return _range(request.headers.get("Range", ""), export.size) if same else None


def _tag(export: ImageExport) -> str:
    return f'"{export.key}"'


def answer(export: ImageExport, name: str, wanted: tuple[int, int] | None) -> HttpResponse:
    """Return the file that is ready: status 200, 206 with the range that is asked for, or 416."""
    tag, size = _tag(export), export.size
    if wanted == NOTHING:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    start, end = wanted or (0, size)
    sent = StreamingHttpResponse(pieces(export, start, end), status=206 if wanted else 200, content_type=QCOW2)
    if wanted:
        sent["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    sent["Content-Length"], sent["Accept-Ranges"], sent["ETag"] = end - start, "bytes", tag
    sent["Content-Disposition"] = content_disposition_header(True, f"{name}.qcow2")
    sent["X-Accel-Buffering"] = "no"  # nginx would collect what is sent
    return sent


def _range(text: str, size: int) -> tuple[int, int] | None:
    """Return the begin and the end of a range; None without one that can be read, (0, 0) of one beyond the file."""
    found = RANGE.fullmatch(text)
    if not found or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1 if last else size, size)
        if last and int(last) < start:
            return None
    return (start, end) if start < end else NOTHING


async def pieces(export: ImageExport, start: int, end: int) -> AsyncIterator[bytes]:
    """Yield the bytes of the file from `start` to `end`; it ends early if the file is deleted meanwhile."""
    read = database_sync_to_async(read_piece)
    while start < end:
        data = await read(export, start, min(PIECE, end - start))
        if not data:
            return
        start += len(data)
        yield data


def read_piece(export: ImageExport, offset: int, most: int) -> bytes:
    """Return up to `most` bytes of the file from `offset`; b"" if it was deleted. The file is kept while it is read."""
    if offset // PART != (offset + most) // PART or offset == 0:
        ImageExport.objects.filter(pk=export.pk).update(used_at=timezone.now())
    if not settings.UPLOADS_IN_DATABASE:
        try:
            with (settings.SPOOL_DIR / export.key).open("rb") as file:
                file.seek(offset)
                return file.read(most)
        except FileNotFoundError:
            return b""
    number, within = divmod(offset, PART)
    rows = UploadPart.objects.filter(upload=export.key, number=number)
    data = rows.values_list("data", flat=True).first() or b""
    return bytes(data[within : within + most])
