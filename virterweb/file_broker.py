"""The file broker of Celery, made safe and fast for several processes.

With the transport of kombu, a reader may take a message that is not written completely, and two processes that start
together may read half an exchange file: both end a worker. Here a message gets its name when it is complete, and
bindings stay in memory: each process declares the one queue for itself. The sender of a message writes to a pipe, so
that a worker wakes up at once instead of at its next polling. The transport of kombu also moves messages through the
/tmp of the system, and an unreadable one ends the worker (celery/kombu#1551): here messages stay in the folder of the
broker, and an unreadable one is moved aside and logged.
"""

import json
import logging
import os
import select
import time
import uuid
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from queue import Empty

from kombu.exceptions import KombuError
from kombu.transport import TRANSPORT_ALIASES, filesystem, virtual

log = logging.getLogger(__name__)

SPIN = 0.001  # seconds that kombu sleeps in addition, so that it does not spin without anything to wait for


class Channel(filesystem.Channel):
    get_table = virtual.Channel.get_table

    def _queue_bind(self, *args: object) -> None:
        """Store no binding: queues are found by the names of their files."""

    def _put(self, queue: str, payload: dict, **kwargs: object) -> None:
        folder = Path(self.data_folder_out)
        name = f"{time.monotonic_ns():020d}_{uuid.uuid4()}"
        part = folder / f"{name}.part"
        part.write_text(json.dumps(payload))
        part.replace(folder / f"{name}.{queue}.msg")
        self._wake_worker()

    def _get(self, queue: str) -> dict:
        """Take the oldest readable message; the worker that succeeds in deleting its file has it."""
        for path in sorted(Path(self.data_folder_in).glob(f"*.{queue}.msg")):
            with suppress(FileNotFoundError):  # another worker was faster
                if payload := self._payload(path.read_bytes()):
                    path.unlink()
                    return payload
                path.rename(path.with_suffix(".unreadable"))
                log.error("%s is not a message. It is moved aside, to %s", path, path.with_suffix(".unreadable").name)
        raise Empty

    def _payload(self, data: bytes) -> dict | None:
        """Return what the file of a task's message holds, None if it holds anything else."""
        with suppress(ValueError, TypeError, LookupError, AttributeError, RecursionError, KombuError):
            payload = json.loads(data)
            arguments, named, _ = self.Message(payload, channel=self).decode()
            headers, sent = payload["headers"], payload["properties"]["delivery_info"]
            names = headers["task"], headers["id"], sent["exchange"], sent["routing_key"]
            if all(isinstance(name, str) for name in names) and isinstance(arguments, list) and isinstance(named, dict):
                return payload
        return None

    def drain_events(self, timeout: float | None = None, callback: object = None) -> None:
        try:
            super().drain_events(timeout, callback)
        except Empty:
            self._wait_for_message(
                self.connection.polling if timeout is None else min(timeout, self.connection.polling)
            )
            raise

    @property
    def _pipe_path(self) -> Path:
        return Path(self.control_folder) / "wake-up"

    @cached_property
    def _pipe(self) -> int:
        with suppress(FileExistsError):
            os.mkfifo(self._pipe_path, 0o600)
        return os.open(self._pipe_path, os.O_RDWR | os.O_NONBLOCK)

    def _wake_worker(self) -> None:
        with suppress(OSError):  # no worker listens: the message waits
            pipe = os.open(self._pipe_path, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(pipe, b".")
            finally:
                os.close(pipe)

    def _wait_for_message(self, seconds: float) -> None:
        if self._consumers and select.select([self._pipe], [], [], seconds)[0]:
            with suppress(BlockingIOError):  # another worker was faster
                os.read(self._pipe, 4096)

    def close(self) -> None:
        if "_pipe" in self.__dict__:
            os.close(self.__dict__.pop("_pipe"))
        super().close()


class Transport(filesystem.Transport):
    Channel = Channel

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.polling, self.polling_interval = self.polling_interval, SPIN


def install() -> None:
    """Replace kombu's transport for URLs that begin with filesystem://."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"
