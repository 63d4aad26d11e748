"""Messages to workers, which only say which row to look at. Tasks are above those who enqueue them, hence paths."""

from functools import partial

from django.db import transaction
from django.utils.module_loading import import_string


def enqueue(task: str, pk: int) -> None:
    """Have a worker run a task, given by its path, when the transaction is committed; a lost message costs a sweep."""
    transaction.on_commit(partial(send, task, pk), robust=True)


def send(task: str, pk: int) -> None:
    """Send the message at once, without a look at the database."""
    import_string(task).delay(pk)
