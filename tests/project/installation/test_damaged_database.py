"""A damaged SQLite database is reported in a sentence, and never replaced by an empty one."""

import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.portal import Portal
from virterweb import database_file

pytestmark = pytest.mark.integration


def make_database(path: Path) -> bytes:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE rows (text)")
        database.executemany("INSERT INTO rows VALUES (?)", [(f"{number} {'x' * 500}",) for number in range(1000)])
        database.commit()
    return path.read_bytes()


DAMAGED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda whole: b"", "is empty"),
    "a header": (lambda whole: whole[:50], "is cut off"),
    "a page": (lambda whole: whole[:4096], "is cut off"),
    "half of it": (lambda whole: whole[: len(whole) // 2], "is cut off"),
    "without its end": (lambda whole: whole[:-1], "is cut off"),
    "of zeros": (lambda whole: bytes(len(whole)), "is not an SQLite database"),
    "a text": (lambda whole: b"hello\n" * 100, "is not an SQLite database"),
    "noise inside": (
        lambda whole: whole[:8192] + random.Random(7).randbytes(200_000) + whole[208_192:],
        "is damaged",
    ),
    "noise in its first page": (lambda whole: whole[:100] + random.Random(7).randbytes(3996) + whole[4096:], "damaged"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damage_is_recognised(tmp_path: Path, kind):
    whole = make_database(path := tmp_path / "database")
    assert database_file.problem(path, thorough=True) == ""
    change, words = DAMAGED[kind]
    path.write_bytes(change(whole))
    assert words in database_file.problem(path, thorough=True)
    assert path.read_bytes() == change(whole)


def test_a_database_that_is_not_there_yet_is_intact(tmp_path: Path):
    assert database_file.problem(tmp_path / "database", thorough=True) == ""
    assert list(tmp_path.iterdir()) == []


def test_a_database_in_use_whose_newest_pages_are_in_its_log_is_intact(tmp_path: Path):
    make_database(path := tmp_path / "database")
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("BEGIN IMMEDIATE")
        database.execute("INSERT INTO rows SELECT text FROM rows")
        database.commit()
        database.execute("BEGIN IMMEDIATE")
        assert database_file.problem(path, thorough=True) == ""


@pytest.mark.parametrize("kind", ["empty", "half of it"])
def test_every_command_says_what_to_do_and_changes_nothing(tmp_path: Path, kind):
    portal = Portal(tmp_path, {})
    database = tmp_path / "virterweb.sqlite3"
    damaged = DAMAGED[kind][0](database.read_bytes())
    for path in tmp_path.glob("virterweb.sqlite3-*"):
        path.unlink()
    database.write_bytes(damaged)
    for words in (["migrate"], ["network", "ls"]):
        said = portal.manage(*words, fails=True)
        assert said.startswith(f"The database {database} is "), said
        assert "restore a backup with “manage.py restore FILE --replace”" in said
        assert said.count("\n") == 1
    assert database.read_bytes() == damaged


def test_damage_that_only_a_query_meets_is_said_in_a_sentence_too(tmp_path: Path):
    portal = Portal(tmp_path, {})
    database = tmp_path / "virterweb.sqlite3"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        query = "SELECT rootpage FROM sqlite_master WHERE tbl_name = 'networks_network'"  # the table and its indexes
        pages = [page for (page,) in connection.execute(query)]
    with database.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * 4096)
            file.write(os.urandom(4096))
    said = portal.manage("network", "ls", fails=True)
    assert said.startswith(f"The database {database} is damaged: stop the portal and restore a backup"), said
    assert said.count("\n") == 1


def test_a_database_that_must_be_migrated_is_reported_in_a_sentence(tmp_path: Path):
    portal = Portal(tmp_path, None)
    said = portal.manage("network", "ls", fails=True)
    assert said == "CommandError: the database is not prepared for this version of the portal; " + (
        "`manage.py migrate` prepares it\n"
    )
