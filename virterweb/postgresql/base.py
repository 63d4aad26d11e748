"""Django's PostgreSQL backend, whose pool drops all lost connections as soon as it finds one.

Otherwise, a thread that wants a connection after a restart of PostgreSQL finds them one by one, and waits twice as long
after each: with five of them for 15 s, with more for up to the timeout of the pool.
"""

from collections.abc import Callable

from django.db.backends.postgresql import base
from psycopg import Connection, Error
from psycopg_pool import ConnectionPool


class DatabaseWrapper(base.DatabaseWrapper):
    @property
    def pool(self) -> ConnectionPool | None:
        pool = super().pool
        if pool and pool._check is ConnectionPool.check_connection:
            pool._check = _checker(pool)
        return pool


def _checker(pool: ConnectionPool) -> Callable[[Connection], None]:
    def check(connection: Connection) -> None:
        """Check a connection before it is used; if it was lost, check the others as well."""
        try:
            ConnectionPool.check_connection(connection)
        except Error:
            pool.check()
            raise

    return check
