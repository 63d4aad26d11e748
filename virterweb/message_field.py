"""The column of a message."""

from django.db import models

from virterweb.messages import Message


class MessageField(models.TextField):
    """A message, stored as its code with parameters; "" is the empty one. No other text can be stored.

    A text that an earlier version stored is read as the message that says it.
    """

    def deconstruct(self) -> tuple[str, str, list, dict]:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs

    def from_db_value(self, value: str | None, *rest: object) -> Message | None:
        return None if value is None else Message.read(value)

    def to_python(self, value: object) -> Message | None:
        return value if value is None or isinstance(value, Message) else Message.read(str(value))

    def get_prep_value(self, value: object) -> str | None:
        if value and not isinstance(value, Message):
            raise TypeError(f"{self.name} takes a message, not {value!r}")
        return value.stored() if isinstance(value, Message) else value

    def value_to_string(self, obj: models.Model) -> str:
        return self.get_prep_value(self.value_from_object(obj)) or ""
