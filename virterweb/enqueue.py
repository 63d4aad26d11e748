"""Messages to workers, which only name a row. Tasks are in higher rooms than their callers, hence named by path.

What is stored does not depend on them: workers find a change by themselves, a message only makes it quick. So a broker
that is down never makes a request fail.
"""

import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from importlib import import_module

from django.db import transaction
from django.utils.module_loading import import_string

log = logging.getLogger(__name__)

NOT_NOTIFIED = "Saved. The worker cannot be notified now; it will find the change by itself."
LOOK = "virterweb.hypervisors.tasks.look"  # the task for what the worker finds by itself, given any ID
LOG_INTERVAL = 60.0  # seconds between two lines of the log about the broker

_logged_at = -LOG_INTERVAL


class _Sending:
    """The messages of one request or command. After the first failure no more are sent: each may take a timeout."""

    def __init__(self, on_failure: Callable[[], None]) -> None:
        self.on_failure, self.failed = on_failure, False


_sending: ContextVar[_Sending | None] = ContextVar("sending", default=None)


def on_failure(call: Callable[[], None]) -> None:
    """Have `call` called once if a message of this request or command, of which this is the start, cannot be sent."""
    _sending.set(_Sending(call))


def enqueue(task: str, pk: int) -> None:
    """Have a worker run a task, given by its path, when the transaction is committed."""

    def notify() -> None:
        send(task, pk)

    transaction.on_commit(notify, robust=True)


def send(task: str, pk: int) -> None:
    """Send the message at once, without a database query."""
    sending = _sending.get()
    if sending and sending.failed:
        return
    import_module("virterweb.celery")  # the app of all tasks, which most commands and requests never need
    message = import_string(task)
    try:
        message.delay(pk)
    except Exception as problem:  # each transport has errors of its own
        _log(problem)
        if sending:
            sending.failed = True
            sending.on_failure()


def _log(problem: Exception) -> None:
    global _logged_at
    if time.monotonic() - _logged_at >= LOG_INTERVAL:
        _logged_at = time.monotonic()
        log.warning("The broker takes no messages, so workers find changes by themselves: %s", problem or repr(problem))
