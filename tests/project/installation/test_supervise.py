"""The processes of the portal are started again when they die, and end on request."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import supervise

from tests.support.portal import ROOT, Portal, free_port
from tests.support.waiting import wait_for

pytestmark = pytest.mark.integration


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "FIRST_PAUSE", 0.001)


def service(code: str) -> supervise.Service:
    return supervise.Service("worker", sys.executable, "-S", "-c", code)


def test_a_service_that_dies_again_and_again_is_given_up_with_its_exit_code(quick, capfd):
    assert supervise.run([service("import sys; sys.exit('no database')"), service("import time; time.sleep(60)")]) == 1
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == "The worker has ended with exit code 1. It starts again in 0.001 s."
    assert lines[-2:] == [
        "The worker has ended 5 times within 60 s, this time with exit code 1. See its last lines above.",
        "Stopping everything.",
    ]
    assert len(lines) == 6


def test_the_pause_before_a_restart_doubles(quick, capfd):
    supervise.run([service("import os; os.kill(os.getpid(), 9)")])
    again = [line for line in capfd.readouterr().out.splitlines() if "again" in line]
    assert again == [
        f"The worker has ended with signal SIGKILL. It starts again in {pause} s."
        for pause in (0.001, 0.002, 0.004, 0.008)
    ]


def test_a_service_that_ends_as_if_it_had_done_its_work_is_a_failure(quick):
    assert supervise.run([service("")]) == 1


def test_deaths_of_long_ago_do_not_count(quick, monkeypatch, tmp_path):
    monkeypatch.setattr(supervise, "WITHIN", 0.0)
    count = tmp_path / "count"
    count.write_text("")
    counting = f"open({str(count)!r}, 'a').write('.')"
    lab = subprocess.Popen(["sh", "-c", f"until [ $(wc -c < {count}) -ge 6 ]; do sleep 0.05; done"])
    assert supervise.run([service(counting)], lab) == 1
    assert len(count.read_text()) >= 6


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Start a part of the portal alone; what it prints is in `tmp_path/said`."""
    portal = Portal(tmp_path, {"test": "test:///default"})
    started = []

    def run(*words: str) -> subprocess.Popen:
        with (tmp_path / "said").open("w") as said:
            command = [sys.executable, str(ROOT / "script/server"), *words]
            started.append(subprocess.Popen(command, env=portal.environment, stdout=said, stderr=said))
        return started[-1]

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def child_of(parent: subprocess.Popen) -> int | None:
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    return int(children[0]) if children else None


def test_a_web_server_alone_answers_and_ends_on_request(start, tmp_path):
    port = free_port()
    server = start("web", "--port", str(port))
    wait_for(lambda: "The portal is at" in (tmp_path / "said").read_text(), 20, "the address is printed")
    address = f"http://127.0.0.1:{port}/login/"
    with urllib.request.urlopen(address) as page:
        assert b"Sign in" in page.read()
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=10) == 0


def test_a_worker_alone_is_started_again_knows_its_hypervisors_and_ends_on_request(start, tmp_path):
    server = start("worker", "--hypervisors", "lab*")
    wait_for(lambda: "ready" in (tmp_path / "said").read_text(), 20, "the worker is there")
    first = child_of(server)
    assert b"VIRTERWEB_HYPERVISORS=lab*\0" in Path(f"/proc/{first}/environ").read_bytes()
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: (child_of(server) or first) != first, 10, "another one has started")
    wait_for(lambda: (tmp_path / "said").read_text().count("ready") == 2, 20, "it is ready")
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=10) == 0
    assert "The worker has ended with signal SIGKILL. It starts again in 0.5 s." in (tmp_path / "said").read_text()
