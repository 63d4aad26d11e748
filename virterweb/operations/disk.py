"""The disk of the data folder: how full it is, and what the overview says about it."""

import shutil
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

NEARLY_FULL = 0.9  # share of the disk
FULL = 64 * 1024**2  # free bytes below which the database may not be able to write


@dataclass(frozen=True, kw_only=True)
class Disk:
    """Sizes in bytes; `free` is what the portal's user can still write."""

    total: int
    free: int

    @property
    def used_share(self) -> float:
        return 1 - self.free / self.total if self.total else 1.0

    @property
    def full(self) -> bool:
        return self.free < FULL

    @property
    def nearly_full(self) -> bool:
        return self.full or self.used_share >= NEARLY_FULL

    @property
    def percent(self) -> int:
        return int(100 * self.used_share)


def data_disk() -> Disk:
    found = shutil.disk_usage(settings.DATA_DIR)
    return Disk(total=found.total, free=found.free)


def database_size() -> int:
    """Return how many bytes the database has."""
    sizes = {
        "sqlite": "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
        "postgresql": "SELECT pg_database_size(current_database())",
    }
    with connection.cursor() as cursor:
        cursor.execute(sizes[connection.vendor])
        return cursor.fetchone()[0]
