"""Something that happens between two statements of what is tested, as another process would do it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection, models


@contextmanager
def after_first_query(model: type[models.Model], act: Callable[[], object]) -> Iterator[None]:
    """Call `act` once, after the first query that reads the rows of a model."""
    waiting = [act]
    begin = f'FROM "{model._meta.db_table}"'

    def watch(execute: Callable, sql: str, params: object, many: bool, context: dict) -> object:
        found = execute(sql, params, many, context)
        if waiting and sql.startswith("SELECT") and begin in sql:
            waiting.pop()()
        return found

    with connection.execute_wrapper(watch):
        yield
