"""Checks whether the portal works: each returns facts, with `ok`."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from django.conf import settings
from django.db import Error, connection, transaction
from django.db.models import Max, Min
from django.utils import timezone
from kombu import Connection
from kombu.exceptions import KombuError

from virterweb.hypervisors.claims.clock import database_time
from virterweb.hypervisors.models import HypervisorStatus, WorkerProcess

from . import release
from .disk import data_disk

SECONDS = 2  # that a check waits for a database or broker that is busy
LATE_WORKER = 20  # seconds without a heartbeat, which is recorded every 5 seconds
LATE_POLL = 60  # seconds after a poll was due

Facts = dict[str, object]


def check(names: Iterable[str] = ()) -> dict[str, Facts]:
    """Return the facts of these checks, or of all; a check that fails unexpectedly names the kind of error."""
    return {name: _facts(CHECKS[name]) for name in names or CHECKS}


def _facts(run: Callable[[], Facts]) -> Facts:
    try:
        return run()
    except (Error, OSError, KombuError) as problem:  # of the database, the data folder or the broker
        return {"ok": False, "error": type(problem).__name__}


def database() -> Facts:
    """Write a row and take it back."""
    with _short_waits(), transaction.atomic():
        WorkerProcess.objects.create(name=f"health check {os.getpid()}", seen_at=timezone.now())
        transaction.set_rollback(True)
    return {"ok": True}


@contextmanager
def _short_waits() -> Iterator[None]:
    """Let the connection wait for locks only for SECONDS."""
    usual = connection.settings_dict.get("OPTIONS", {}).get("timeout", 0)
    _set_wait(SECONDS)
    try:
        yield
    finally:
        with suppress(Error):
            _set_wait(usual)


def _set_wait(seconds: int) -> None:
    name = "PRAGMA busy_timeout" if connection.vendor == "sqlite" else "SET lock_timeout"
    with connection.cursor() as cursor:
        cursor.execute(f"{name} = {seconds * 1000}")


def migrations() -> Facts:
    missing = release.known_migrations() - release.applied_migrations()
    return {"ok": not missing, "missing": len(missing)}


def broker() -> Facts:
    """Connect to the broker."""
    options = dict(getattr(settings, "CELERY_BROKER_TRANSPORT_OPTIONS", {}))
    options |= {"socket_connect_timeout": SECONDS, "socket_timeout": SECONDS}
    if folder := options.get("data_folder_out"):
        return {"ok": os.access(folder, os.W_OK | os.X_OK)}
    with Connection(settings.CELERY_BROKER_URL, transport_options=options, connect_timeout=SECONDS) as found:
        found.ensure_connection(max_retries=1, timeout=SECONDS)
        found.default_channel.close()
    return {"ok": True}


def disk() -> Facts:
    found = data_disk()
    return {"ok": not found.full, "used_percent": found.percent, "free_bytes": found.free}


def worker() -> Facts:
    seen = WorkerProcess.objects.aggregate(at=Max("seen_at"))["at"]
    seconds = None if seen is None else (database_time() - seen).total_seconds()
    return {"ok": seconds is not None and seconds <= LATE_WORKER, "seconds_since_heartbeat": _rounded(seconds)}


def polls() -> Facts:
    """Compare when the polls of hypervisors that can be reached were due."""
    reachable = HypervisorStatus.objects.filter(unreachable_since=None).exclude(observed_at=None)
    now, found = database_time(), reachable.aggregate(due=Min("due_at"), observed=Min("observed_at"))
    late = 0.0 if found["due"] is None else max(0.0, (now - found["due"]).total_seconds())
    oldest = None if found["observed"] is None else (now - found["observed"]).total_seconds()
    return {"ok": late <= LATE_POLL, "seconds_overdue": _rounded(late), "oldest_seconds": _rounded(oldest)}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


CHECKS: dict[str, Callable[[], Facts]] = {
    each.__name__: each for each in (database, migrations, broker, disk, worker, polls)
}
