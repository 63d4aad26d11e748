"""Downloads the image of a URL into the spool folder; what has arrived survives a killed worker.

`UPLOAD.part` has the bytes that have arrived, and `UPLOAD.json` the version of the file that they are of. A worker of
the same machine continues with the rest of that version; one of another machine starts again. An upload's name belongs
to one image, so the URL cannot change in between.
"""

import fcntl
import json
import os
import re
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from http import HTTPStatus
from http.client import HTTPResponse
from pathlib import Path
from typing import BinaryIO

from virterweb.hypervisors.gateway.found import Refused
from virterweb.messages import Message
from vms.images import qcow2

from .progress import FetchProgress
from .request import answer, check_status
from .unavailable import Unavailable
from .urls import Source

PIECE = 2**17  # bytes that are read at once; larger ones are slower, as each is allocated anew
SLOWEST = 1024  # bytes a second, below which a transfer is interrupted
SLOW_FOR = 60.0  # seconds
CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


@dataclass(frozen=True, kw_only=True)
class Version:
    """Which version of a file a server sends, and its size; empty or 0 where the server does not say it."""

    validator: str = ""
    total: int = 0


def download(source: Source, file: Path, allowed: Collection[str], progress: FetchProgress) -> None:
    """Download a file, or the rest of it, to the path `file`.

    Raises:
        Refused: No image can be fetched from this source; nothing is left behind.
        Unavailable: A retry continues the download.
    """
    part, about = file.with_suffix(".part"), file.with_suffix(".json")
    with _locked(part, source) as data:
        try:
            version = _version(about)
            if not version.total or part.stat().st_size != version.total:
                _transfer(source, data, about, (allowed, progress))
            _check_content(data)
        except Refused:
            part.unlink()
            about.unlink(missing_ok=True)
            raise
        part.replace(file)
        about.unlink(missing_ok=True)


@contextmanager
def _locked(part: Path, source: Source) -> Iterator[BinaryIO]:
    """Give the file of what has arrived, which no other process of this machine writes to meanwhile."""
    with part.open("a+b") as data:
        try:
            fcntl.flock(data, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as problem:
            raise Unavailable(Message("source.busy", host=source.host)) from problem
        yield data


def _version(about: Path) -> Version:
    with suppress(OSError, ValueError, TypeError):
        return Version(**json.loads(about.read_text()))
    return Version()


def _transfer(source: Source, data: BinaryIO, about: Path, limits: tuple[Collection[str], FetchProgress]) -> None:
    """Receive the file, or the rest of it if the server still has the version that the first part is of."""
    allowed, progress = limits
    known, there = _version(about), data.seek(0, os.SEEK_END)
    resume = {"Range": f"bytes={there}-", "If-Range": known.validator} if there and known.validator else {}
    with answer(source, resume, allowed) as response:
        if response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            data.truncate(0)
            raise Unavailable(Message("source.interrupted", host=source.host))
        check_status(source, response.status)
        start, total = _extent(response)
        if start != there:
            start = 0
            if response.status == HTTPStatus.PARTIAL_CONTENT:
                data.truncate(0)
                raise Unavailable(Message("source.interrupted", host=source.host))
        data.truncate(start)
        about.write_text(json.dumps(asdict(Version(validator=_validator(response), total=total))))
        progress.begin(start, total)
        _receive(source, response, data, progress)


def _extent(response: HTTPResponse) -> tuple[int, int]:
    """Return at which byte an answer starts, and the size of the whole file; 0 if the server does not say it."""
    if response.status == HTTPStatus.PARTIAL_CONTENT:
        found = CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        return (int(found[1]), int(found[2])) if found else (-1, 0)
    return 0, response.length or 0


def _validator(response: HTTPResponse) -> str:
    """Return what tells one version of a file from the next, for If-Range; "" if the server gives nothing."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified", "")


def _receive(source: Source, response: HTTPResponse, data: BinaryIO, progress: FetchProgress) -> None:
    done, total = data.seek(0, os.SEEK_END), progress.total
    checked, window, since = done >= qcow2.HEAD_SIZE, done, time.monotonic()
    while not total or done < total:
        piece = response.read1(min(PIECE, total - done) if total else PIECE)
        if not piece:
            break
        _write(data, piece)
        done += len(piece)
        progress(done)
        if not checked and done >= qcow2.HEAD_SIZE:
            checked = True
            _check_head(data)
        if (now := time.monotonic()) - since > SLOW_FOR:
            if done - window < SLOWEST * SLOW_FOR:
                raise Unavailable(Message("source.slow", host=source.host))
            window, since = done, now
    data.flush()
    if total and done < total:
        raise Unavailable(Message("source.cut_off", host=source.host, done=done, total=total))
    progress.end(done)


def _write(data: BinaryIO, piece: bytes) -> None:
    try:
        data.write(piece)
    except OSError as problem:
        raise Refused(Message("image.server_full"), str(problem)) from problem


def _check_head(data: BinaryIO) -> None:
    """Refuse what is no image before all of it has arrived."""
    data.seek(0)
    if wrong := qcow2.problem(data.read(qcow2.HEAD_SIZE)):
        raise Refused(wrong)
    data.seek(0, os.SEEK_END)


def _check_content(data: BinaryIO) -> None:
    data.flush()
    if wrong := qcow2.file_problem(data, data.seek(0, os.SEEK_END)):
        raise Refused(wrong)
