"""The table of the guests says what was seen of each, and is written only whole."""

from tests.guests import table

GOOD = {"wrong": [], "notes": [], "seconds": 70, "versions": {"cloud-init": "22.4.2"}, "at": "2026-11-24 20:00"}


def everything() -> dict[str, dict]:
    return dict.fromkeys(table.missing({}), GOOD)


def test_a_table_is_whole_with_every_mixture_by_every_renderer_and_rule():
    found = everything()
    assert len(found) == (len(table.ROWS) - 1) * 6 + 3, "Virter's rule knows no settings"
    assert not table.missing(found)
    found.pop("five netplan virter")
    assert table.missing(found) == ["five netplan virter"]


def test_a_cell_shows_a_check_mark_or_the_problems():
    assert table.verdict("five netplan virter", GOOD) == "✅"
    assert table.verdict("plugged netplan portal", GOOD) == "✅ 70 s"
    bad = {**GOOD, "wrong": ["NIC 2 (none) down", "no | log-in"], "notes": ["NIC 2 asked"]}
    assert table.verdict("two ifupdown virter", bad) == "NIC 2 (none) down; no \\| log-in; NIC 2 asked"


def test_the_document_has_no_empty_cell_and_names_the_versions():
    text = table.document(everything(), ["QEMU emulator version 7.2.15"])
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == len(table.ROWS) + 2
    assert all(cell.strip() for row in rows for cell in row.strip("|").split(" | "))
    assert "from 2026-11-24 20:00 to 2026-11-24 20:00" in text
    assert "- ifupdown: cloud-init 22.4.2" in text and "QEMU emulator version 7.2.15" in text
