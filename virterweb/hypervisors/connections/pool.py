"""One kept connection to each hypervisor, shared by threads. A hypervisor that does not answer delays no other.

It is opened in a thread of its own, opening and keep-alive have limits, and only a few callers at a time may be inside.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, TimeoutError
from contextlib import contextmanager

from django.core.exceptions import ValidationError

from virterweb.hypervisors.gateway.connection import Connection, start_event_loop
from virterweb.hypervisors.gateway.found import Busy, NotConnected, Unreachable
from virterweb.hypervisors.uris import validate_uri
from virterweb.messages import Message

OPEN_TIMEOUT = 5.0  # seconds until a hypervisor that accepts and never answers counts as unreachable
CROWDED = Message("hypervisor.crowded")
REOPEN_AFTER = 5.0  # seconds that an outdated connection is kept, so that it is not opened at each call
MAX_CALLERS = 4  # callers inside one hypervisor at a time; libvirtd itself serves five calls of a client at once


class _Slot:
    """One hypervisor's connection: opened by one thread, used by a few callers at a time."""

    def __init__(self, hypervisor_id: int, uri: str) -> None:
        self.hypervisor_id, self.uri = hypervisor_id, uri
        self.lock = threading.Lock()
        self.free = threading.BoundedSemaphore(MAX_CALLERS)
        self.opening: Future | None = None
        self.opened_at = 0.0
        self.connection: Connection | None = None

    def is_full(self) -> bool:
        if self.free.acquire(blocking=False):
            self.free.release()
            return False
        return True

    def open(self) -> Connection:
        with self.lock:
            if self.connection and self.connection.alive() and not self._is_outdated():
                return self.connection
            if self.opening is None or self.opening.done():
                self.opening, self.opened_at = Future(), time.monotonic()
                threading.Thread(target=self._open, args=[self.opening], daemon=True).start()
            opening = self.opening
        try:
            connection = opening.result(timeout=max(0.0, self.opened_at + OPEN_TIMEOUT - time.monotonic()))
        except TimeoutError:
            raise NotConnected(
                Message("hypervisor.silent"), f"no answer from {self.uri} within {OPEN_TIMEOUT:.0f} s"
            ) from None
        with self.lock:
            if self.connection and self.connection is not connection:
                self.connection.retire()
            self.connection = connection
        return connection

    def _is_outdated(self) -> bool:
        return self.connection.is_outdated and time.monotonic() - self.opened_at > REOPEN_AFTER

    def _open(self, opening: Future) -> None:
        try:
            opening.set_result(Connection(self.hypervisor_id, self.uri))
        except Unreachable as problem:
            opening.set_exception(problem)
        finally:
            opening.cancel()  # does nothing unless a programming error left the callers waiting


_slots: dict[int, _Slot] = {}
_slots_lock = threading.Lock()


@contextmanager
def connected(hypervisor_id: int, uri: str, *, limited: bool = True) -> Iterator[Connection]:
    """Yield an open hypervisor's connection, which is kept and shared by threads.

    Raises: NotConnected if it cannot be opened in time; Busy if it has the maximum of callers. Callers that are not
    `limited`, such as the poll of a hypervisor, do not count.
    """
    try:
        validate_uri(uri)  # again, because a row can be written without any form
    except ValidationError as problem:
        raise NotConnected(Message("hypervisor.uri_not_allowed"), f"{uri}: {problem.message}") from problem
    start_event_loop()
    with _slots_lock:
        slot = _slots.get(hypervisor_id)
        if slot is None or slot.uri != uri:
            slot = _slots[hypervisor_id] = _Slot(hypervisor_id, uri)
    if limited and not slot.free.acquire(timeout=0.2):
        raise Busy(CROWDED)
    try:
        yield slot.open()
    finally:
        if limited:
            slot.free.release()


def full() -> set[int]:
    """Return the hypervisors in which this process has the maximum of callers."""
    with _slots_lock:
        return {slot.hypervisor_id for slot in _slots.values() if slot.is_full()}


def disconnect() -> None:
    """Close every connection of this process."""
    with _slots_lock:
        slots = list(_slots.values())
        _slots.clear()
    for slot in slots:
        if slot.connection:
            slot.connection.close()
