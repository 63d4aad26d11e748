"""The folder of uploaded and downloaded images. Some space always stays free, because the database is on this disk."""

import shutil

from django.conf import settings

RESERVED_BYTES = 1024**3  # bytes of the disk that are left free


def room() -> int:
    """Return how many bytes may still be written; less than 1 if none."""
    return shutil.disk_usage(settings.SPOOL_DIR).free - RESERVED_BYTES
