"""The file broker of Celery, made safe and fast for several processes.

With the transport of kombu, a reader may take a message that is not written completely, and two processes that start
together may read half an exchange file: both end a worker. Here a message gets its name when it is complete, and
bindings stay in memory: each process declares its queues for itself. The sender of a message writes to a pipe, so that
a worker wakes up at once instead of at its next polling. The transport of kombu also moves messages through the /tmp of
the system, and an unreadable one ends the worker (celery/kombu#1551): here messages stay in the folder of the broker,
and an unreadable one is moved aside and logged.

Newer messages are taken first, and expired ones are deleted: after an outage, what is new does not wait for what is
stale. One listing of the folder serves many messages, so that the work is linear in their number.
"""

import json
import logging
import os
import select
import time
import uuid
from collections import defaultdict
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from queue import Empty

from kombu.exceptions import KombuError
from kombu.transport import TRANSPORT_ALIASES, filesystem, virtual

log = logging.getLogger(__name__)

SPIN = 0.001  # seconds that kombu sleeps in addition, so that it does not spin without anything to wait for
LISTING_USE = 20  # a listing is used for so many times the seconds it took: listings cost at most a twentieth
TIDY_INTERVAL = 600.0  # seconds
LEFTOVERS = {".part": 3600.0, ".unreadable": 7 * 86400.0}  # seconds after which such files are deleted


class Channel(filesystem.Channel):
    get_table = virtual.Channel.get_table

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._listed: dict[str, list[str]] = defaultdict(list)  # names of files by queue, the newest last
        self._listed_until = self._tidy_at = 0.0
        self._full = False  # whether it waits until a message that was taken is acknowledged

    def _queue_bind(self, *args: object) -> None:
        """Store no binding: queues are found by the names of their files."""

    def _put(self, queue: str, payload: dict, **kwargs: object) -> None:
        folder = Path(self.data_folder_out)
        name = f"{time.time_ns():020d}_{uuid.uuid4()}"
        part = folder / f"{name}.part"
        try:
            part.write_text(json.dumps(payload))
            part.replace(folder / f"{name}.{queue}.msg")
        except OSError:
            with suppress(OSError):
                part.unlink()
            raise
        self._wake_worker()

    def _get(self, queue: str) -> dict:
        """Take the newest readable message; the worker that succeeds in deleting its file has it."""
        while name := self._next(queue):
            path = Path(self.data_folder_in) / name
            with suppress(FileNotFoundError):  # another worker was faster
                payload = self._payload(path.read_bytes())
                if payload is None:
                    path.rename(path.with_suffix(".unreadable"))
                    log.error(
                        "%s is not a message. It is moved aside, to %s", path, path.with_suffix(".unreadable").name
                    )
                    continue
                path.unlink()
                if not _expired(payload):
                    return payload
        raise Empty

    def _next(self, queue: str) -> str:
        """Return the name of the file to take next, "" if there is none."""
        began = time.monotonic()
        if began > self._listed_until or not any(self._listed.values()):
            self._list()
            self._listed_until = began + LISTING_USE * (time.monotonic() - began)
        return self._listed[queue].pop() if self._listed[queue] else ""

    def _list(self) -> None:
        self._listed.clear()
        for name in sorted(os.listdir(self.data_folder_in)):  # noqa: PTH208, names are all it needs of so many
            _, _, rest = name.partition(".")
            if rest.endswith(".msg"):
                self._listed[rest.removesuffix(".msg")].append(name)
        if time.monotonic() > self._tidy_at:
            self._tidy_at = time.monotonic() + TIDY_INTERVAL
            tidy(Path(self.data_folder_in))

    def _payload(self, data: bytes) -> dict | None:
        """Return what the file of a task's message holds, None if it holds anything else."""
        with suppress(ValueError, TypeError, LookupError, AttributeError, RecursionError, KombuError):
            payload = json.loads(data)
            if _expired(payload):
                return payload
            arguments, named, _ = self.Message(payload, channel=self).decode()
            headers, sent = payload["headers"], payload["properties"]["delivery_info"]
            names = headers["task"], headers["id"], sent["exchange"], sent["routing_key"]
            if all(isinstance(name, str) for name in names) and isinstance(arguments, list) and isinstance(named, dict):
                return payload
        return None

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        super().basic_ack(delivery_tag, multiple)
        if self._full:
            os.eventfd_write(self._acknowledged, 1)

    def drain_events(self, timeout: float | None = None, callback: object = None) -> None:
        try:
            super().drain_events(timeout, callback)
        except Empty:
            polling = self.connection.polling
            self._wait(polling if timeout is None else min(timeout, polling))
            self._listed_until = 0.0
            raise

    def _wait(self, seconds: float) -> None:
        """Wait for a message, or, as long as this worker may not take one, for an acknowledgement."""
        if not self._consumers:
            return
        acknowledged, self._full = self._acknowledged, True
        if self.qos.can_consume():
            self._full = False
            if select.select([self._pipe], [], [], seconds)[0]:
                with suppress(BlockingIOError):  # another worker was faster
                    os.read(self._pipe, 4096)
            return
        if any(self._listed.values()):
            self._wake_worker()  # another one may have a free place
        if select.select([acknowledged], [], [], seconds)[0]:
            os.eventfd_read(acknowledged)
        self._full = False

    @property
    def _pipe_path(self) -> Path:
        return Path(self.control_folder) / "wake-up"

    @cached_property
    def _pipe(self) -> int:
        with suppress(FileExistsError):
            os.mkfifo(self._pipe_path, 0o600)
        return os.open(self._pipe_path, os.O_RDWR | os.O_NONBLOCK)

    @cached_property
    def _acknowledged(self) -> int:
        return os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def _wake_worker(self) -> None:
        with suppress(OSError):  # no worker listens: the message waits
            pipe = os.open(self._pipe_path, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(pipe, b".")
            finally:
                os.close(pipe)

    def close(self) -> None:
        self._full = False
        for name in ("_pipe", "_acknowledged"):
            if name in self.__dict__:
                os.close(self.__dict__.pop(name))
        super().close()


def tidy(folder: Path) -> None:
    """Delete what interrupted senders left behind, and what was moved aside long ago."""
    for path in folder.iterdir():
        with suppress(OSError):
            age = LEFTOVERS.get(path.suffix)
            if age and time.time() - path.stat().st_mtime > age:
                path.unlink()


def _expired(payload: dict) -> bool:
    """Return whether the sender of a message said that nobody needs it any more."""
    expires = payload["headers"].get("expires")
    return bool(expires) and datetime.fromisoformat(expires) < datetime.now(UTC)


class Transport(filesystem.Transport):
    Channel = Channel

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.polling, self.polling_interval = self.polling_interval, SPIN


def install() -> None:
    """Replace kombu's transport for URLs that begin with filesystem://."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"
