"""Messages to workers, which only name a row. Tasks are in higher rooms than their callers, hence named by path."""

from functools import partial

from django.db import transaction
from django.utils.module_loading import import_string


def enqueue(task: str, pk: int) -> None:
    """Have a worker run a task, given by its path, when the transaction is committed; a lost message costs a sweep."""
    transaction.on_commit(partial(send, task, pk), robust=True)


def send(task: str, pk: int) -> None:
    """Send the message at once, without a database query."""
    import_string(task).delay(pk)
