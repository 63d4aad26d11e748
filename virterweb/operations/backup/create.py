"""Creates a backup while the portal runs."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone

from virterweb.messages import Message
from virterweb.operations import release

from . import archive, databases
from .wording import BackupError


def create(target: Path, passphrase: str = "") -> None:
    """Write the backup of the whole portal to a file, which appears when it is complete; raise BackupError."""
    try:
        with tempfile.TemporaryDirectory(dir=settings.DATA_DIR, prefix=archive.CREATING) as name:
            archive.write(target, Path(name), _collect(Path(name)), passphrase)
    except OSError as error:
        raise BackupError(Message("backup.unwritable", file=settings.DATA_DIR, reason=error.strerror)) from error


def _collect(folder: Path) -> archive.Manifest:
    """Put what a backup holds into the folder."""
    (folder / archive.UPLOADS).mkdir()
    _link_uploads(folder)  # an upload may end while the database is copied, another may begin
    databases.dump(folder / archive.DATABASE)
    _link_uploads(folder)
    for key in archive.KEYS:
        with suppress(FileNotFoundError):  # set by the environment, or not needed yet
            (folder / key).hardlink_to(settings.DATA_DIR / key)
    return archive.Manifest(
        format=archive.FORMAT,
        version=release.version(),
        database=connection.vendor,
        made_at=timezone.now().isoformat(),
        migrations=sorted(map(list, release.applied_migrations())),
    )


def _link_uploads(folder: Path) -> None:
    """Link the uploads that wait for the worker or for the rest, which may be growing: more than counts is harmless."""
    for path in settings.SPOOL_DIR.iterdir():
        name = f"{archive.UPLOADS}/{path.name}"
        if archive.ALLOWED.fullmatch(name) and path.is_file() and not (folder / name).exists():
            with suppress(FileNotFoundError):  # the worker has just finished with it
                os.link(path, folder / name)
