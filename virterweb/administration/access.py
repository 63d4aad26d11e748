"""Who may see and change what in the admin, by the rights that decide everywhere else.

Django's own permissions and the staff status have no meaning here: operators see the rows of the hypervisors that they
operate; superusers also see users and teams.
"""

from typing import ClassVar

from django.contrib import admin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.db.models import Field, ForeignKey, Model, QuerySet
from django.forms import BaseInlineFormSet, ModelForm, Textarea
from django.forms import Field as FormField
from django.http import Http404, HttpRequest

from virterweb.hypervisors.models import Hypervisor
from virterweb.people import rights
from virterweb.people.verbs import Verb

NAMES = ("vCPUs", "dnsmasq options")  # labels that keep their lower-case initial


def as_sentence(text: str) -> str:
    """Return a help text with a capital letter and a full stop, unless it is a unit, markup or begins with a URL."""
    if " " not in text or "<" in text or not text.split(maxsplit=1)[0].strip(":;,*").isalpha():
        return text
    return f"{text[0].upper()}{text[1:]}{'' if text[-1] in '.?!…' else '.'}"


def readable_hypervisors(user: rights.Actor) -> QuerySet[Hypervisor]:
    """Return the hypervisors that a user operates and of which the user may see everything, secrets included."""
    access = rights.access_of(user)
    return rights.operated_hypervisors(user).filter(access.hypervisors(Verb.SEE), access.hypervisors(Verb.SECRETS))


class Plain:
    """Base of admins and inlines without the links beside a field, which change other objects in a new window."""

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **options: object) -> FormField | None:
        field = super().formfield_for_dbfield(db_field, request, **options)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        if field is not None and isinstance(field.widget, Textarea):
            field.widget.attrs |= {"rows": 4, "spellcheck": "false"}
        if field is not None and db_field.verbose_name in NAMES:
            field.label = db_field.verbose_name
        if field is not None:
            field.help_text = as_sentence(field.help_text)
        return field


class NamedFormSet(BaseInlineFormSet):
    """Names each field of a row: its label is the heading of the column, which assistive technology does not read."""

    def add_fields(self, form: ModelForm, index: int | None) -> None:
        super().add_fields(form, index)
        for field in form.fields.values():
            field.widget.attrs["aria-label"] = field.label


class Rows(Plain, admin.TabularInline):
    """Base of objects that are rows of a table on the page of another object."""

    formset = NamedFormSet
    extra = 0


class ReadOnly(Plain):
    """Base of admins of rows that are only shown."""

    def has_add_permission(self, request: HttpRequest, *args: object) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ForSuperusers(Plain):
    """Base of admins and inlines that only superusers have: operators do not decide about people."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_superuser

    def has_add_permission(self, request: HttpRequest, *args: object) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_superuser


class ForOperatorsOfAll(Plain):
    """Base of admins of what concerns the whole portal: operators of all hypervisors have it."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return rights.is_operator(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return rights.is_operator(request.user)

    def has_add_permission(self, request: HttpRequest, *args: object) -> bool:
        return rights.is_operator(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return rights.is_operator(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return rights.is_operator(request.user)


class OnHypervisors(ReadOnly):
    """Base of admins of rows on hypervisors: operators see those on the hypervisors that they operate."""

    at: ClassVar[str] = "hypervisor"  # the path from a row to its hypervisor

    def has_module_permission(self, request: HttpRequest) -> bool:
        return rights.operates_any(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return rights.operates_any(request.user) and (obj is None or self.get_queryset(request).contains(obj))

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).filter(**{f"{self.at}__in": readable_hypervisors(request.user)})


class HypervisorFilter(admin.RelatedFieldListFilter):
    """Filters by hypervisor, and names only those that the user operates."""

    def field_choices(self, field: ForeignKey, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple]:
        return [(each.pk, each.name) for each in readable_hypervisors(request.user)]


class Page(admin.ModelAdmin):
    """Base of all admins: an object that does not exist for a user is answered with 404, without its name."""

    heading: ClassVar[str] = ""  # the title of the list, if it is not the plural of the model
    show_facets = admin.ShowFacets.NEVER

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: object, object_id: str) -> None:
        raise Http404
