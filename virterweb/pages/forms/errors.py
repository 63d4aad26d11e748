"""The errors of a refused form, as its page lists them."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.forms import BaseForm
from django.forms.boundfield import BoundField


@dataclass(frozen=True, kw_only=True)
class FormError:
    """One error: its text, and the label and ID of its field; both are empty for an error of the whole form."""

    text: str
    label: str = ""
    field: str = ""


def errors_of(form: BaseForm) -> list[FormError]:
    """Return the errors of a form and of its rows, those of the whole form first, then in the order of the fields.

    A form with rows has `rows`: pairs of the name of a row, such as “NIC 1”, and its form.
    """
    rows = getattr(form, "rows", ())
    return [*_of_fields("", form), *(error for name, row in rows for error in _of_fields(name, row))]


def _of_fields(name: str, form: BaseForm) -> Iterator[FormError]:
    for text in form.non_field_errors():
        yield FormError(text=text, label=name)
    for field in form:
        label = f"{name}, {field.label}" if name else str(field.label)
        for text in field.errors:
            yield FormError(text=text, label=label, field=_id_of(field))


def _id_of(field: BoundField) -> str:
    """Return the ID of the control, the first one of several; "" for a hidden field."""
    if field.is_hidden:
        return ""
    return field.id_for_label or next((each.id_for_label for each in field.subwidgets), field.auto_id)
