"""From a console log's bytes to text that is kept and can be read."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms.observed.console_text import KEEP, OVERLAP, Kept, continues, extended, readable, start, with_restart_line

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 24, 15, 2, 11, tzinfo=UTC)


def read(kept: Kept, file: bytes) -> Kept:
    """Return what is kept after one read of a file, as the worker does it."""
    offset = start(kept, len(file))
    if not continues(kept, offset, file[offset:]):
        kept = with_restart_line(kept, NOW)
        offset = start(kept, len(file))
    return extended(kept, offset, file[offset:])


@given(st.text(max_size=4000), st.lists(st.integers(0, 8000), max_size=6))
def test_a_growing_file_is_kept_whole_wherever_it_was_cut(text, cuts):
    file, kept = text.encode(), Kept()
    for cut in sorted({min(cut, len(file)) for cut in cuts} | {len(file)}):
        kept = read(kept, file[:cut])
    assert kept == Kept(text=text.replace("\0", ""), size=len(file))


@given(st.binary(max_size=4000), st.integers(0, 4000))
def test_a_log_cut_at_any_byte_is_continued(file, cut):
    kept = read(Kept(), file[:cut])
    assert "\0" not in kept.text
    assert read(kept, file).text == extended(Kept(), 0, file).text


def test_half_a_character_waits_for_its_rest():
    kept = read(Kept(), "grün".encode()[:3])
    assert (kept.text, kept.size) == ("gr", 2)
    assert read(kept, "grün".encode()).text == "grün"


def test_half_a_character_is_shown_as_one_if_nothing_follows():
    assert extended(Kept(), 0, b"gr\xc3", last=True) == Kept(text="gr\ufffd", size=3)


def test_a_shorter_file_is_a_new_one_and_a_line_says_so():
    kept = read(read(Kept(), b"first boot\nlogin: "), b"second\n")
    first, _, rest = kept.text.partition("\n")
    assert first == "first boot"
    assert "the log starts again" in rest and "2026-11-24 15:02:11 UTC" in rest
    assert rest.endswith("---\n\nsecond\n")
    assert kept.size == len(b"second\n")


def test_a_new_file_is_known_although_it_has_grown_past_the_old_one():
    kept = read(read(Kept(), b"started in 1.71 s\n"), b"started in 1.83 s\nand more\n")
    assert readable(kept.text).count("started in") == 2
    assert kept.text.endswith("started in 1.83 s\nand more\n")


def test_a_file_that_is_not_longer_says_nothing_new():
    kept = read(Kept(), b"quiet\n")
    assert read(kept, b"quiet\n") == kept


def test_an_emptied_file_is_a_new_one_before_anything_is_in_it():
    emptied = read(read(Kept(), b"one\n"), b"")
    assert emptied.size == 0
    assert readable(read(emptied, b"two\n").text).count("starts again") == 1


def test_the_end_of_a_long_log_is_kept_from_the_start_of_a_line():
    line = b"0123456789abcdef" * 4 + b"\n"
    kept = read(Kept(), line * 10_000)
    assert KEEP - 4096 < len(kept.text) <= KEEP
    assert kept.text.startswith("0123") and kept.size == len(line) * 10_000


def test_only_the_end_of_a_large_addition_is_read():
    kept = read(Kept(), b"early\n")
    big = b"early\n" + b"x" * 99 + b"\n" + b"late\n" * (KEEP // 4)
    assert start(kept, len(big)) == len(big) - KEEP
    assert "early" not in read(kept, big).text
    assert read(kept, big).text.endswith("late\n")


def test_only_a_short_overlap_of_a_log_is_read_again():
    assert start(Kept(text="x" * 9000, size=9000), 9100) == 9000 - OVERLAP


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("plain\r\nlines\r\n", "plain\nlines\n"),
        ("[\x1b[0;32m  OK  \x1b[0m] Started \x1b[0;1;39mcron\x1b[0m.\r\n", "[  OK  ] Started cron.\n"),
        ("\x1b]0;root@tiny: ~\x07# ", "#"),
        ("\x1b]0;title\x1b\\# ", "#"),
        ("10%\r20%\r100%\r\n", "100%\n"),
        ("long line\rshort\x1b[K\r\n", "short\n"),
        ("\r\x1b[K[*    ] job\r\x1b[K[ OK ] job\r\n", "[ OK ] job\n"),
        ("lss\b \b -l", "ls -l"),
        ("\x1b[2J\x1b[1;1HGRUB\x1b[2;1Hline two", "GRUB\nline two"),
        ("a\x1b(Bb\x1b7c\x1b[?25ld", "abcd"),
        ("bell\x07 and \x01others", "bell and others"),
        ("tab\tstays", "tab\tstays"),
        ("cut off at \x1b[", "cut off at"),
        ("one\x1b[3Cgap\x1b[999999999C", "one   gap"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
)
def test_console_output_is_shown_as_plain_lines_as_a_terminal_shows_it(said, shown):
    assert readable(said) == shown


@given(st.text(st.sampled_from("ab \r\b\n\t\x1b[]0;19KHJCDGm\x07\x00\x9b?"), max_size=200))
def test_terminal_control_codes_are_removed(said):
    assert not {char for char in readable(said) if ord(char) < 32 or ord(char) in range(127, 160)} - {"\n", "\t"}


def test_a_log_full_of_colours_is_read_quickly():
    text = "[\x1b[0;32m  OK  \x1b[0m] Started something.\r\n" * 6000
    began = datetime.now(UTC)
    assert readable(text).count("\n") == 6000
    assert (datetime.now(UTC) - began).total_seconds() < 2


HOSTILE = (
    "\x1b[1K",
    "\x1b[K",
    "\x1b[2J",
    "\x1b[H",
    "x\x1b[1K",
    "\x1b[9C\x1b[1K",
    "\x1b[500Cx\x1b[J",
    "\r",
    "\b",
    "x\b",
    "\x1b",
)
HOSTILE += (
    "\x1b[",
    "\x1b]",
    "\x1b]x\x07",
    "\x1b[1G",
    "\x1b[500G\x1b[1K",
    "x\r\x1b[500C",
    "\n\x1b[500Cx",
    "\x1b[;",
    "\x1b[9D",
)


@pytest.mark.parametrize("part", HOSTILE, ids=ascii)
@pytest.mark.parametrize("before", ["", "x" * 40_000], ids=["", "after-a-long-line"])
def test_no_control_sequence_is_slow_or_expands_the_text(before, part):
    text = before + part * ((KEEP // 2 - len(before)) // len(part))
    began = time.process_time()
    shown = readable(text)
    assert time.process_time() - began < 1.5
    assert len(shown) <= 2 * KEEP


@pytest.mark.parametrize("final", "CDGKJHm")
def test_numbers_of_any_length_are_taken(final):
    assert readable(f"a\x1b[{'9' * 5000}{final}b").strip()


def test_a_line_that_is_written_over_is_wrapped_at_its_widest():
    assert readable("\r" + "x" * 1200 + "\b!").split("\n") == ["x" * 500, "x" * 500, "x" * 199 + "!"]
