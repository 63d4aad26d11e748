"""The services of a whole portal: each can be killed, started again, paused and resumed."""

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lab import Lab
from postgresql import Server

from tests.support.portal import Portal
from tests.support.servers.redis import Redis
from tests.support.waiting import wait_for

FORGET_STARTS = """
for file in $(grep -ls "^<domstatus .*pid='0'" /run/libvirt/qemu/*.xml); do
    basename "$file" .xml
    rm "$file"
done
"""


@dataclass(frozen=True, kw_only=True)
class Service:
    """One service: its processes, the main one first, and how it is started."""

    name: str
    pids: Callable[[], list[int]]
    start: Callable[[], None]

    def kill(self) -> None:
        pids = self.pids()
        _send(signal.SIGKILL, pids)
        wait_for(lambda: not any(map(is_alive, pids)), 10, f"{self.name} has ended")

    def pause(self) -> None:
        _send(signal.SIGSTOP, self.pids())
        _send(signal.SIGSTOP, self.pids())  # also those that it started in the meantime

    def resume(self) -> None:
        _send(signal.SIGCONT, self.pids())


def _send(what: signal.Signals, pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, what)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def with_children(process: subprocess.Popen) -> list[int]:
    """Return a process and those that it started itself."""
    found = [process.pid]
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int((path / "stat").read_text().rpartition(")")[2].split()[1]) == process.pid:
                found.append(int(path.name))
    return found


class Services:
    """A portal of one web server and two workers, on PostgreSQL and Redis, with one hypervisor."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        for name in ("portal", "redis"):
            (folder / name).mkdir()
        self._folder = tempfile.TemporaryDirectory(prefix="postgres-")  # a folder that the user postgres can enter
        # What PostgreSQL has confirmed must survive the end of its processes; the machine itself does not fail.
        self.postgresql = Server(Path(self._folder.name), synchronous_commit="on")
        self.redis = Redis(folder / "redis")
        self.postgresql.start()
        self.redis.start()
        urls = {"DATABASE_URL": self.postgresql.url, "CELERY_BROKER_URL": self.redis.url}
        self.portal = Portal(folder / "portal", {"lab": lab.uri}, **urls)
        self._asking = threading.Lock()
        self.forgotten: list[str] = []  # domains whose start libvirt had recorded, and would wait for without end
        self.workers: dict[str, subprocess.Popen] = {}
        self.services = tuple(self._services(lab))
        self.portal.start_web()
        for name in ("worker 1", "worker 2"):
            self._start_worker(name)

    def _services(self, lab: Lab) -> Iterator[Service]:
        portal = self.portal
        yield Service(name="web", pids=lambda: [portal.web.pid], start=portal.spawn_web)
        for name in ("worker 1", "worker 2"):
            yield Service(
                name=name,
                pids=lambda name=name: [self.workers[name].pid],
                start=lambda name=name: self._start_worker(name),
            )
        yield Service(name="Redis", pids=lambda: [self.redis.process.pid], start=self.redis.start)
        yield Service(
            name="PostgreSQL", pids=lambda: with_children(self.postgresql.process), start=self.postgresql.start
        )
        yield Service(name="libvirtd", pids=lambda: [lab.libvirtd_pid], start=lambda: self._start_libvirtd(lab))

    def _start_worker(self, name: str) -> None:
        if name in self.workers:
            self.workers[name].wait()
        self.portal.start_worker()
        self.workers[name] = self.portal.worker

    def _start_libvirtd(self, lab: Lab) -> None:
        """Start libvirtd without the starts that it had recorded when it was killed, before QEMU had a process.

        libvirt 9.0 waits for such a start without end and refuses all calls that change the domain: docs/operations.md.
        """
        self.forgotten += lab.run("sh", "-c", FORGET_STARTS).split()
        lab.start_libvirtd()

    def stop(self) -> None:
        self.portal.stop()
        for process in (*self.workers.values(), self.redis.process):
            process.terminate()
        for process in (*self.workers.values(), self.redis.process):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
            if process.poll() is None:
                process.kill()
                process.wait()
        self.postgresql.stop()
        self._folder.cleanup()

    def ask(self, expression: str, imports: str = "") -> object:
        """Ask the portal's database, again until it answers."""
        deadline = time.monotonic() + 30
        while True:
            try:
                with self._asking:
                    return self.portal.ask(expression, imports)
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
