"""The folder of uploaded and fetched images. The disk, which also holds the database, is never filled up."""

import shutil

from django.conf import settings

RESERVED_BYTES = 1024**3  # bytes of the disk that are left free


def room() -> int:
    """Return how many bytes may still be written; less than 1 if none."""
    return shutil.disk_usage(settings.SPOOL_DIR).free - RESERVED_BYTES
