"""Django's `migrate`, one at a time: all processes of a portal may begin with it, also on several machines."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management.commands import migrate
from django.db import connection

LOCK = 0x766972746572  # of PostgreSQL, which knows its locks by numbers


class Command(migrate.Command):
    def handle(self, *args: object, **options: object) -> None:
        with one_at_a_time():
            super().handle(*args, **options)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Wait until no other process migrates this database; the lock ends with the process too."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            yield
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
        return
    with (settings.DATA_DIR / "migrate.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
