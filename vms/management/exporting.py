"""Writes images to files, for the command line."""

import sys
import time
from pathlib import Path
from typing import BinaryIO

from django.core.management.base import CommandError

from virterweb.messages import Failure
from virterweb.people.cli import need_worker
from virterweb.people.hidden.messages import readable
from virterweb.people.rights import Actor
from vms.images.exporting import requests
from vms.images.exporting.stream import PIECE, read_piece
from vms.models import Image, ImageExport


def write_file(image: Image, file: str, by: Actor) -> None:
    """Have a worker prepare the file of an image, and write it to a file, `-` for standard output."""
    if file != "-" and Path(file).exists():
        raise CommandError(f"{file} exists already; choose another file")
    try:
        export = _prepared(requests.ask(image, by), by)
    except Failure as problem:
        raise CommandError(str(problem)) from problem
    requests.note_download(export, by)
    if file == "-":
        _copy(export, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    part = Path(f"{file}.part")
    try:
        with part.open("wb") as data:
            _copy(export, data)
        part.replace(file)
    except OSError as problem:
        raise CommandError(f"{file}: {problem.strerror}") from problem
    finally:
        part.unlink(missing_ok=True)


def _prepared(export: ImageExport, by: Actor) -> ImageExport:
    """Return the export when its file is ready; CommandError if it was not prepared."""
    began = time.time()
    while export.is_in_progress:
        need_worker(began)
        time.sleep(0.1)
        export = ImageExport.objects.select_related("image__hypervisor").filter(pk=export.pk).first()
        if export is None:
            raise CommandError("the image was deleted before its file was ready")
    if export.error:
        raise CommandError(str(readable(export.error, by)))
    return export


def _copy(export: ImageExport, target: BinaryIO) -> None:
    done = 0
    while done < export.size:
        data = read_piece(export, done, min(PIECE, export.size - done))
        if not data:
            raise CommandError("the file was deleted while it was read; export the image again")
        target.write(data)
        done += len(data)
