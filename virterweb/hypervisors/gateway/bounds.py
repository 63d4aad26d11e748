"""Numbers from outside, made to fit the database. Pure.

libvirt, QEMU and guests count in unsigned 64 bits and more; a column of PostgreSQL or SQLite holds signed 64.
"""

from datetime import UTC, datetime

LARGEST = 2**63 - 1
LATEST = datetime(9999, 12, 31, tzinfo=UTC)


def bounded(number: int) -> int:
    """Return the number, or the nearest from 0 to LARGEST."""
    return max(0, min(number, LARGEST))


def whole_number(text: str | None, unit: int = 1) -> int:
    """Return the bounded number of `unit` in a text; 0 if the text is no number."""
    digits = (text or "").strip().lstrip("0")
    if not digits.isdecimal():
        return 0
    return bounded(int(digits) * unit) if len(digits) <= len(str(LARGEST)) + 1 else LARGEST


def moment(seconds: int) -> datetime:
    """Return the moment so many seconds after the epoch, LATEST at most."""
    return datetime.fromtimestamp(max(0, min(seconds, int(LATEST.timestamp()))), UTC)
