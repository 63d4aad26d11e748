"""States that pages show by label, icon and colour. Pure."""

from enum import StrEnum
from typing import Self


class Marked(StrEnum):
    """A state with its label, the name of its icon, and the class of the stylesheet for its colour."""

    icon: str
    tone: str

    def __new__(cls, words: str, icon: str, tone: str) -> Self:
        member = str.__new__(cls, words)
        member._value_, member.icon, member.tone = words, icon, tone
        return member
