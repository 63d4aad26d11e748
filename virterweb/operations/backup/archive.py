"""The archive of a backup: a compressed tar, encrypted if there is a passphrase, that tells whether it is whole.

Its first file says what it holds; then come the database, the keys and the uploads.
"""

import errno
import gzip
import json
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from virterweb.messages import Message

from .encryption import MAGIC, Decrypting, Encrypting
from .wording import BackupError

FORMAT = 1
CREATING, UNPACKING = ".backup-", ".restore-"  # how the names of temporary folders in the data folder begin
MANIFEST, DATABASE, KEYS, UPLOADS = "backup.json", "database", ("secret-key", "ssh-key"), "uploads"
ALLOWED = re.compile(rf"{re.escape(MANIFEST)}|{DATABASE}|{'|'.join(KEYS)}|{UPLOADS}/[0-9a-f]+")
GZIP_MAGIC = b"\x1f\x8b"
DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error, tarfile.TarError)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup says of itself. `migrations` are app and name of each that its database has."""

    format: int
    version: str
    database: str
    made_at: str
    migrations: list[list[str]]


def write(target: Path, folder: Path, manifest: Manifest, passphrase: str) -> None:
    """Write the files of a folder to an archive that only its owner can read; it appears when it is complete."""
    part = target.with_name(f"{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        (folder / MANIFEST).write_text(json.dumps(asdict(manifest)))
        with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            _pack(folder, file, passphrase)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise BackupError(Message("backup.unwritable", file=target, reason=error.strerror)) from error


def _pack(folder: Path, file: BinaryIO, passphrase: str) -> None:
    with (
        _outer(file, passphrase) as outer,
        gzip.GzipFile(fileobj=outer, mode="wb", compresslevel=5) as packed,
        tarfile.open(fileobj=packed, mode="w|") as tar,
    ):
        for path in sorted(folder.rglob("*"), key=lambda path: (path.name != MANIFEST, path)):
            tar.add(path, str(path.relative_to(folder)), recursive=False, filter=_anonymous)


@contextmanager
def _outer(file: BinaryIO, passphrase: str) -> Iterator[BinaryIO]:
    if not passphrase:
        yield file
        return
    with Encrypting(file, passphrase) as encrypting:
        yield encrypting


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Return a file without its owner; None for a folder."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode = 0o600
    return info if info.isreg() else None


def is_encrypted(source: Path) -> bool:
    """Return whether a backup needs a passphrase; raise BackupError if it cannot be read or is none."""
    try:
        with source.open("rb") as file:
            begin = file.read(len(MAGIC))
    except OSError as error:
        raise BackupError(Message("backup.unreadable", file=source, reason=error.strerror)) from error
    if begin == MAGIC:
        return True
    if begin[: len(GZIP_MAGIC)] != GZIP_MAGIC:
        raise BackupError(Message("backup.not_one", file=source))
    return False


def unpack(source: Path, folder: Path, passphrase: str) -> Manifest:
    """Unpack a backup into an empty folder, to its end, and return what it holds; raise BackupError if it is not whole.

    A newer one is refused as soon as it says so.
    """
    encrypted = is_encrypted(source)
    try:
        with source.open("rb") as file:
            file.seek(len(MAGIC) if encrypted else 0)
            inner = Decrypting(file, passphrase, str(source)) if encrypted else file
            with gzip.GzipFile(fileobj=inner) as packed:
                with tarfile.open(fileobj=packed, mode="r|") as tar:
                    _unpack_all(tar, folder, source)
                while packed.read(1024**2):  # its checksum is at the end
                    pass
    except DAMAGE as problem:
        raise BackupError(Message("backup.damaged", file=source)) from problem
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise BackupError(Message("backup.unwritable", file=folder, reason=error.strerror)) from error
        raise BackupError(Message("backup.unreadable", file=source, reason=error.strerror)) from error
    if not (folder / DATABASE).exists():
        raise BackupError(Message("backup.not_one", file=source))
    return _manifest(folder, source)


def _unpack_all(tar: tarfile.TarFile, folder: Path, source: Path) -> None:
    (folder / UPLOADS).mkdir()
    for number, member in enumerate(tar):
        if not member.isreg() or not ALLOWED.fullmatch(member.name) or (number == 0) != (member.name == MANIFEST):
            raise BackupError(Message("backup.not_one", file=source))
        with (folder / member.name).open("xb") as file:
            shutil.copyfileobj(tar.extractfile(member), file, 1024**2)
        if number == 0:
            _manifest(folder, source)


def _manifest(folder: Path, source: Path) -> Manifest:
    try:
        found = json.loads((folder / MANIFEST).read_bytes())
        number, version = int(found["format"]), str(found["version"])
        if number > FORMAT:
            raise BackupError(Message("backup.newer", file=source, version=version))
        return Manifest(**found)
    except (ValueError, TypeError, KeyError, FileNotFoundError) as problem:
        raise BackupError(Message("backup.not_one", file=source)) from problem
