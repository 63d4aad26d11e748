"""Threads that wait for a connection during an outage of PostgreSQL get one soon after the outage."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from postgresql import Server

from tests.support.portal import ROOT

pytestmark = pytest.mark.lab

ASK = """
import sys, threading, time
from virterweb.hypervisors.models import Hypervisor
from django.db import close_old_connections
together = threading.Barrier({connections})
def count():
    Hypervisor.objects.count()
    together.wait()
    close_old_connections()
threads = [threading.Thread(target=count) for _ in range({connections})]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print("ready", flush=True)
sys.stdin.readline()
Hypervisor.objects.count()
print("answered", flush=True)
"""


@pytest.mark.parametrize(("connections", "outage"), [(1, 8), (8, 1)])
def test_a_thread_that_waits_for_a_connection_gets_one_soon_after_an_outage(
    tmp_path: Path, connections: int, outage: float
):
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        server = Server(Path(folder))
        server.start()
        environment = {"DATABASE_URL": server.url, "VIRTERWEB_DATA": str(tmp_path), "PATH": "/usr/bin:/bin"}
        manage = [sys.executable, str(ROOT / "manage.py")]
        subprocess.run([*manage, "migrate", "--verbosity", "0"], env=environment, cwd=ROOT, check=True)
        asking = subprocess.Popen(
            [*manage, "shell", "--no-imports", "-c", ASK.format(connections=connections)],
            **{"env": environment, "cwd": ROOT, "text": True},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            assert asking.stdout.readline() == "ready\n"
            server.process.kill()
            server.process.wait()
            asking.stdin.write("go\n")
            asking.stdin.flush()
            time.sleep(outage)
            server.start()
            began = time.monotonic()
            assert asking.stdout.readline() == "answered\n"
            assert time.monotonic() - began < 4
        finally:
            asking.kill()
            asking.communicate()
            server.stop()
