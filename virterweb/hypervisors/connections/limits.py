"""Calls that may block, each in a thread of its own, so that their callers can stop waiting in time."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future, TimeoutError
from typing import TypeVar

from virterweb.hypervisors.gateway.found import Busy
from virterweb.messages import Message

Answer = TypeVar("Answer")

_locks: dict[Hashable, threading.Lock] = {}
_guard = threading.Lock()


def within(seconds: float, key: Hashable, question: Callable[[], Answer], what: Message) -> Answer:
    """Return the answer; raise Busy if it takes longer. One call runs for each key, and none while another is blocked.

    `what` names the call. The call must not use the database: its thread may end late.
    """
    late = Busy(Message("hypervisor.slow", call=what, seconds=f"{seconds:g}"))
    lock = _lock_of(key)
    if not lock.acquire(timeout=seconds):
        raise late
    answer: Future = Future()
    threading.Thread(target=_put, args=[answer, question, lock], daemon=True).start()
    try:
        return answer.result(timeout=seconds)
    except TimeoutError:
        raise late from None


def _lock_of(key: Hashable) -> threading.Lock:
    with _guard:
        return _locks.setdefault(key, threading.Lock())


def _put(answer: Future, question: Callable[[], Answer], lock: threading.Lock) -> None:
    try:
        answer.set_result(question())
    except Exception as problem:  # raised to the caller
        answer.set_exception(problem)
    finally:
        lock.release()
