"""Convert libvirt's events to polls of their hypervisor, inside the Celery worker.

An event carries nothing else, but for the start of a network, which no later poll would see: that is written down.
"""

import threading
from collections.abc import Callable
from datetime import datetime

from django.db import connection as database
from django.utils import timezone

from virterweb.hypervisors.gateway import connection as gateway

NoteStart = Callable[[int, str, datetime], None]  # hypervisor, the network's UUID, and when it was started
RequestPoll = Callable[[int], None]  # hypervisor

_QUIET = 0.05  # seconds; the events of this period become one poll
_waiting: set[int] = set()
_request_poll: RequestPoll | None = None
_lock = threading.Lock()


def listen(note_start: NoteStart, request_poll: RequestPoll) -> None:
    """Have every connection of this process request a poll of its hypervisor when something changes.

    `note_start` records that a network was started.
    """
    global _request_poll
    _request_poll = request_poll

    def started(hypervisor_id: int, uuid: str) -> None:
        threading.Timer(0, _note, [note_start, hypervisor_id, uuid, timezone.now()]).start()

    gateway.listener, gateway.start_listener = changed, started


def _note(note_start: NoteStart, hypervisor_id: int, uuid: str, at: datetime) -> None:
    try:
        note_start(hypervisor_id, uuid, at)
    finally:
        database.close()
    changed(hypervisor_id)


def changed(hypervisor_id: int) -> None:
    with _lock:
        if hypervisor_id in _waiting:
            return
        _waiting.add(hypervisor_id)
    threading.Timer(_QUIET, _end_of_quiet, [hypervisor_id]).start()


def _end_of_quiet(hypervisor_id: int) -> None:
    with _lock:
        _waiting.discard(hypervisor_id)
    try:
        if _request_poll:
            _request_poll(hypervisor_id)
    finally:
        database.close()
