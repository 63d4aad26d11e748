"""The passphrase of a backup: from a file, or from the terminal."""

import getpass
from argparse import ArgumentParser
from pathlib import Path

from virterweb.messages import Message
from virterweb.operations.backup.wording import BackupError


def add_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--passphrase-file", type=Path, metavar="PATH", help="file whose first line is the passphrase of the backup"
    )


def read(path: Path) -> str:
    """Return the first line of a file; raise BackupError if there is none."""
    try:
        passphrase = path.read_text().partition("\n")[0]
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise BackupError(Message("backup.unreadable", file=path, reason=reason)) from error
    if not passphrase:
        raise BackupError(Message("backup.no_passphrase", file=path))
    return passphrase


def ask(*, twice: bool) -> str:
    """Return what somebody types at the terminal; raise BackupError if they type something else the second time."""
    passphrase = getpass.getpass("Passphrase of the backup: ")
    if twice and passphrase != getpass.getpass("The same again: "):
        raise BackupError(Message("backup.two_passphrases"))
    return passphrase
