"""The context of log lines: the current request, and facts such as the object that a worker changes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from django.http import HttpRequest

request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)
_facts: ContextVar[Mapping[str, object] | None] = ContextVar("facts", default=None)


@contextmanager
def about(**new: object) -> Iterator[None]:
    """Add facts that are not empty to all lines that are logged in the block."""
    token = _facts.set({**facts(), **{name: value for name, value in new.items() if value}})
    try:
        yield
    finally:
        _facts.reset(token)


def facts() -> Mapping[str, object]:
    """Return the facts that `about` has added."""
    return _facts.get() or {}


def request_id() -> str:
    """Return the ID of the current request; "" if there is none, or if requests have no IDs in the log."""
    return getattr(request.get(), "id", "")
