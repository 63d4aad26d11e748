"""Tests mirror the rooms of the project; `support` has what they share."""

from pathlib import Path

DATA = Path(__file__).resolve().parent / "data"
