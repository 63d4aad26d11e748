"""Waiting for something to become true, which is how tests deal with libvirt, guests and workers."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T], seconds: float, what: str) -> T:
    """Ask until the answer is true and return it; fails with `what` after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"after {seconds} s, still waiting for: {what}"
        time.sleep(0.1)
