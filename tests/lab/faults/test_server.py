"""`script/server`, the one command of a newcomer: it starts, says where the portal is, and leaves nothing running."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.portal import ROOT, free_port
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen]]:
    """Start the server and wait until it has printed its address; its output is in `tmp_path/said`."""
    environment = {**os.environ, "VIRTERWEB_DATA": str(tmp_path / "data")}
    environment.pop("VIRTERWEB_ADMIN_PASSWORD", None)
    started = []

    def run() -> subprocess.Popen:
        with (tmp_path / "said").open("w") as said:
            command = [sys.executable, str(ROOT / "script/server"), "--lab", "--port", str(free_port())]
            started.append(subprocess.Popen(command, env=environment, stdout=said, stderr=said))
        wait_for(lambda: "The portal is at" in (tmp_path / "said").read_text(), 60, "the address is printed")
        return started[-1]

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def of_the_server(data: Path) -> list[str]:
    """The processes that know the server's data folder."""
    mine = f"VIRTERWEB_DATA={data}\0".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mine in (process / "environ").read_bytes():
                found.append(process.name)
        except OSError:
            continue
    return found


def test_the_server_starts_with_a_lab_and_an_account_and_ctrl_c_ends_it(serve, tmp_path):
    server, data = serve(), tmp_path / "data"
    said = (tmp_path / "said").read_text()
    assert re.search(r"user admin, password \S{10,}", said)
    assert "Hypervisor lab registered" in said
    address = re.search(r"http://127\.0\.0\.1:\d+/", said)[0]
    assert b"Sign in" in urllib.request.urlopen(address).read()
    assert (data / "virterweb.sqlite3").exists()
    server.send_signal(signal.SIGINT)
    assert server.wait(timeout=20) == 0
    assert of_the_server(data) == []

    serve()
    assert "password" not in (tmp_path / "said").read_text()  # nothing is made a second time


def test_a_worker_that_dies_is_started_again(serve, tmp_path):
    server, data = serve(), tmp_path / "data"

    def workers() -> set[int]:
        pids = {int(pid) for pid in of_the_server(data)} - {server.pid}
        return {pid for pid in pids if b"virterweb\0worker" in Path(f"/proc/{pid}/cmdline").read_bytes()}

    (first,) = workers()
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: workers() - {first}, 20, "another worker has started")
    assert "The worker has ended with signal SIGKILL. It starts again" in (tmp_path / "said").read_text()
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=20) == 0
    assert of_the_server(data) == []
