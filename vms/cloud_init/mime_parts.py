"""The parts of user data that is a MIME message, with their lines, and problems of its boundaries. Pure.

cloud-init reads such a message with Python's parser, which finds no part if a boundary is not as in the header.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_string
from email.errors import CloseBoundaryNotFoundDefect, NoBoundaryInMultipartDefect
from email.message import Message

#: types that cloud-init handles; text/plain only if it begins like one of these
TAKEN = (
    *("text/cloud-config", "text/cloud-config-archive", "text/cloud-config-jsonp", "text/cloud-boothook"),
    *("text/x-include-url", "text/x-include-once-url", "text/part-handler", "text/jinja2", "text/plain"),
    *("text/x-shellscript", "text/x-shellscript-per-boot", "text/x-shellscript-per-instance"),
    *("text/x-shellscript-per-once", "text/x-not-multipart", "application/octet-stream"),
    *("application/gzip", "application/gzip-compressed", "application/gzipped", "application/x-gunzip"),
    *("application/x-compress", "application/x-compressed", "application/x-gzip", "application/x-gzip-compressed"),
)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a message, which begins at `line`.

    `text` is its content, preceded by as many empty lines as there are lines before it; of an `encoded` part, such as
    Base64, only the content.
    """

    line: int
    kind: str
    text: str
    encoded: bool


def problems(text: str, before: int = 0) -> Iterator[str]:
    """Yield why cloud-init does not find the parts, one sentence each with its line, offset by `before` lines."""
    message = message_from_string(text)
    if message.get_content_maintype() == "multipart":
        yield from _problems(message, text.splitlines(), before)
        for start, section in _sections(message, text.splitlines()):
            yield from problems(section, before + start)


def _problems(message: Message, lines: list[str], before: int) -> Iterator[str]:
    at = before + next((n for n, line in enumerate(lines, 1) if "multipart/" in line.lower()), 1)
    boundary = message.get_boundary()
    if boundary is None or any(isinstance(defect, NoBoundaryInMultipartDefect) for defect in message.defects):
        yield f"Line {at} needs a boundary=…; without it, the guest finds no part."
        return
    bare = [before + n for n, line in enumerate(lines, 1) if line.rstrip() == boundary]
    if f"--{boundary}" not in [line.rstrip() for line in lines]:
        if bare:
            yield f"Line {bare[0]} must be --{boundary}, with two dashes before it; otherwise, the guest finds no part."
        else:
            yield f"Line {at} says that parts begin at lines --{boundary}, but no such line exists: no part is found."
    elif bare:
        yield f"Line {bare[0]} must be --{boundary}, with two dashes before it; otherwise, no part begins there."
    elif any(isinstance(defect, CloseBoundaryNotFoundDefect) for defect in message.defects):
        yield f"After line {before + len(lines)}, a line --{boundary}-- is missing, which ends the last part."


def parts(text: str, before: int = 0) -> Iterator[Part]:
    """Yield the parts of a message in order, including those of nested messages, with their lines."""
    message, lines = message_from_string(text), text.splitlines()
    if message.get_content_maintype() == "multipart":
        for start, section in _sections(message, lines):
            yield from parts(section, before + start)
        return
    encoded = message.get("Content-Transfer-Encoding", "7bit").lower() not in ("7bit", "8bit", "binary")
    if message.is_multipart():  # a nested message has no text of its own
        content = ""
    elif encoded:
        content = message.get_payload(decode=True).decode(errors="replace")
    else:
        content = message.get_payload()
        content = "\n" * (before + len(lines) - len(content.splitlines())) + content
    yield Part(line=before + 1, kind=message.get_content_type(), text=content, encoded=encoded)


def _sections(message: Message, lines: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the texts between a message's boundaries, each with the number of lines before it."""
    boundary = message.get_boundary()
    if boundary is None:
        return
    starts = [n for n, line in enumerate(lines) if line.rstrip() == f"--{boundary}"]
    ends = [*starts[1:], next((n for n, line in enumerate(lines) if line.rstrip() == f"--{boundary}--"), len(lines))]
    for start, end in zip(starts, ends, strict=False):
        yield start + 1, "".join(f"{line}\n" for line in lines[start + 1 : end])
