"""Names of tags: how they are typed and stored. Pure.

An object stores its tags in one text, in order and each between spaces, such as " db web ". So the tags of a list are
counted like any other column, and one of them is found by `contains`.
"""

import re
from collections.abc import Collection
from zlib import crc32

from virterweb.messages import InvalidValue, Message
from virterweb.pages.characters import visible

from . import wording as _wording  # noqa: F401, adds the texts of the messages

MOST = 20  # tags of an object
HUES = 8  # the colours of tags in the stylesheet
QUOTED = 40  # characters of a text that an error quotes
TYPED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")


def parsed(text: str) -> frozenset[str]:
    """Return the tags of a text, which spaces or commas separate, in lower case.

    Raises:
        InvalidValue: A word cannot be a tag, or there are too many.
    """
    words = list(filter(None, re.split(r"[\s,]+", text)))
    for word in words:
        if not TYPED.fullmatch(word):
            quoted = word if len(word) <= QUOTED else f"{word[:QUOTED]}…"
            raise InvalidValue(Message("tags.invalid", tag=visible(quoted)))
    found = frozenset(word.lower() for word in words)
    require_few(found)
    return found


def require_few(tags: Collection[str]) -> None:
    """Raise InvalidValue if these are too many tags for an object."""
    if len(tags) > MOST:
        raise InvalidValue(Message("tags.too_many", count=len(tags), most=MOST))


def is_tag(text: str) -> bool:
    """Return whether a text is one tag as it is stored."""
    return bool(TYPED.fullmatch(text)) and text == text.lower()


def stored(tags: Collection[str]) -> str:
    """Return tags as a column stores them."""
    return f" {' '.join(sorted(tags))} " if tags else ""


def read(column: str) -> tuple[str, ...]:
    """Return the tags that a column stores, in order."""
    return tuple(column.split())


def hue(tag: str) -> int:
    """Return the number of the colour of a tag, which is the same everywhere."""
    return crc32(tag.encode()) % HUES
