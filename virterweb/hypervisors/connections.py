"""One kept connection to each hypervisor, shared by threads. A hypervisor that hangs delays nobody but itself.

It is opened in a thread of its own, opening and keep-alive have limits, and only a few callers at a time may be inside.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, TimeoutError
from contextlib import contextmanager

from .found import Busy, Unreachable
from .gateway import Host, start_event_loop

OPENING = 5.0  # seconds until a hypervisor that accepts and never answers counts as unreachable
CROWDED = "waiting for other work on this hypervisor"
PLACES = 4  # callers inside one hypervisor at a time; libvirtd itself serves five calls of a client at once


class _Door:
    """The way to one hypervisor: one connection, opened by one thread, for a few callers at a time."""

    def __init__(self, hypervisor_id: int, uri: str) -> None:
        self.hypervisor_id, self.uri = hypervisor_id, uri
        self.lock = threading.Lock()
        self.places = threading.BoundedSemaphore(PLACES)
        self.opening: Future | None = None
        self.opened_at = 0.0
        self.host: Host | None = None

    def open(self) -> Host:
        with self.lock:
            if self.host and self.host.alive():
                return self.host
            if self.opening is None or self.opening.done():
                self.opening, self.opened_at = Future(), time.monotonic()
                threading.Thread(target=self._open, args=[self.opening], daemon=True).start()
            opening = self.opening
        try:
            host = opening.result(timeout=max(0.0, self.opened_at + OPENING - time.monotonic()))
        except TimeoutError:
            raise Unreachable("libvirt does not answer", f"no answer from {self.uri} within {OPENING:.0f} s") from None
        self.host = host
        return host

    def _open(self, opening: Future) -> None:
        try:
            opening.set_result(Host(self.hypervisor_id, self.uri))
        except Unreachable as problem:
            opening.set_exception(problem)
        finally:
            opening.cancel()  # does nothing unless a programming error left the callers waiting


_doors: dict[int, _Door] = {}
_doors_lock = threading.Lock()


@contextmanager
def connected(hypervisor_id: int, uri: str) -> Iterator[Host]:
    """An open hypervisor; Unreachable if it cannot be had soon. Connections are kept and shared by threads."""
    start_event_loop()
    with _doors_lock:
        door = _doors.get(hypervisor_id)
        if door is None or door.uri != uri:
            door = _doors[hypervisor_id] = _Door(hypervisor_id, uri)
    if not door.places.acquire(timeout=0.2):
        raise Busy(CROWDED)
    try:
        yield door.open()
    finally:
        door.places.release()


def disconnect() -> None:
    """Close every connection of this process."""
    with _doors_lock:
        doors = list(_doors.values())
        _doors.clear()
    for door in doors:
        if door.host:
            door.host.close()
