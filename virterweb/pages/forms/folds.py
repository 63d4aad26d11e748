"""Folded groups of the fields of a form; a summary says what is set in a group, or else what can be set there."""

from collections.abc import Iterable
from dataclasses import dataclass

from django import forms
from django.forms.boundfield import BoundField
from django.utils.text import slugify

LONGEST = 60  # characters of a value in a summary


@dataclass(frozen=True, kw_only=True)
class Fold:
    """A folded group. `key` distinguishes it from the others of its page."""

    key: str
    title: str
    fields: tuple[BoundField, ...]

    @property
    def held(self) -> str:
        """Return the values that differ from those of an empty form, as text."""
        return ", ".join(text for field in self.fields if (text := self._held(field)))

    @property
    def names(self) -> str:
        """Return the names of the fields; what the only one has if the title is its name."""
        if [field.label for field in self.fields] == [self.title]:
            return next((str(name) for _, name in getattr(self.fields[0].field, "choices", ())), "none")
        return ", ".join(_in_sentence(field.label) for field in self.fields)

    @property
    def is_wrong(self) -> bool:
        return any(field.errors for field in self.fields)

    def _held(self, field: BoundField) -> str:
        label, value = _in_sentence(field.label), field.field.prepare_value(field.value())
        declared = field.form.base_fields.get(field.name, field.field)  # the form may have set another initial value
        usual = declared.initial
        if isinstance(field.field, forms.BooleanField):
            return "" if bool(value) == bool(usual) else label if value else f"no {label}"
        text = "" if value is None else str(value).strip()
        choices = {str(key): name for key, name in getattr(field.field, "choices", ())}
        if text in ("", str(usual), *list(choices)[:1]):
            return ""
        if (lines := text.count("\n") + 1) > 1 and getattr(field.field, "counts_lines", False):
            return f"{lines} {label}"
        if isinstance(field.field.widget, forms.Textarea) and not getattr(field.field, "counts_lines", False):
            return label
        shown = _short(str(choices.get(text, text)))
        return shown if field.label == self.title else f"{label} {shown}"


def fold(title: str, fields: Iterable[BoundField], key: str = "") -> Fold:
    """Return a group; its key is made of its title unless given."""
    return Fold(key=key or slugify(title), title=title, fields=tuple(fields))


def folds(groups: Iterable[tuple[str, Iterable[BoundField]]]) -> list[Fold]:
    """Return the groups that have fields."""
    return [each for title, fields in groups if (each := fold(title, fields)).fields]


def _in_sentence(label: object) -> str:
    """Return a label as it stands within a sentence: “Boot order” becomes “boot order”, “MTU” stays."""
    text = str(label)
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
