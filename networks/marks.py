"""States that pages show by words, icon and colour. Pure."""

from enum import StrEnum
from typing import Self


class Marked(StrEnum):
    """A state whose members are their words, the name of an icon, and the stylesheet's class for its colour."""

    icon: str
    tone: str

    def __new__(cls, words: str, icon: str, tone: str) -> Self:
        member = str.__new__(cls, words)
        member._value_, member.icon, member.tone = words, icon, tone
        return member
