"""A private Redis server on loopback, which keeps nothing on the disk."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.portal import free_port
from tests.support.waiting import wait_for


class Redis:
    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self.process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        ping = ["redis-cli", "-p", str(self.port), "ping"]
        wait_for(lambda: subprocess.run(ping, capture_output=True).stdout == b"PONG\n", 20, "Redis answers")


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """Run a server as long as the context lasts; yield its URL."""
    server = Redis(folder)
    server.start()
    yield server.url
    server.process.terminate()
    server.process.wait(timeout=20)
