"""The form field for public SSH keys, wherever they are typed."""

from django import forms
from django.core.exceptions import ValidationError

from . import ssh_keys


class SSHKeysInput(forms.Textarea):
    """Text area that never shows a pasted private key again."""

    def format_value(self, value: object) -> str | None:
        shown = super().format_value(value)
        return None if shown and ssh_keys.is_private(shown) else shown


class SSHKeysField(forms.CharField):
    """Public keys, one per line; errors name the line."""

    def __init__(self, **options: object) -> None:
        super().__init__(**{"widget": SSHKeysInput(attrs={"rows": 2, "spellcheck": "false"}), **options})

    def to_python(self, value: object) -> str:
        text = super().to_python(value)
        if len(text) > ssh_keys.MAX_LENGTH:  # before it is split
            raise ValidationError(
                f"The text has {len(text):,} characters; at most {ssh_keys.MAX_LENGTH:,} are allowed."
            )
        return ssh_keys.cleaned(text)

    def validate(self, value: str) -> None:
        super().validate(value)
        if found := ssh_keys.problems(value):
            raise ValidationError(found)
