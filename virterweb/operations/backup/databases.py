"""Copies the whole database out, and puts such a copy in its place: as a whole or not at all."""

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from django.contrib.auth import get_user_model
from django.db import Error, connection
from django.db.backends.postgresql.client import DatabaseClient

from virterweb import database_file
from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import Message

from .wording import BackupError

LOCK_TIMEOUT = "30s"  # for PostgreSQL to wait for the transactions of a portal that still runs
BESIDE = ("", "-wal", "-shm")  # the files of an SQLite database


def dump(target: Path) -> None:
    """Write the database as it is at one moment, while others use it."""
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        with _sqlite_errors(), closing(sqlite3.connect(target)) as copy:
            connection.connection.backup(copy)
    else:
        _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--file", str(target))


def is_damaged(copy: Path) -> bool:
    """Return whether a copy of the database is unusable."""
    if connection.vendor == "sqlite":
        return bool(database_file.problem(copy, thorough=True))
    return copy.read_bytes()[:5] != b"PGDMP"


def is_in_use() -> bool:
    """Return whether the portal has users or hypervisors, or a database that cannot be read."""
    if connection.vendor == "sqlite":
        if not _file().exists():
            return False
        if database_file.problem(_file()):
            return True
    try:
        if "auth_user" not in connection.introspection.table_names():
            return False
        return get_user_model().objects.exists() or Hypervisor.objects.exists()
    except Error:
        return True


def load(copy: Path) -> None:
    """Replace the database by a copy, in one transaction: also while others use it."""
    if connection.vendor == "sqlite":
        _load_sqlite(copy)
    else:
        _load_postgresql(copy)


def _load_sqlite(copy: Path) -> None:
    path = _file()
    if database_file.problem(path):
        _set_aside(path)
    if not path.exists():
        connection.close()
        copy.with_name("new").hardlink_to(copy)
        copy.with_name("new").replace(path)
        return
    connection.ensure_connection()
    with _sqlite_errors(), closing(sqlite3.connect(copy)) as source:
        source.backup(connection.connection)


@contextmanager
def _sqlite_errors() -> Iterator[None]:
    """Convert the errors of a copy, which has changed nothing, such as a full disk."""
    try:
        yield
    except sqlite3.Error as error:
        raise BackupError(Message("backup.failed", program="SQLite", reason=error)) from error


def _set_aside(path: Path) -> None:
    """Rename a damaged database, from which somebody may want to save something."""
    connection.close()
    stamp = f"damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    for ending in BESIDE:
        file = path.with_name(f"{path.name}{ending}")
        if file.exists():
            file.rename(path.with_name(f"{path.name}.{stamp}{ending}"))


def _load_postgresql(copy: Path) -> None:
    script = copy.with_name("script.sql")
    _run("pg_restore", "--clean", "--if-exists", "--no-owner", "--no-privileges", "--file", str(script), str(copy))
    with connection.cursor() as cursor:
        names = [connection.ops.quote_name(each.name) for each in connection.introspection.get_table_list(cursor)]
    # Also the tables that the copy does not have: of a later version.
    drop = [f"--command=DROP TABLE {', '.join(names)} CASCADE"] if names else []
    connection.close()
    options = ["--quiet", "--no-psqlrc", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null"]
    _run("psql", *options, *drop, f"--file={script}")


def _file() -> Path:
    return Path(connection.settings_dict["NAME"])


def _run(program: str, *words: str) -> None:
    """Run a program of PostgreSQL's on the portal's database; `pg_restore` only writes a script."""
    # The options that psql, pg_dump and their version know: psycopg may have been built with a newer libpq.
    (_, *where), given = DatabaseClient.settings_to_cmd_args_env(connection.settings_dict, [])
    environment = {**os.environ, **(given or {}), "PGOPTIONS": f"-c lock_timeout={LOCK_TIMEOUT}"}
    command = [program, *words, *(where if program != "pg_restore" else [])]
    try:
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise BackupError(Message("backup.program", program=program)) from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise BackupError(Message("backup.failed", program=program, reason=lines[0]))
