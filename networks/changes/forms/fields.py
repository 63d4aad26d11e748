"""Form fields whose text is a part of a network's definition, or a list of parts, one per line."""

from collections import defaultdict
from collections.abc import Callable

from django import forms
from django.core.exceptions import ValidationError

from networks.definition import value_wording as _wording  # noqa: F401, adds the texts of the messages
from virterweb.messages import InvalidValue, Message
from virterweb.pages.characters import hidden_in

MAX_LENGTH = 2_000_000  # characters, refused before they are read: tens of thousands of lines
MAX_ERRORS = 20  # that are shown for one field


def plain_text(value: object) -> str:
    """Return the text of a field with Unix line ends and without surrounding space."""
    text = "" if value is None else str(value)
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


class LinesField(forms.CharField):
    """A list with one entry per line; `read` converts a line into a part. Errors name their line.

    Lines of `known` parts, which the network has already, are accepted even if `read` would refuse them.
    """

    widget = forms.Textarea(attrs={"rows": 2})
    counts_lines = True

    def __init__(self, read: Callable[[str], object], **kwargs) -> None:
        super().__init__(required=False, strip=False, max_length=MAX_LENGTH, **kwargs)
        self.read = read
        self.known: tuple = ()

    def prepare_value(self, value: object) -> object:
        return "\n".join(map(str, value)) if isinstance(value, (tuple, list)) else value

    def clean(self, value: object) -> tuple:
        lines = super().clean(value).replace("\r\n", "\n").replace("\r", "\n").split("\n")
        known = _Known(self.known)
        parts, found, errors = [], {}, []
        number = 0
        while number < len(lines):
            if match := known.take(lines, number):
                part, height = match
                parts.append(part)
                found.setdefault(part, number + 1)
                number += height
                continue
            number += 1
            if not lines[number - 1].strip():
                continue
            try:
                part = self._part(lines[number - 1], found)
                parts.append(part)
                found[part] = number
            except ValueError as problem:
                errors.append(f"Line {number}: {problem}")
        if len(errors) > MAX_ERRORS:
            errors[MAX_ERRORS:] = [f"{len(errors) - MAX_ERRORS} more lines have errors."]
        if errors:
            raise ValidationError(errors)
        return tuple(parts)

    def _part(self, line: str, found: dict[object, int]) -> object:
        if hidden := hidden_in(line.replace("\t", " ")):
            raise InvalidValue(Message("value.hidden", hidden=hidden))
        part = self.read(line.strip())
        if part in found:
            raise InvalidValue(Message("value.repeated", part=part, line=found[part]))
        return part


class _Known:
    """Parts by the lines that show them; each is found as often as the network has it."""

    def __init__(self, parts: tuple) -> None:
        self._by_line: dict[str, list[tuple[object, list[str]]]] = defaultdict(list)
        for part in parts:
            lines = str(part).replace("\r\n", "\n").replace("\r", "\n").split("\n")
            self._by_line[lines[0]].append((part, lines))

    def take(self, lines: list[str], at: int) -> tuple[object, int] | None:
        """Return the part that the lines from `at` on show, with their number; it is not found again."""
        waiting = self._by_line.get(lines[at], [])
        fitting = [pair for pair in waiting if lines[at : at + len(pair[1])] == pair[1]]
        if not fitting:
            return None
        part, shown = max(fitting, key=lambda pair: len(pair[1]))
        waiting.remove((part, shown))
        return part, len(shown)


class PartField(forms.CharField):
    """One part of a definition as a short text."""

    def __init__(self, read: Callable[[str], object], **kwargs) -> None:
        super().__init__(required=False, **kwargs)
        self.read = read

    def prepare_value(self, value: object) -> object:
        return value if value is None else str(value)

    def clean(self, value: object) -> object:
        text = super().clean(value).strip()
        try:
            return self.read(text) if text else None
        except ValueError as problem:
            raise ValidationError(str(problem)) from problem
