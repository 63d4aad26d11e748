"""A paste is compared with the existing entries."""

import pytest

from networks.definition.spec import HostSpec
from networks.reservations.pasted import Outcome, Row, compare, read
from tests.networks.reservations.pasted.pasted_entries import BLOCKS, DUID, EIGHT, HELD, MAC, NAMED, NINE, SIX


def rows(*typed: str, held: tuple[HostSpec, ...] = HELD) -> tuple[Row, ...]:
    return compare(read("\n".join(typed)), held, BLOCKS)


def verbs(*typed: str) -> list[Outcome]:
    return [row.verb for row in rows(*typed)]


def test_a_paste_is_shown_as_the_changes_that_it_makes():
    new, same, changed, wrong = rows(
        "52:54:00:00:00:20 10.255.0.20",
        "dhcp-host=52:54:00:00:00:09,10.255.0.9,nine,12h",
        f"{MAC} 10.255.0.21 eight",
        "nonsense",
    )
    assert (new.verb, new.was, new.errors) == (Outcome.NEW, None, ())
    assert (same.verb, same.was, same.errors) == (Outcome.SAME, None, ())
    assert (changed.verb, changed.was, changed.errors) == (Outcome.CHANGED, EIGHT, ())
    assert (wrong.verb, wrong.errors) == (Outcome.WRONG, (str(wrong.line.error),))


@pytest.mark.parametrize("line", [str(host) for host in HELD])
def test_an_existing_entry_does_not_conflict_with_itself(line):
    assert verbs(line) == [Outcome.SAME]


@pytest.mark.parametrize(
    ("line", "was"),
    [
        (f"{MAC} 10.255.0.8 acht", EIGHT),
        (f"{MAC} 10.255.0.8 Eight", EIGHT),
        (f"{MAC} 10.255.0.8", EIGHT),
        (f"{MAC} 10.255.0.8 eight infinite", EIGHT),
        (f"id:{DUID} fd00::9 six", SIX),
        ("seven 10.255.0.70", NAMED),
    ],
)
def test_the_entry_with_the_same_mac_duid_or_name_is_changed(line, was):
    (row,) = rows(line)
    assert (row.verb, row.was) == (Outcome.CHANGED, was)


def test_a_line_with_only_a_name_does_not_change_an_entry_with_a_mac():
    (row,) = rows("eight 10.255.0.20")
    assert (row.verb, row.errors) == (Outcome.WRONG, (f"eight is already the name of {MAC} (10.255.0.8).",))


def test_a_line_that_conflicts_with_an_entry_names_it():
    (row,) = rows("52:54:00:00:00:20 10.255.0.9 seven")
    assert row.verb == Outcome.WRONG
    assert row.errors == (
        "10.255.0.9 is already reserved for 52:54:00:00:00:09 (nine).",
        "seven is already the name of 10.255.0.7.",
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("52:54:00:00:00:20 10.255.0.21", "52:54:00:00:00:20 is already in line 3."),
        ("52:54:00:00:00:21 10.255.0.20", "10.255.0.20 is already in line 3."),
        ("52:54:00:00:00:21 10.255.0.21 TWENTY", "TWENTY is already in line 3."),
        (f"{MAC} 10.255.0.22", f"{MAC} is already in line 4."),
        ("52:54:00:00:00:09 10.255.0.22", "52:54:00:00:00:09 is already in line 5."),
        (f"id:{DUID} fd00::20", f"{DUID} is already in line 6."),
    ],
)
def test_a_duplicate_inside_the_paste_names_the_first_line(line, said):
    before = ["# comment", "", "52:54:00:00:00:20 10.255.0.20 twenty", f"{MAC} 10.255.0.8 acht", str(NINE), str(SIX)]
    row = rows(*before, line)[-1]
    assert (row.verb, row.errors) == (Outcome.WRONG, (said,))


def test_the_same_line_twice_is_an_error():
    assert verbs("a 10.255.0.20", "a 10.255.0.20") == [Outcome.NEW, Outcome.WRONG]


def test_an_invalid_line_does_not_conflict_with_later_ones():
    typed = ["52:54:00:00:00:20 10.9.0.1 twenty", "52:54:00:00:00:20 10.255.0.20 twenty"]
    assert verbs(*typed) == [Outcome.WRONG, Outcome.NEW]


@pytest.mark.parametrize("backwards", [False, True])
def test_an_address_that_a_line_gives_up_is_free_only_in_the_next_paste(backwards):
    moved, taker = f"{MAC} 10.255.0.20 acht", "52:54:00:00:00:21 10.255.0.8 eight"
    typed = [taker, moved] if backwards else [moved, taker]
    said = (f"10.255.0.8 is already reserved for {MAC} (eight).", f"eight is already the name of {MAC} (10.255.0.8).")
    found = {row.line.text: (row.verb, row.errors) for row in rows(*typed)}
    assert found == {moved: (Outcome.CHANGED, ()), taker: (Outcome.WRONG, said)}
    (after,) = rows(taker, held=(HostSpec(mac=MAC, ip="10.255.0.20", name="acht"), NINE))
    assert after.verb == Outcome.NEW
