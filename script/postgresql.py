"""A private PostgreSQL server for tests: on loopback, in a folder of its own, not durable. Standard library only."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ["postgresql"]
SECONDS_TO_START = 20
# What is lost in a power cut does not matter here.
SETTINGS = {"listen_addresses": "127.0.0.1", "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Server:
    """A server in a folder of its own, which can be started again after it was killed. Root runs it as postgres."""

    def __init__(self, folder: Path, **settings: str) -> None:
        """Prepare the folder. `settings` override the defaults, which are fast and not durable."""
        self.folder, self.port, self.process = folder, _free_port(), None
        self.url = f"postgres://portal@127.0.0.1:{self.port}/postgres"
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))[-1]
        as_user = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
        as_user = as_user if os.geteuid() == 0 else []
        if as_user:
            shutil.chown(folder, "postgres", "postgres")
        initdb = [*as_user, programs / "initdb", "-D", folder / "data", "-A", "trust", "-U", "portal", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder)
        settings = {**SETTINGS, "port": str(self.port), "unix_socket_directories": str(folder), **settings}
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        self._command = [*as_user, programs / "postgres", "-D", folder / "data", *options]
        self._ready = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]

    def start(self) -> None:
        """Start the server and wait until it answers."""
        if self.process:  # reap a killed process, so that the server is not taken for a running one
            self.process.wait(timeout=20)
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(self._command, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + SECONDS_TO_START
        while subprocess.run(self._ready).returncode:
            if time.monotonic() > deadline:
                text = (self.folder / "log").read_text()
                raise TimeoutError(f"PostgreSQL does not answer after {SECONDS_TO_START} s: {text}")
            time.sleep(0.1)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)  # it does not wait for clients to disconnect
        self.process.wait(timeout=20)


@contextlib.contextmanager
def private_server() -> Iterator[str]:
    """Run a server as long as the context lasts, and yield its URL."""
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        server = Server(Path(name))
        try:
            server.start()
            yield server.url
        finally:
            server.stop()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]
