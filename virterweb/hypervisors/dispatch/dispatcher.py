"""The part of a worker that looks for due work in the database and runs it in threads.

Nothing is sent: a row is taken only when a thread is free for it, so work waits in the database, where all workers see
it. Each kind has its own threads, and no hypervisor gets all of them, hence a busy or hanging one delays no other.
Messages from pages run in the threads of Celery, or wake the dispatcher for work that takes long.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from django.db import Error, close_old_connections, connection

from virterweb.hypervisors.claims.due import end_claims_of_dead, end_late_claims
from virterweb.hypervisors.connections import pool

from . import heartbeat
from .shard import of_this_worker
from .work import Work

log = logging.getLogger(__name__)

BUSY_PAUSE, IDLE_PAUSE = 0.2, 2.0  # seconds between two looks: soon after something was due, and later
BUSY_FOR = 5.0  # seconds
ERROR_PAUSE = 1.0  # seconds until the next look after an error, such as a lost database
QUIET = 60.0  # seconds between two log entries about errors


class Dispatcher:
    """Runs due work of several kinds until it is stopped; a worker process has one."""

    def __init__(self, kinds: Iterable[Work]) -> None:
        self._kinds = tuple(kinds)
        self._executor = ThreadPoolExecutor(sum(kind.at_once for kind in self._kinds), "work")
        self._running: dict[tuple[str, int], int] = {}  # kind and row → hypervisor
        self._questions: dict[str, tuple[str, tuple]] = {}  # kind → SQL and parameters
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self.is_stopped = False
        self._thread = threading.Thread(target=self._loop, name="dispatcher", daemon=True)
        self._complained_at = -QUIET

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Take up nothing more. What is in progress goes on; if it is killed, another worker repeats it."""
        self.is_stopped = True
        self.wake()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def wake(self) -> None:
        """Have it look at once: something has become due, or a thread is free."""
        self._wake.set()

    def look(self) -> int:
        """Take up what is due, as far as threads are free; return how many rows."""
        return sum(self._take(kind) for kind in self._kinds)

    def _loop(self) -> None:
        busy_at, beat_at = time.monotonic(), -heartbeat.INTERVAL
        while not self.is_stopped:
            self._wake.clear()
            try:
                end_late_claims()
                if time.monotonic() - beat_at >= heartbeat.INTERVAL:
                    heartbeat.beat()
                    end_claims_of_dead()
                    beat_at = time.monotonic()
                if self.look():
                    busy_at = time.monotonic()
                pause = BUSY_PAUSE if time.monotonic() - busy_at < BUSY_FOR else IDLE_PAUSE
            except Exception as problem:  # the loop must not end
                self._complain(problem)
                pause = ERROR_PAUSE
            close_old_connections()
            self._wake.wait(pause)

    def _complain(self, problem: Exception) -> None:
        if time.monotonic() - self._complained_at >= QUIET:
            self._complained_at = time.monotonic()
            trace = None if isinstance(problem, Error) else problem
            log.error("looking for due work failed and is retried every second: %s", problem, exc_info=trace)

    def _take(self, kind: Work) -> int:
        with self._lock:
            mine = {row: hypervisor for (name, row), hypervisor in self._running.items() if name == kind.name}
        if len(mine) >= kind.at_once or not self._is_due(kind):
            return 0
        rows, path = kind.due().exclude(pk__in=mine), kind.hypervisor
        if path:
            full = {one for one, count in Counter(mine.values()).items() if count >= kind.per_hypervisor}
            full |= pool.full() if kind.inside else set()
            rows = of_this_worker(rows, path).exclude(**{f"{path}__in": full})
        taken = 0
        for row, hypervisor in rows.values_list("pk", path or "pk")[: kind.at_once - len(mine)]:
            if list(mine.values()).count(hypervisor) < kind.per_hypervisor:
                mine[row] = hypervisor
                self._submit(kind, row, hypervisor)
                taken += 1
        return taken

    def _is_due(self, kind: Work) -> bool:
        """Return whether any row is due, by a query that is compiled once: most looks find nothing."""
        if kind.name not in self._questions:
            self._questions[kind.name] = kind.due().order_by().values("pk")[:1].query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute(*self._questions[kind.name])
            return cursor.fetchone() is not None

    def _submit(self, kind: Work, row: int, hypervisor: int) -> None:
        with self._lock:
            self._running[kind.name, row] = hypervisor
        self._executor.submit(self._run, kind, row)

    def _run(self, kind: Work, row: int) -> None:
        try:
            kind.run(row)
        except Error as problem:
            self._complain(problem)
        except Exception:
            log.exception("%s %s", kind.name, row)
        finally:
            with self._lock:
                del self._running[kind.name, row]
            self.wake()
            close_old_connections()  # last: it fails if the database is lost
