"""Restores a backup: nothing changes before all of it was read and checked, and then the database in one transaction.

From the first change to the last, the folder `restoring` keeps all commands but this one from starting, so that no
portal runs with the database of one time and the keys of another.
"""

import shutil
import tempfile
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from virterweb.database_file import RESTORING
from virterweb.messages import Message
from virterweb.operations import release

from . import archive, databases
from .wording import BackupError


def require_permission(*, replace: bool) -> None:
    """Raise BackupError if the portal is in use and nobody said to replace it."""
    interrupted = (settings.DATA_DIR / RESTORING).exists()
    if not replace and (interrupted or databases.is_in_use()):
        raise BackupError(Message("backup.not_empty"))


def restore(source: Path, passphrase: str = "") -> None:
    """Replace database, keys and uploads by those of a backup, then upgrade the database; raise BackupError."""
    restoring = settings.DATA_DIR / RESTORING
    with tempfile.TemporaryDirectory(dir=settings.DATA_DIR, prefix=archive.UNPACKING) as name:
        folder = Path(name) / "backup"
        folder.mkdir()
        _check(source, folder, archive.unpack(source, folder, passphrase))
        shutil.rmtree(restoring, ignore_errors=True)
        folder.rename(restoring)
    try:
        databases.load(restoring / archive.DATABASE)
    except Exception:
        shutil.rmtree(restoring)  # the database is as before
        raise
    _replace_files(restoring)
    shutil.rmtree(restoring)
    call_command("migrate", interactive=False, verbosity=0)


def _check(source: Path, folder: Path, manifest: archive.Manifest) -> None:
    if manifest.database != connection.vendor:
        about = {"theirs": manifest.database, "ours": connection.vendor}
        raise BackupError(Message("backup.other_database", file=source, **about))
    if not {(app, name) for app, name in manifest.migrations} <= release.known_migrations():
        raise BackupError(Message("backup.newer", file=source, version=manifest.version))
    if databases.is_damaged(folder / archive.DATABASE):
        raise BackupError(Message("backup.damaged", file=source))


def _replace_files(restoring: Path) -> None:
    for path in filter(Path.is_file, settings.SPOOL_DIR.iterdir()):
        path.unlink()
    for key in archive.KEYS:
        if (restoring / key).exists():
            _place(restoring / key, settings.DATA_DIR / key)
    for upload in (restoring / archive.UPLOADS).iterdir():
        _place(upload, settings.SPOOL_DIR / upload.name)


def _place(source: Path, target: Path) -> None:
    """Replace a file at once; `source` stays until everything is in place."""
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    part.hardlink_to(source)
    part.replace(target)
