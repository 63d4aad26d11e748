"""Checks the file of an SQLite database before a command opens it.

SQLite takes an empty file for a new database, and finds damage only where it reads.
"""

import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

MAGIC = b"SQLite format 3\0"
HEADER = 100  # bytes
SECONDS_TO_BEGIN = 2  # within which a process that has just created the file writes to it
DAMAGE = {sqlite3.SQLITE_CORRUPT: "is damaged", sqlite3.SQLITE_NOTADB: "is not an SQLite database"}
RESTORING = "restoring"  # the folder of a restore from its first change to its last
COMPLAINT = (
    "The database {path} {problem}: stop the portal and restore a backup with “manage.py restore FILE --replace”, "
    "or move the file away to begin with an empty portal."
)
INTERRUPTED = (
    "A backup is being restored, or that was interrupted: wait for it, or restore the backup again with "
    "“manage.py restore FILE --replace”."
)


def require_intact(data: Path, database: str, *, thorough: bool) -> None:
    """Exit with a sentence if a restore is not complete, or the database is damaged."""
    if (data / RESTORING).exists():
        sys.exit(INTERRUPTED)
    if found := problem(Path(database), thorough=thorough):
        sys.exit(COMPLAINT.format(path=database, problem=found))


def problem(path: Path, *, thorough: bool = False) -> str:
    """Return what is wrong with a database, to follow its name; "" if it is intact or does not exist.

    A thorough check reads every page. The others read the beginning, and compare the length of the file.
    """
    try:
        if not path.exists():
            return ""
        if not _has_content(path):
            return "is empty"
        if _is_cut_off(path):
            return "is cut off"
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=1)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master")
            (result,) = connection.execute("PRAGMA quick_check(1)").fetchone() if thorough else ("ok",)
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    except sqlite3.Error as error:
        return damage(error)
    return "" if result == "ok" else DAMAGE[sqlite3.SQLITE_CORRUPT]


def damage(error: BaseException | None) -> str:
    """Return what an exception or its cause says about the file, to follow its name; "" if it says something else."""
    while error is not None:
        code = getattr(error, "sqlite_errorcode", None)
        if code is not None and code & 0xFF in DAMAGE:  # the higher bits refine it
            return DAMAGE[code & 0xFF]
        error = error.__cause__
    return ""


def _has_content(path: Path) -> bool:
    until = time.monotonic() + SECONDS_TO_BEGIN
    while not path.stat().st_size and time.monotonic() < until:
        time.sleep(0.05)
    return path.stat().st_size > 0


def _is_cut_off(path: Path) -> bool:
    """Return whether the file has fewer pages than its header says, and no log holds the others.

    The format: https://www.sqlite.org/fileformat.html#the_database_header
    """
    with path.open("rb") as file:
        header = file.read(HEADER)
    if not header.startswith(MAGIC):
        return False
    if len(header) < HEADER:
        return True
    log = path.with_name(f"{path.name}-wal")
    if header[24:28] != header[92:96] or (log.exists() and log.stat().st_size):
        return False
    page = int.from_bytes(header[16:18], "big")
    return path.stat().st_size < int.from_bytes(header[28:32], "big") * (65536 if page == 1 else page)
