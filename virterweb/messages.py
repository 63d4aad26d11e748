"""Messages for people as they are stored, compared and branched on: a code with parameters. Pure.

A subject's wording is one table, added by `add_wording`; a text is made from it only where it is shown.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Self

Wording = str | Callable[..., str]

_WORDING: dict[str, Wording] = {"text": "{text}"}


def add_wording(texts: Mapping[str, Wording]) -> None:
    """Add the texts of one subject, by code: templates with named placeholders, or functions of the parameters."""
    _WORDING.update(texts)


class Message:
    """A code with parameters: plain values, further messages, or lists of them. str() gives the text.

    One without a code is empty and false. The code `text` is for words from outside the product.
    """

    __slots__ = ("code", "params")

    def __init__(self, code: str = "", **params: object) -> None:
        self.code = str(code)
        self.params = {name: each if isinstance(each, PLAIN) else str(each) for name, each in params.items()}

    @classmethod
    def external(cls, text: str) -> Self:
        """Return the message that says a text from outside the product, such as libvirt's error message."""
        return cls("text", text=text) if text else cls()

    @classmethod
    def read(cls, stored: str) -> Self:
        """Return what `stored` made; a text that it did not make, as of an earlier version, is its own wording."""
        try:
            return _decoded(json.loads(stored)) if stored else cls()
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls.external(stored)

    def stored(self) -> str:
        """Return it as a column stores it; "" of an empty one."""
        return json.dumps(_encoded(self), sort_keys=True, ensure_ascii=False) if self.code else ""

    def parts(self) -> Iterator[Self]:
        """Yield the message itself and all that its parameters hold."""
        yield self
        for value in self.params.values():
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, Message):
                    yield from each.parts()

    def __str__(self) -> str:
        try:
            wording = _WORDING[self.code] if self.code else ""
            return wording(**self.params) if callable(wording) else wording.format_map(self.params)
        except (KeyError, TypeError):  # stored by another version, whose wording is not known
            return ": ".join(filter(None, [self.code, ", ".join(map(str, self.params.values()))]))

    def __repr__(self) -> str:
        return f"Message({self.stored()})"

    def __bool__(self) -> bool:
        return bool(self.code)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and self.stored() == other.stored()

    def __hash__(self) -> int:
        return hash(self.stored())


class Failure(Exception):
    """An exception that says by a message why something was not done: a code with parameters, never a text."""

    def __init__(self, message: Message) -> None:
        if not isinstance(message, Message):
            raise TypeError(f"{type(self).__name__} takes a message, not {message!r}")
        super().__init__(message)
        self.message = message


class InvalidValue(Failure, ValueError):
    """A value is not valid: the message says which one and why."""


PLAIN = (str, int, float, bool, list, dict, type(None), Message)


def _encoded(value: object) -> object:
    if isinstance(value, Message):
        return {"code": value.code, **{name: _encoded(each) for name, each in value.params.items()}}
    return [_encoded(each) for each in value] if isinstance(value, list) else value


def _decoded(value: dict) -> Message:
    params = {name: _inner(each) for name, each in value.items() if name != "code"}
    return Message(value["code"], **params)


def _inner(value: object) -> object:
    if isinstance(value, list):
        return [_inner(each) for each in value]
    return _decoded(value) if isinstance(value, dict) and "code" in value else value
