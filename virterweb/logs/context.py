"""What log lines are about: the request that is answered, and facts such as the object that a worker deals with."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from django.http import HttpRequest

request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)
_facts: ContextVar[Mapping[str, object] | None] = ContextVar("facts", default=None)


@contextmanager
def about(**new: object) -> Iterator[None]:
    """Add facts, as far as they are not empty, to all lines that the block logs."""
    token = _facts.set({**facts(), **{name: value for name, value in new.items() if value}})
    try:
        yield
    finally:
        _facts.reset(token)


def facts() -> Mapping[str, object]:
    return _facts.get() or {}


def request_id() -> str:
    """Return the ID of the request that is answered; "" outside requests, and if lines do not name requests."""
    return getattr(request.get(), "id", "")
