"""What a serial console says: from the bytes of its log to text that is kept, and to text that can be read. Pure.

The log is a file that only grows while the VM runs, and begins anew with its next start, or when the host rotates it.
"""

import codecs
import re
from dataclasses import dataclass
from datetime import datetime

KEEP = 256 * 1024  # characters of which the end is kept, and bytes that are read of a file at once
OVERLAP = 1024  # bytes that are read once more, to see whether it is still the same file

# ECMA-48: control sequences, and strings like a window's title up to their terminator; then what else ESC introduces.
_CONTROL = re.compile(
    r"\x1b\[(?P<values>[0-?]*)[ -/]*(?P<final>[@-~])"
    r"|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?"
    r"|\x1b[ -/]*[0-~]?"
)
_CURSOR = re.compile(r"[\r\b\x1b]")
_INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_JUMPS = "HfdJ"  # to elsewhere on the screen, or clearing it: what follows begins a line here


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The end of what a console said, and how many bytes of its file that speaks of."""

    text: str = ""
    size: int = 0


def start(kept: Kept, size: int) -> int:
    """From where to read a file of so many bytes: a little of what is known with what is new, and not too much."""
    return max(0, min(kept.size, size) - OVERLAP, size - KEEP)


def continues(kept: Kept, offset: int, data: bytes) -> bool:
    """Whether data read from `offset` of the file goes on where the kept text ends."""
    if offset > kept.size:  # so much came at once that nothing can be compared
        return True
    known = data[: kept.size - offset]
    # The first character may be cut.
    return offset + len(known) == kept.size and kept.text.endswith(_decode(known).lstrip("\ufffd"))


def extended(kept: Kept, offset: int, data: bytes, *, last: bool = False) -> Kept:
    """The kept text with data read from `offset` of its file; half a character waits for its rest, if one comes."""
    skipped = offset > kept.size
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    new = decoder.decode(data if skipped else data[kept.size - offset :], last)
    waiting = 0 if last else len(decoder.getstate()[0])
    text = _from_a_line(new) if skipped else _end(kept.text + new.replace("\0", ""))
    return Kept(text=text.replace("\0", ""), size=offset + len(data) - waiting)


def begun_anew(kept: Kept, now: datetime) -> Kept:
    """The same text, with a line that says so, before a file that is read from its start."""
    if not kept.text:
        return Kept()
    line = f"--- the log begins anew: started again, or rotated by the host; seen {now:%Y-%m-%d %H:%M:%S %Z} ---"
    return Kept(text=f"{kept.text.rstrip()}\n\n\x1b[0m{line}\n\n")


def _decode(data: bytes) -> str:
    return data.decode(errors="replace").replace("\0", "")


def _end(text: str) -> str:
    return text if len(text) <= KEEP else _from_a_line(text[-KEEP:])


def _from_a_line(text: str) -> str:
    """Text that was cut somewhere, from its first whole line on; whole if that is far."""
    return text[text.find("\n", 0, 4096) + 1 :]


def readable(text: str) -> str:
    """What a terminal would show of it, as plain lines: no colours, and lines that were written over as they became."""
    return "\n".join(part for line in text.split("\n") for part in _lines(line.rstrip("\r")))


def _lines(line: str) -> list[str]:
    if not _CURSOR.search(line):
        return [_INVISIBLE.sub("", line)]
    done, cells, column, position = [], [], 0, 0
    while position < len(line):
        found = _CURSOR.search(line, position)
        end = found.start() if found else len(line)
        plain = _INVISIBLE.sub("", line[position:end])
        cells[column : column + len(plain)] = plain
        column += len(plain)
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


WIDEST = 500  # columns that a guest can jump to


def _obey(final: str, values: str, cells: list[str], column: int, done: list[str]) -> int:
    """Do to a line what a control sequence says; the column of the cursor then."""
    if final == "K" and values in ("", "0"):
        del cells[column:]
    elif final == "K":
        cells[:] = [" "] * column
    elif final == "C":
        column = min(column + (int(values) if values.isdigit() else 1), WIDEST)
        cells.extend(" " * (column - len(cells)))
    elif final == "D":
        column = max(0, column - (int(values) if values.isdigit() else 1))
    elif final == "G":
        column = min(max(0, int(values) - 1), WIDEST) if values.isdigit() else 0
        cells.extend(" " * (column - len(cells)))
    elif final and final in _JUMPS:
        if "".join(cells).strip():
            done.append("".join(cells).rstrip())
        cells.clear()
        column = 0
    return column
