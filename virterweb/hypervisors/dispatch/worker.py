"""The dispatcher of this worker process: started with it, and ended with it."""

from collections.abc import Iterable

from . import heartbeat
from .dispatcher import Dispatcher
from .work import Work

_dispatcher: Dispatcher | None = None


def start(kinds: Iterable[Work]) -> None:
    """Begin to look for work of these kinds."""
    global _dispatcher
    _dispatcher = Dispatcher(kinds)
    _dispatcher.start()


def stop() -> None:
    """Take up nothing more."""
    if _dispatcher:
        _dispatcher.stop()
        heartbeat.end()


def is_stopping() -> bool:
    """Return whether this process takes up nothing more, so that long work is to end."""
    return _dispatcher is not None and _dispatcher.is_stopped


def wake() -> None:
    """Have the dispatcher look at once, if this process has one."""
    if _dispatcher:
        _dispatcher.wake()
