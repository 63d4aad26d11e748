"""The clock of the database, which is the same for all workers. Queries that contain it can be compiled once."""

from datetime import datetime

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import functions
from django.db.models.sql.compiler import SQLCompiler
from django.utils import timezone


def database_time() -> datetime:
    """Return the current time of the database: workers compare such times although their own clocks may differ."""
    if connection.vendor == "sqlite":  # runs in this process
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        return cursor.fetchone()[0]


class Now(functions.Now):
    """The present time. SQLite knows milliseconds: it is the end of the present one, so nothing stored is later."""

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: object) -> tuple[str, tuple]:
        template = "STRFTIME('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f999', 'NOW')"
        return self.as_sql(compiler, connection, template=template, **context)
