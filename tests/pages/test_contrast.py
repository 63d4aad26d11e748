"""Texts and marks stand out from their grounds in both themes, as WCAG 2 asks for, computed from the stylesheet."""

import re
from pathlib import Path

import pytest

TOKENS = (Path(__file__).resolve().parents[2] / "static/css/tokens.css").read_text()
THEMES = {"light": 0, "dark": 1}
GROUNDS = ("ground", "paper", "wash", "tint")
TEXTS = ("ink", "soft", "accent", "ready", "pending", "drifted", "failed", *(f"hue-{letter}" for letter in "abcdefgh"))
TEXT, MARK = 4.5, 3.0  # the least contrasts


def colours(theme: str) -> dict[str, str]:
    found = re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", TOKENS)
    return {name: pair[THEMES[theme]] for name, *pair in found}


def luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_the_contrast_of_black_and_white_is_the_greatest():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("ground", GROUNDS)
def test_text_can_be_read_on_every_ground(theme: str, text: str, ground: str):
    known = colours(theme)
    assert contrast(known[text], known[ground]) >= TEXT


@pytest.mark.parametrize("theme", THEMES)
def test_the_text_of_the_main_button_can_be_read(theme: str):
    known = colours(theme)
    assert contrast(known["on-accent"], known["accent"]) >= TEXT
    assert contrast(known["ink"], known["changed"]) >= TEXT


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", ["paper", "wash"])
def test_edges_of_fields_and_quiet_marks_can_be_seen(theme: str, ground: str):
    known = colours(theme)
    assert contrast(known["edge"], known[ground]) >= MARK
