"""The form that asks to type the name of what is deleted and cannot be restored."""

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict


class TypedNameForm(forms.Form):
    """Valid if the name is typed exactly."""

    use_required_attribute = False  # the page says what is wrong, not the browser

    def __init__(self, data: QueryDict | None, *, name: str, field: str = "name", focused: bool = True) -> None:
        """Create the form; `field` is the name of its only field, which has the focus when the page opens."""
        super().__init__(data, label_suffix="")
        self.name = name
        self.fields[field] = forms.CharField(
            label=f"Type the name {name} to confirm",
            strip=False,
            validators=[self._check],
            error_messages={"required": f"This is not {name}."},
            widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": focused}),
        )

    def _check(self, typed: str) -> None:
        if typed != self.name:
            raise ValidationError(f"This is not {self.name}.")
