"""Celery's broker of files, made safe for several processes at once, and quick.

kombu's own lets a reader take a message that is not written yet, and two processes that start together read half an
exchange file: both end a worker. Here a message gets its name when it is whole, and bindings stay in memory: each
process declares the one queue for itself. Who puts a message knocks at a pipe, so that a worker looks at once and not
at its next polling.
"""

import json
import os
import select
import time
import uuid
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from queue import Empty

from kombu.transport import TRANSPORT_ALIASES, filesystem, virtual

SPIN = 0.001  # seconds that kombu sleeps beside our own waiting, lest it spins where there is nothing to wait at


class Channel(filesystem.Channel):
    get_table = virtual.Channel.get_table

    def _queue_bind(self, *args: object) -> None:
        """Nothing to keep in a file."""

    def _put(self, queue: str, payload: dict, **kwargs: object) -> None:
        folder = Path(self.data_folder_out)
        name = f"{time.monotonic_ns():020d}_{uuid.uuid4()}"
        part = folder / f"{name}.part"
        part.write_text(json.dumps(payload))
        part.replace(folder / f"{name}.{queue}.msg")
        self._knock()

    def drain_events(self, timeout: float | None = None, callback: object = None) -> None:
        try:
            super().drain_events(timeout, callback)
        except Empty:
            self._wait_for_knock(self.connection.polling if timeout is None else min(timeout, self.connection.polling))
            raise

    @property
    def _door(self) -> Path:
        return Path(self.control_folder) / "knock"

    @cached_property
    def _ear(self) -> int:
        with suppress(FileExistsError):
            os.mkfifo(self._door, 0o600)
        return os.open(self._door, os.O_RDWR | os.O_NONBLOCK)

    def _knock(self) -> None:
        with suppress(OSError):  # nobody listens: the message waits
            door = os.open(self._door, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(door, b".")
            finally:
                os.close(door)

    def _wait_for_knock(self, seconds: float) -> None:
        if self._consumers and select.select([self._ear], [], [], seconds)[0]:
            with suppress(BlockingIOError):  # another worker was quicker
                os.read(self._ear, 4096)

    def close(self) -> None:
        if "_ear" in self.__dict__:
            os.close(self.__dict__.pop("_ear"))
        super().close()


class Transport(filesystem.Transport):
    Channel = Channel

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.polling, self.polling_interval = self.polling_interval, SPIN


def install() -> None:
    """Take the place of kombu's transport for URLs that begin with filesystem://."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"
