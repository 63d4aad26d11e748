"""Only the portal's own user can read its data folder, also after an upgrade."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.portal import ROOT, Portal
from tests.support.waiting import wait_for
from virterweb import private_folder

pytestmark = pytest.mark.integration


def readable_by_others(folder: Path) -> list[str]:
    """Everything in the folder, and the folder itself, that its group or everybody may use in some way."""
    return [
        f"{stat.filemode(path.lstat().st_mode)} {path.relative_to(folder)}"
        for path in (folder, *folder.rglob("*"))
        if stat.S_IMODE(path.lstat().st_mode) & 0o077 and not path.is_symlink()
    ]


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)  # the most careless there is; processes that are started inherit it
    yield
    os.umask(before)


@pytest.fixture
def careless(tmp_path: Path, open_umask: None) -> Path:
    """A data folder as older versions, a restored backup or an administrator's mkdir leave it."""
    folder = tmp_path / "data"
    for name in (".", "uploads", "broker/messages", "broker/control"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / "virterweb.sqlite3")) as database:
        database.execute("PRAGMA user_version = 1")
    for name in ("virterweb.sqlite3", "secret-key", "ssh-key.old", "uploads/disk", "broker/messages/one.msg"):
        (folder / name).touch()
        (folder / name).chmod(0o644)
    (folder / "secret-key").write_text("a secret of fifty characters, long enough for Django")
    return folder


def test_commands_server_and_worker_close_an_open_folder_and_create_private_files(careless: Path):
    portal = Portal(careless, {"test": "test:///default"})
    assert readable_by_others(careless) == []
    try:
        careless.chmod(0o755)
        (careless / "virterweb.sqlite3").chmod(0o644)
        for log in ("web.log", "worker.log"):
            (careless / log).touch(mode=0o600)  # the test's own; a service manager writes them elsewhere
        portal.start_web()
        assert readable_by_others(careless) == []
        portal.start_worker()
        wait_for(lambda: "ready" in portal.worker_log(), 20, "the worker is there")
        portal.log_in()
        wait_for(lambda: portal.table("/networks/"), 20, "the first poll")
        portal.manage("network", "add", "net1", "--network-cidr", "10.255.0.1/24", "--no-wait")
        portal.ask("portal_key.authorized_line()", "from vms.cloud_init import portal_key")
    finally:
        portal.stop()
    assert readable_by_others(careless) == []


def test_the_lab_closes_its_folder(careless: Path):
    code = f"import lab, pathlib; lab.furnish_folders(pathlib.Path({str(careless)!r}))"
    environment = {**os.environ, "PYTHONPATH": "script"}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
    assert stat.S_IMODE(careless.stat().st_mode) == 0o700


def test_symbolic_links_and_missing_files_are_skipped(tmp_path: Path, open_umask: None):
    outside = tmp_path / "outside"
    outside.touch(mode=0o666)
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "link").symlink_to(outside)
    (folder / "dangling").symlink_to(tmp_path / "nothing")
    private_folder.prepare(folder)
    assert stat.S_IMODE(outside.stat().st_mode) == 0o666
    assert readable_by_others(folder) == []
