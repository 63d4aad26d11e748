"""Converts the output of a serial console to text that is kept, and to text for display. Pure: values only.

The log is a file that only grows while the VM runs, and starts again at its next start, or when the host rotates it.
"""

import codecs
import re
from dataclasses import dataclass
from datetime import datetime

KEEP = 256 * 1024  # characters that are kept, and bytes that are read at once
OVERLAP = 1024  # bytes that are read again, to detect a new file

# ECMA-48: control sequences, and strings like a window's title up to their terminator; then what else ESC introduces.
_CONTROL = re.compile(
    r"\x1b\[(?P<values>[0-?]*)[ -/]*(?P<final>[@-~])"
    r"|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"
    r"|\x1b[ -/]*[0-~]?"
)
_CURSOR = re.compile(r"[\r\b\x1b]")
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_JUMPS = "HfdJ"  # cursor moves and clearing: what follows begins a new line


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The end of a console's output, and the size of its file at that point."""

    text: str = ""
    size: int = 0


def start(kept: Kept, size: int) -> int:
    """Return the offset to read a file of that size from: the new part, a little overlap, and a limited amount."""
    return max(0, min(kept.size, size) - OVERLAP, size - KEEP)


def continues(kept: Kept, offset: int, data: bytes) -> bool:
    """Return whether data read from `offset` of the file continues the kept text."""
    if offset > kept.size:  # too much was added to compare
        return True
    known = data[: kept.size - offset]
    # The first character may be incomplete.
    return offset + len(known) == kept.size and kept.text.endswith(_decode(known).lstrip("\ufffd"))


def extended(kept: Kept, offset: int, data: bytes, *, last: bool = False) -> Kept:
    """Return the kept text with data read from `offset`; an incomplete last character waits for its rest."""
    skipped = offset > kept.size
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    new = decoder.decode(data if skipped else data[kept.size - offset :], last)
    waiting = 0 if last else len(decoder.getstate()[0])
    text = _from_a_line(new) if skipped else _end(kept.text + new.replace("\0", ""))
    return Kept(text=text.replace("\0", ""), size=offset + len(data) - waiting)


def with_restart_line(kept: Kept, now: datetime) -> Kept:
    """Return the text with a line that marks a new start, before a file that is read from its beginning."""
    if not kept.text:
        return Kept()
    line = (
        f"--- the log starts again: the VM was restarted, or the host rotated the log; seen "
        f"{now:%Y-%m-%d %H:%M:%S %Z} ---"
    )
    return Kept(text=f"{kept.text.rstrip()}\n\n\x1b[0m{line}\n\n")


def _decode(data: bytes) -> str:
    return data.decode(errors="replace").replace("\0", "")


def _end(text: str) -> str:
    return text if len(text) <= KEEP else _from_a_line(text[-KEEP:])


def _from_a_line(text: str) -> str:
    """Return truncated text from its first whole line on; all of it if that is too far."""
    return text[text.find("\n", 0, 4096) + 1 :]


def readable(text: str) -> str:
    """Return what a terminal would show, as plain lines without colours; overwritten lines as they ended."""
    shown = "\n".join(part for line in text.split("\n") for part in _lines(line.rstrip("\r")))
    return shown if len(shown) <= MAX_CHARACTERS else _from_a_line(shown[-MAX_CHARACTERS:])


def _lines(line: str) -> list[str]:
    if not _CURSOR.search(line):
        return [_INVISIBLE.sub("", line)]
    done, cells, column, position = [], [], 0, 0
    while position < len(line):
        found = _CURSOR.search(line, position)
        end = found.start() if found else len(line)
        plain = _INVISIBLE.sub("", line[position:end])
        cells[column : column + len(plain)] = plain
        column = _wrapped(cells, column + len(plain), done)
        if not found:
            break
        if found[0] == "\x1b":
            control = _CONTROL.match(line, end)
            column = _obey(control["final"] or "", control["values"] or "", cells, column, done)
            position = control.end()
        else:
            column = 0 if found[0] == "\r" else max(0, column - 1)
            position = found.end()
    return [*done, "".join(cells).rstrip()]


WIDEST = 500  # columns of a line that can be overwritten; limits the cost of a control sequence
MAX_CHARACTERS = 2 * KEEP  # characters that are shown: a few bytes can request a whole line of spaces


def _wrapped(cells: list[str], column: int, done: list[str]) -> int:
    """Continue on the next line as a terminal does; return the cursor's column."""
    whole = max(0, len(cells) - 1) // WIDEST * WIDEST
    done += ("".join(cells[start : start + WIDEST]) for start in range(0, whole, WIDEST))
    del cells[:whole]
    return max(0, column - whole)


def _obey(final: str, values: str, cells: list[str], column: int, done: list[str]) -> int:
    """Apply a control sequence to a line; return the cursor's column."""
    if final == "K" and values in ("", "0"):
        del cells[column:]
    elif final == "K":
        cells[:] = [" "] * column
    elif final == "C":
        column = min(column + _number(values, 1), WIDEST)
        cells.extend(" " * (column - len(cells)))
    elif final == "D":
        column = max(0, column - _number(values, 1))
    elif final == "G":
        column = min(max(0, _number(values, 1) - 1), WIDEST)
        cells.extend(" " * (column - len(cells)))
    elif final and final in _JUMPS:
        if "".join(cells).strip():
            done.append("".join(cells).rstrip())
        cells.clear()
        column = 0
    return column


def _number(values: str, usual: int) -> int:
    """Return the only parameter of a control sequence, within limits."""
    return min(int(values[:9]), WIDEST) if values.isdigit() else usual
