"""The clock of the database, which is the same for all workers. Queries that contain it can be compiled once."""

import time
from datetime import datetime, timedelta

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import functions
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone

ESTIMATED_FOR = 30.0  # seconds
_asked: tuple[datetime, float] | None = None  # the time of the database, and that of this machine since its start


def database_time() -> datetime:
    """Return the current time of the database: workers compare such times although their own clocks may differ."""
    if connection.vendor == "sqlite":  # runs in this process
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        return cursor.fetchone()[0]


def estimated_database_time() -> datetime:
    """Return the current time of the database without a query each time: pages compare many moments with it."""
    global _asked
    if connection.vendor == "sqlite":
        return database_time()
    now = time.clock_gettime(time.CLOCK_BOOTTIME)  # also right after the clock was set, or the machine was suspended
    if _asked is None or now - _asked[1] > ESTIMATED_FOR:
        _asked = database_time(), now
    return _asked[0] + timedelta(seconds=now - _asked[1])


class Now(functions.Now):
    """The present time. SQLite knows milliseconds: it is the end of the present one, so nothing stored is later."""

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: object) -> tuple[str, tuple]:
        template = "STRFTIME('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f999', 'NOW')"
        return self.as_sql(compiler, connection, template=template, **context)
