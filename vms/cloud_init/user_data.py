"""Checks user data before a guest reads it, and reports lines. Pure: neither ORM nor libvirt.

cloud-init handles what begins with one of `cloud_init.KINDS`; the portal passes on everything else as cloud-config.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache

import yaml

from vms.definition.cloud_init import kind_of

from . import cloud_config, mime_parts
from . import schema as cloud_schema
from .conflicts import (
    INSTALLERS,
    LISTS,
    SET,
    _is_true,
    _joins,
    _merges,
    _nothing,
    _pairs,
    _sets,
    _stages,
    _updates,
    _writes,
)

MAX_MESSAGES = 3  # errors, or warnings
# Bytes. Clouds accept 16 to 64 KiB; the form sends the text while it is typed, and longer data can be included by URL.
MAX_BYTES = 200_000  # of user data
GZIP = ("\x1f\x8b", "\x1f\N{REPLACEMENT CHARACTER}", "H4sI")  # as bytes, as decoded by Django, as Base64
LOST = "\N{REPLACEMENT CHARACTER}"  # what Django decodes invalid UTF-8 to
PACKED = (("PK\x03\x04", "zip"), ("BZh", "bzip2"), (f"{LOST}7zXZ", "xz"), (f"({LOST}/{LOST}", "zstd"))
BASE64 = re.compile(r"[A-Za-z0-9+/\s]+={0,2}")
URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+|/\S+", re.IGNORECASE)


def errors(text: str) -> list[str]:
    """Return why no guest can use the user data, one sentence each, the first few."""
    return list(_first_errors(text))


def warnings(text: str, schema: dict | None = None, user: str = "") -> list[str]:
    """Return what is unusual in the user data, the first few, including deviations from cloud-init's schema.

    `user` is who logs in to the VM.
    """
    return _first(_all_warnings(text, schema, user)) if text.strip() else []


@lru_cache(maxsize=8)  # a form requests errors, then warnings; a long text takes a second
def _first_errors(text: str) -> tuple[str, ...]:
    return tuple(_first(_errors(text)))


def _first(found: Iterator[str]) -> list[str]:
    return [one for one, _ in zip(found, range(MAX_MESSAGES), strict=False)]


def _errors(text: str) -> Iterator[str]:
    size = len(text.encode())
    if size > MAX_BYTES:
        allowed = f"at most {MAX_BYTES:,} are allowed"
        yield f"It has {size:,} bytes; {allowed}. Use #include to let the guest fetch longer data."
        return
    if text.startswith(GZIP):
        yield "It is compressed with gzip. Decompress it first."
        return
    if packer := next((name for start, name in PACKED if text.startswith(start)), ""):
        yield f"It is compressed with {packer}. Decompress it first."
        return
    if 3 * text[:200].count("\0") > len(text[:200]):
        yield "It is encoded as UTF-16. Save it as UTF-8."
        return
    if LOST in text:
        yield f"Line {text[: text.index(LOST)].count(chr(10)) + 1} has bytes that are not valid UTF-8."
    if not text.strip():
        return
    kind = kind_of(text)
    if "\0" in text and kind not in (None, "cloud-config", "cloud-config-archive"):
        yield f"Line {text[: text.index(chr(0))].count(chr(10)) + 1} has a null byte, which is not allowed in text."
    if _foreign(text):
        return
    if kind is None and (what := _unread(text)):
        yield what
    elif kind is None:
        yield from (f"{each} If it is a script, begin it with #!/bin/sh." for each in cloud_config.errors(text))
    elif kind == "cloud-config":
        yield from cloud_config.errors(text)
    elif kind == "cloud-config-archive":
        yield from cloud_config.errors(text, top=yaml.SequenceStartEvent)


def _unread(text: str) -> str:
    """Return why nothing in a guest can read the text, by its beginning; "" if it may be cloud-config."""
    if what := next((what for like, what in INSTALLERS if like.search(text[:20_000])), ""):
        return f"This is {what}. A guest that is already installed cannot use it. Write it as cloud-config."
    if BASE64.fullmatch(text.rstrip()):
        try:
            plain = base64.b64decode("".join(text.split()), validate=True).decode(errors="replace")
        except binascii.Error:
            plain = ""
        if kind_of(plain):
            return "It is encoded as Base64. Decode it first with “base64 -d”."
    return ""


def _all_warnings(text: str, schema: dict | None, user: str) -> Iterator[str]:
    """Yield the warnings of the whole text and of its parts."""
    number, line = _first_line(text)
    if foreign := _foreign(text):
        yield f"Line {number} begins {foreign}. A guest with cloud-init ignores it."
        return
    if kind_of(text) and (number > 1 or line[0].isspace()):
        yield (
            f"Line {number} should be the first line, without spaces before it: cloud-init reads the format from it. "
            "The guest gets the text in that form."
        )
    if kind_of(text) != "mixed":
        yield from _warnings(text, schema, user)
        return
    yield from mime_parts.problems(text)
    parts = list(mime_parts.parts(text))
    handled = any(part.kind == "text/part-handler" for part in parts)  # handled by a program in another part
    for part in parts:
        if part.kind in mime_parts.TAKEN:
            yield from _part_warnings(part, schema, user)
        elif not handled:
            yield f"Line {part.line} begins a part of type {part.kind}, which cloud-init ignores."


def _part_warnings(part: mime_parts.Part, schema: dict | None, user: str) -> Iterator[str]:
    kind, text = kind_of(part.text), part.text
    plain = part.kind in ("text/plain", "text/x-not-multipart")
    if not text.strip():
        return
    if plain and kind is None:
        yield f"Line {part.line} begins a part without a known type, which cloud-init ignores."
    elif part.kind == "text/cloud-config" or (plain and kind == "cloud-config"):
        found = [*cloud_config.errors(text), *_warnings(text, schema, user, headless=part.kind == "text/cloud-config")]
        yield from (f"In the part that begins at line {part.line}: {each}" if part.encoded else each for each in found)
    elif part.kind.startswith("text/x-shellscript") and kind != "x-shellscript":
        yield f"Line {part.line} begins a script that does not start with #!, so no guest can run it."


def _first_line(text: str) -> tuple[int, str]:
    """Return the first line that is not empty, with its number."""
    return next((number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip())


def _foreign(text: str) -> str:
    """Return what other program than cloud-init reads the text; "" if it is none known."""
    start = text.lstrip().lower()
    if start.startswith("{") and _is_ignition(text):
        return "Ignition, which Fedora CoreOS and Flatcar read"
    if start.startswith(("#ps1", "<powershell>", "<script>", "rem cmd", "@echo off")):
        return "a PowerShell or batch script, which cloudbase-init runs in Windows guests"
    return ""


def _is_ignition(text: str) -> bool:
    if '"ignition"' in text.lower()[:1000]:  # complete or not
        return True
    try:
        return "ignition" in json.loads(text)
    except (ValueError, RecursionError):
        return False


def _short(line: str) -> str:
    return line.strip() if len(line) <= 40 else f"{line.strip()[:40]}…"


def _warnings(text: str, schema: dict | None, user: str, headless: bool = False) -> Iterator[str]:
    """Yield the warnings of one part; a part without a header line is identified by its MIME type."""
    kind = kind_of(text)
    if kind is None and not headless:
        number, line = _first_line(text)
        yield (
            f"Line {number} is “{_short(line)}”, so this is neither cloud-config, which begins with #cloud-config, "
            "nor a script, which begins with #!. The guest gets it as cloud-config."
        )
    if other := OTHERS.get(kind):
        yield from other(text)
    if kind not in (None, "cloud-config") or errors(text):
        return
    root = cloud_config.nodes(text)
    if root is None:
        yield "It contains only comments."
        return
    for key, lost, counts in cloud_config.doubles(root):
        yield f"Line {counts} has {key} again, so cloud-init ignores its value in line {lost}."
    judged = set()
    for key, line, value in cloud_config.children(root):
        for warning in JUDGES.get(key, _nothing)(key, value):
            judged.add(key)
            yield f"Line {line} {warning}."
        if key == "disable_root" and user == "root" and _is_true(value):
            yield f"Line {line} sets disable_root, so root, the VM’s SSH user, cannot log in. Enter another SSH user."
    if schema is not None:
        deviations = cloud_schema.deviations(text, root, schema)
        yield from (sentence for key, sentence in deviations if key not in judged)


def _boothook(text: str) -> Iterator[str]:
    _, *rest = (line for line in text.splitlines() if line.strip())
    if not rest or not rest[0].startswith("#!"):
        yield "The line after #cloud-boothook must be #!/bin/sh or similar; otherwise, the guest cannot run it."


def _include(text: str) -> Iterator[str]:
    count = 0
    for number, line in enumerate(text.splitlines(), 1):
        address = re.sub(r"^#include(-once)?", "", line.strip(), flags=re.IGNORECASE).strip()
        if address and not address.startswith("#"):
            count += 1
            if not URL.fullmatch(address):
                yield f"Line {number} is not an address like https://example.org/data, so the guest includes nothing."
    if not count:
        yield "It contains no address to include."


def _template(text: str) -> Iterator[str]:
    body = text.lstrip().partition("\n")[2]
    if kind_of(body) in (None, "jinja2"):
        yield "The line after “## template: jinja” must begin with #cloud-config or #!, or cloud-init ignores it."


def _archive(text: str) -> Iterator[str]:
    """Yield the warnings of an archive's parts, which are texts, or mappings with `content` and optionally `type`."""
    if errors(text) or (root := cloud_config.nodes(text)) is None:
        return
    for _, line, item in cloud_config.children(root):
        values = dict(_pairs(item))
        content, kind = values.get("content", item), values.get("type")
        if isinstance(content, yaml.ScalarNode) and kind_of(content.value) == "cloud-config" and kind is None:
            found = [*cloud_config.errors(content.value), *_warnings(content.value, None, "")]
            yield from (f"In the part that begins at line {line}: {each}" for each in found)
        elif isinstance(kind, yaml.ScalarNode) and kind.value not in mime_parts.TAKEN:
            yield f"Line {line} begins a part of type {kind.value}, which cloud-init ignores."


def _patch(text: str) -> Iterator[str]:
    try:
        json.loads(text.partition("\n")[2])
    except (ValueError, RecursionError) as wrong:
        yield f"The text after #cloud-config-jsonp is not valid JSON: {wrong}."


JUDGES: dict[str | int, Callable[[str, yaml.Node], Iterator[str]]] = {
    **dict.fromkeys(SET, _sets),
    **dict.fromkeys(LISTS, _joins),
    "updates": _updates,
    "cloud_init_modules": _stages,
    "write_files": _writes,
    **dict.fromkeys(("merge_how", "merge_type"), _merges),
}
OTHERS: dict[str | None, Callable[[str], Iterator[str]]] = {
    "cloud-boothook": _boothook,
    "x-include-url": _include,
    "x-include-once-url": _include,
    "jinja2": _template,
    "cloud-config-archive": _archive,
    "cloud-config-jsonp": _patch,
}
