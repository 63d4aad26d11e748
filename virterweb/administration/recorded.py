"""Changes in the admin are recorded in the activity log."""

from collections.abc import Iterable, Iterator

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import CharField, Field, Model
from django.forms import Field as FormField
from django.http import HttpRequest

from virterweb.activity.choices import Kind, Result
from virterweb.activity.models import Entry, Subject
from virterweb.pages import characters


class Recorded(admin.ModelAdmin):
    """Records each change of a row in the activity log; Django calls these methods in the transaction of the change."""

    def subject(self, row: Model) -> Subject:
        return Subject(kind=Kind.RIGHTS, name=str(row), object_id=row.pk)

    def log_addition(self, request: HttpRequest, obj: Model, message: object) -> object:
        self._record(request, obj, "created")
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: object) -> object:
        fields = [text for part in message for text in _changes(part)] if isinstance(message, list) else []
        self._record(request, obj, "edited", fields=fields)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Model]) -> object:
        for row in queryset:
            self._record(request, row, "removed")
        return super().log_deletions(request, queryset)

    def _record(self, request: HttpRequest, row: Model, event: str, **about: object) -> None:
        about = {"model": str(row._meta.verbose_name), **about}
        Entry.objects.record(self.subject(row), event, about, by=request.user, result=Result.DONE)


def _changes(part: dict[str, dict]) -> Iterator[str]:
    """Yield what a part of Django's message says was changed: fields, or a row that belongs to the object."""
    for what, of in part.items():
        if "object" in of:
            yield f"{of['name']} {of['object']} {what}"
        else:
            yield from of.get("fields", ())


class VisibleNames:
    """Base of admins and inlines that refuse invisible characters in names, because pages show them."""

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **options: object) -> FormField | None:
        field = super().formfield_for_dbfield(db_field, request, **options)
        if isinstance(db_field, CharField) and field is not None and db_field.name != "password":
            field.validators.append(validate_visible)
        return field


def validate_visible(text: str) -> None:
    if hidden := characters.hidden_in(text):
        raise ValidationError(f"Remove the invisible characters: {hidden}.")
