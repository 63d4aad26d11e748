"""Form fields whose text stands for a part of a network's definition, or for a list of such, one a line."""

from collections.abc import Callable

from django import forms
from django.core.exceptions import ValidationError


class LinesField(forms.CharField):
    """A list, one entry a line; `read` makes the part of a line. Errors name their line."""

    widget = forms.Textarea(attrs={"rows": 2})

    def __init__(self, read: Callable[[str], object], **kwargs) -> None:
        super().__init__(required=False, strip=False, **kwargs)
        self.read = read

    def prepare_value(self, value: object) -> object:
        return "\n".join(map(str, value)) if isinstance(value, (tuple, list)) else value

    def clean(self, value: object) -> tuple:
        found, errors = {}, []
        for number, line in enumerate(super().clean(value).splitlines(), 1):
            if not line.strip():
                continue
            try:
                if not line.replace("\t", " ").isprintable():
                    raise ValueError("No control characters, please.")
                part = self.read(line.strip())
                if part in found:
                    raise ValueError(f"{part} stands in line {found[part]} already.")
                found[part] = number
            except ValueError as problem:
                errors.append(f"Line {number}: {problem}")
        if errors:
            raise ValidationError(errors)
        return tuple(found)


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
