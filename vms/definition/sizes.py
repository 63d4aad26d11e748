"""Sizes as users enter them. Pure: neither ORM nor libvirt."""

import re

from virterweb.messages import InvalidValue, Message
from vms.definition import wording as _wording  # noqa: F401, adds the texts of the messages

UNITS = {"": 1024**2, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


def mebibytes(text: str) -> int:
    """Return a size like 512M, 2G or 1.5GiB in MiB; the default unit is MiB. InvalidValue if it is invalid."""
    match = re.fullmatch(r"(\d{1,12}(?:\.\d{1,9})?)\s*([KMGT]?)(?:iB|B)?", text.strip(), re.IGNORECASE | re.ASCII)
    if not match:
        raise InvalidValue(Message("size.invalid", text=text))
    return round(float(match[1]) * UNITS[match[2].upper()] / 1024**2)


def text(size: int) -> str:
    """Return MiB as the shortest such size, like 2G or 1500M."""
    return f"{size // 1024}G" if size and size % 1024 == 0 else f"{size}M"
