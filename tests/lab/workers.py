"""Workers that log each call that changes libvirt; a worker can be held in one of its calls."""

import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support.portal import Portal
from tests.support.waiting import wait_for


class Workers:
    """The workers of one test: `tests.lab.killing` logs and holds their calls."""

    def __init__(self, portal: Portal, folder: Path) -> None:
        self.portal, self.folder = portal, folder
        self.running: list[subprocess.Popen] = []
        self._hold = folder / "hold"

    def start(
        self, name: str, held_at: int = 0, side: str = "before", prefix: Sequence[str] = (), **environment: str
    ) -> subprocess.Popen:
        """Start a worker; `held_at` counts from 1 the call that takes until `release`, before its work or after."""
        log = self.folder / name
        log.touch()
        if held_at:
            self._hold.touch()
        calls = {"KILL_LOG": str(log), "KILL_AT": str(held_at), "KILL_SIDE": side, "KILL_HOLD": str(self._hold)}
        self.portal.start_worker("tests.lab.killing", prefix=prefix, **calls, **environment)
        self.running.append(self.portal.worker)
        return self.portal.worker

    def calls(self, name: str) -> list[str]:
        """Return the calls of a worker up to now, with the one that it is held in."""
        return (self.folder / name).read_text().splitlines()

    def await_call(self, name: str, number: int) -> None:
        """Wait until a worker has begun so many calls."""
        wait_for(lambda: len(self.calls(name)) == number, 60, f"{name} is in call {number}")

    def release(self) -> None:
        """Let the held calls continue."""
        self._hold.unlink(missing_ok=True)

    def kill(self) -> None:
        """Kill all that are running."""
        self.release()
        for worker in self.running:
            worker.send_signal(signal.SIGKILL)
            worker.wait()
