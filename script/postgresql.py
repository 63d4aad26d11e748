"""A private PostgreSQL server for tests: on loopback, in a folder of its own, not durable. Standard library only."""

from __future__ import annotations

import contextlib
import os
import shutil
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


@contextlib.contextmanager
def private_server() -> Iterator[str]:
    """Run a server as long as the context lasts, and yield its URL. As root it runs as the user postgres."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))[-1]
    as_user = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        folder, port = Path(name), _free_port()
        if as_user:
            shutil.chown(folder, "postgres", "postgres")
        initdb = [*as_user, programs / "initdb", "-D", folder / "data", "-A", "trust", "-U", "portal", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder)
        settings = {**SETTINGS, "port": port, "unix_socket_directories": folder}
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        with (folder / "log").open("w") as log:
            server = subprocess.Popen(
                [*as_user, programs / "postgres", "-D", folder / "data", *options], stderr=log, cwd=folder
            )
        try:
            _wait_until_ready(programs / "pg_isready", port, folder / "log")
            yield f"postgres://portal@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            server.wait(timeout=20)


def _wait_until_ready(pg_isready: Path, port: int, log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while subprocess.run([pg_isready, "-q", "-h", "127.0.0.1", "-p", str(port)]).returncode:
        if time.monotonic() > deadline:
            raise TimeoutError(f"PostgreSQL does not answer after {SECONDS_TO_START} s: {log.read_text()}")
        time.sleep(0.1)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]
