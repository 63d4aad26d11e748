"""The headers of tus 1.0 that carry values: metadata, checksums and numbers. Nothing is trusted."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping

from virterweb.messages import InvalidValue, Message

LONGEST = 8192  # characters of the metadata
ALGORITHMS: Mapping[str, Callable] = {"sha256": hashlib.sha256, "sha1": hashlib.sha1}


def number(text: str | None) -> int | None:
    """Return a number of bytes; None if this is no such number."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else None


def values_of(header: str) -> dict[str, str]:
    """Return the values of the header Upload-Metadata; raise InvalidValue if it is not of this form."""
    if len(header) > LONGEST:
        raise InvalidValue(Message("upload.long_metadata", most=LONGEST))
    found = {}
    for pair in filter(None, (each.strip() for each in header.split(","))):
        key, _, encoded = pair.partition(" ")
        try:
            found[key] = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, ValueError) as problem:
            raise InvalidValue(Message("upload.metadata", key=key)) from problem
        if "\0" in found[key]:
            raise InvalidValue(Message("upload.metadata", key=key))
    return found


def checksum(header: str) -> tuple[Callable, bytes]:
    """Return the hash function and the digest of the header Upload-Checksum; raise InvalidValue if it has none."""
    name, _, encoded = header.partition(" ")
    if name not in ALGORITHMS:
        raise InvalidValue(Message("upload.algorithm", name=name, known=" or ".join(ALGORITHMS)))
    try:
        digest = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != ALGORITHMS[name]().digest_size:
        raise InvalidValue(Message("upload.digest", name=name))
    return ALGORITHMS[name], digest
