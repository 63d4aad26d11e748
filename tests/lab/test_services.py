"""The same settings on PostgreSQL and on Redis: both are really started, and a wish is carried out on them."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.portal import Portal, free_port
from tests.waiting import wait_for

pytestmark = pytest.mark.lab


@pytest.fixture
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL of our own. It refuses to run as root, and so cannot look into folders of pytest's."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        yield from postgres_in(Path(folder))


def postgres_in(folder: Path) -> Iterator[str]:
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    user = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"] if os.geteuid() == 0 else []
    if user:
        shutil.chown(folder, "postgres", "postgres")
    quiet = {"check": True, "capture_output": True, "cwd": folder}
    subprocess.run([*user, programs / "initdb", "-D", folder / "data", "-A", "trust", "-U", "portal"], **quiet)
    port = free_port()
    settings = ["-c", f"port={port}", "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen([*user, programs / "postgres", "-D", folder / "data", *settings], stderr=log)
    ready = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    wait_for(lambda: subprocess.run(ready).returncode == 0, 20, "PostgreSQL answers")
    yield f"postgres://portal@127.0.0.1:{port}/postgres"
    server.terminate()
    server.wait(timeout=20)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    server = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
    ping = ["redis-cli", "-p", str(port), "ping"]
    wait_for(lambda: subprocess.run(ping, capture_output=True).stdout == b"PONG\n", 20, "Redis answers")
    yield f"redis://127.0.0.1:{port}/0"
    server.terminate()
    server.wait(timeout=20)


def walk(portal: Portal) -> None:
    portal.start_web()
    portal.start_worker()
    try:
        portal.log_in()
        wait_for(lambda: portal.table("/networks/"), 20, "the first look")
        portal.manage("network", "add", "net1", "--dhcp", "--network-cidr", "10.255.0.1/24")
        assert [row["State"] for row in portal.table("/networks/?q=net1")] == ["ready"]
        portal.manage("network", "rm", "net1")
        assert not portal.table("/networks/?q=net1")
    finally:
        portal.stop()


def test_wishes_are_kept_in_postgresql(postgres: str, tmp_path: Path):
    portal = Portal(tmp_path, {"test": "test:///default"}, DATABASE_URL=postgres)
    walk(portal)
    assert not (tmp_path / "virterweb.sqlite3").exists()


def test_pokes_go_through_redis(redis: str, tmp_path: Path):
    portal = Portal(tmp_path, {"test": "test:///default"}, CELERY_BROKER_URL=redis)
    walk(portal)
    assert not (tmp_path / "broker").exists()
