"""Files of SHA-256 checksums that distributions publish beside their images. Pure."""

import re

SHA256 = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)
PLAIN = re.compile(r"\\?([0-9a-f]{64})(?: [ *]|\t)(?:\./)?(.+)", re.IGNORECASE)  # of sha256sum
TAGGED = re.compile(r"SHA256 ?\((.+)\) ?= ?([0-9a-f]{64})", re.IGNORECASE)  # of sha256sum --tag


def checksum_of(text: str, name: str) -> str:
    """Return the checksum of a file in a list, in lower case; "" if the list does not name it."""
    for line in map(str.strip, text.splitlines()):
        if (plain := PLAIN.fullmatch(line)) and plain[2] == name:
            return plain[1].lower()
        if (tagged := TAGGED.fullmatch(line)) and tagged[1] == name:
            return tagged[2].lower()
    return ""
