"""Counts what is written: each transaction that writes something that pages show counts as one change.

All writes of Django go through here, those of query sets and bulk operations too. Tables and columns that no page
shows, such as claims and heartbeats, do not count.
"""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache

from django.db import Error, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

log = logging.getLogger(__name__)

WRITE = re.compile(r'\s*(?:INSERT (?:OR \w+ )?INTO|UPDATE|DELETE FROM) "(\w+)"')
COLUMN = re.compile(r'(?:\bSET|,) "(\w+)" = ')
RETURNS = re.compile(r" RETURNING ")  # SQLite counts such rows when they are fetched
LONGEST = 2000  # characters of a statement that is kept as known

# Tables that no page shows, or only pages that ask for news by themselves, such as the console's.
NOT_SHOWN = frozenset(
    (
        "changes_changecounter",
        "django_content_type",
        "django_migrations",
        "django_session",
        "hypervisors_chore",
        "hypervisors_secret",
        "hypervisors_workerprocess",
        "people_signinattempt",
        "sign_in_cache",
        "usersessions_usersession",
        "vms_addressround",
        "vms_capturepart",
        "vms_consoleclaim",
        "vms_consolelog",
        "vms_uploadpart",
    )
)
# Columns of other tables that no page shows: claims, schedules, and the time of the latest poll, which pages count on.
BOOKKEEPING = frozenset(
    (
        "asked_at",
        "began_at",
        "claimed_by",
        "claimed_until",
        "crashes",
        "due_at",
        "last_login",
        "leases_due_at",
        "leases_read_at",
        "seconds",
        "traffic_due_at",
        "uptime",
        "watched_at",
    )
)
OF_POLL = frozenset(("observed_at",))
TRAFFIC = frozenset(("vms_nictraffic", "vms_traffichistory"))

_topic: ContextVar[int] = ContextVar("topic", default=0)


@contextmanager
def on(hypervisor_id: int) -> Iterator[None]:
    """Count what is written in the block as changes on one hypervisor."""
    token = _topic.set(hypervisor_id)
    try:
        yield
    finally:
        _topic.reset(token)


def follow(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Count what a new connection writes."""
    if _execute not in connection.execute_wrappers:
        connection.execute_wrappers.append(_execute)


@dataclass(frozen=True)
class _Count:
    """What is called when a transaction is committed: at most once for each topic."""

    topic: int
    using: str

    def __call__(self) -> None:
        from .models import ChangeCounter

        try:
            ChangeCounter.count(self.topic)
        except Error as problem:  # the change is stored; while the portal is being installed, there is no table
            log.debug("a change on %s was not counted: %s", self.topic, problem)


def _execute(execute: Callable, sql: str, params: object, many: bool, context: dict) -> object:
    result = execute(sql, params, many, context)
    if context["cursor"].rowcount == 0 and not RETURNS.search(sql):
        return result
    if table := (_shown_table if len(sql) < LONGEST else _shown_table.__wrapped__)(sql):
        topic = _topic.get()
        _count(context["connection"], -topic if table in TRAFFIC else topic)
    return result


@lru_cache(1000)
def _shown_table(sql: str) -> str:
    """Return the table that a statement writes; "" if no page shows what it writes."""
    match = WRITE.match(sql)
    if not match or match[1] in NOT_SHOWN:
        return ""
    columns = set(COLUMN.findall(sql)) if sql.lstrip().startswith("UPDATE") else set()
    ignored = BOOKKEEPING | OF_POLL if match[1] == "hypervisors_hypervisorstatus" else BOOKKEEPING
    return "" if columns and columns <= ignored else match[1]


def _count(connection: BaseDatabaseWrapper, topic: int) -> None:
    count = _Count(topic, connection.alias)
    if all(call != count for _, call, _ in connection.run_on_commit):
        transaction.on_commit(count, using=connection.alias)
