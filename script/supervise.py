"""Keeps the processes of the portal running: starts one that dies again, and ends all of them on request."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import prepare

DEATHS, WITHIN = 5, 60.0  # so many within so many seconds, and it is given up
FIRST_PAUSE = 0.5  # seconds before the first restart; doubled for each further one
SECONDS_TO_END = 8


class Service:
    """A process that is started again when it dies."""

    def __init__(self, name: str, *command: str | Path, address: tuple[str, int] | None = None) -> None:
        self.name, self.command, self.address = name, command, address
        self.process: subprocess.Popen[bytes] | None = None
        self._deaths: list[float] = []
        self._starts_at = 0.0

    def keep_up(self) -> int | None:
        """Start it if it does not run; return its exit code if it has died too often, otherwise None."""
        now = time.monotonic()
        if self.process is None:
            if now >= self._starts_at:
                self.process = spawn(self.command)
            return None
        code = self.process.poll()
        if code is None:
            return None
        send(signal.SIGKILL, self.process)  # to what it has started
        self._deaths = [death for death in self._deaths if now - death < WITHIN] + [now]
        if len(self._deaths) >= DEATHS:
            times = f"{DEATHS} times within {WITHIN:g} s, this time with {reason(code)}"
            print(f"The {self.name} has ended {times}. See its last lines above.", flush=True)
            return code
        pause = FIRST_PAUSE * 2 ** (len(self._deaths) - 1)
        print(f"The {self.name} has ended with {reason(code)}. It starts again in {pause:g} s.", flush=True)
        self.process, self._starts_at = None, now + pause
        return None

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(self.address, timeout=1):
            return True
        return False


def run(services: list[Service], lab: subprocess.Popen[bytes] | None = None) -> int:
    """Keep the services up until someone asks to end, one dies too often, or the lab ends; return the exit code."""
    announced = False
    try:
        while True:
            for service in services:
                if (code := service.keep_up()) is not None:
                    print("Stopping everything.", flush=True)
                    return as_exit_code(code)
                if service.address and not announced and service.answers():
                    host, port = service.address
                    print(f"\n    The portal is at http://{host_in_url(host)}:{port}/ (Ctrl-C stops it)\n", flush=True)
                    announced = True
            if lab and (code := lab.poll()) is not None:
                print(f"The lab hypervisor has ended with {reason(code)}: stopping everything.", flush=True)
                return as_exit_code(code)
            time.sleep(0.1)
    except KeyboardInterrupt:
        print("Stopping.", flush=True)
        return 0
    finally:
        stop([service.process for service in services if service.process])


def host_in_url(bind: str) -> str:
    return f"[{bind}]" if ":" in bind else bind


def reason(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def as_exit_code(code: int) -> int:
    """Return the exit code as a shell would; 1 for a service that ended as if it had done its work."""
    return code or 1 if code >= 0 else 128 - code


def spawn(command: tuple[str | Path, ...]) -> subprocess.Popen[bytes]:
    """Start a program that Ctrl-C does not reach and that dies with this process, even if that is killed."""
    words = ["setpriv", "--pdeathsig", "KILL", *command]
    return subprocess.Popen(words, cwd=prepare.ROOT, stdin=subprocess.DEVNULL, start_new_session=True)


def stop(processes: list[subprocess.Popen[bytes]]) -> None:
    """End the processes and all that they started, by force after a while or when asked a second time."""
    try:
        for process in processes:
            send(signal.SIGTERM, process)
        deadline = time.monotonic() + SECONDS_TO_END
        while any(process.poll() is None for process in processes) and time.monotonic() < deadline:
            time.sleep(0.05)
    except KeyboardInterrupt:
        pass
    for process in processes:
        send(signal.SIGKILL, process)


def send(what: signal.Signals, process: subprocess.Popen[bytes]) -> None:
    """Send a signal to a process and all that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, what)
