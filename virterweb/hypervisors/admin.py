"""The Django admin of hypervisors, and base classes for the admins of the other apps."""

from collections.abc import Iterable, Iterator

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import router, transaction
from django.db.models import CharField, Field, Model, QuerySet
from django.db.models.deletion import Collector
from django.forms import Field as FormField
from django.http import HttpRequest

from virterweb.activity.choices import Kind, Result
from virterweb.activity.models import Entry, Subject
from virterweb.enqueue import LOOK, enqueue
from virterweb.pages import characters
from virterweb.pages.ssh_key_field import SSHKeysField, SSHKeysInput

from .desired.revisions import note_activity
from .models import OPERATE, Chore, Hypervisor, HypervisorStatus, ReadingProblem, WorkerProcess


class ForOperators:
    """Base of admins and inlines: operators may change rows; Django's permissions determine who may see them."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(OPERATE) or super().has_module_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(OPERATE) or super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest, *args: object) -> bool:
        return request.user.has_perm(OPERATE)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(OPERATE)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(OPERATE)


class ObservedAdmin(ForOperators, admin.ModelAdmin):
    """Rows that workers write: searchable and read-only."""

    def has_add_permission(self, request: HttpRequest, *args: object) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class DesiredAdmin(ForOperators, admin.ModelAdmin):
    """Desired configurations: an edit raises the generation and is pushed. Rows are never deleted here."""

    actions = ("request_poll", "push_again")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_related(self, request: HttpRequest, form: object, formsets: list, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        form.instance.ask_again()

    @admin.display(description="state")
    def state_shown(self, desired: Model) -> str:
        return desired.state.label

    @admin.action(description="Poll the hypervisors of the selected rows", permissions=["change"])
    def request_poll(self, request: HttpRequest, rows: QuerySet) -> None:
        request_polls(request, Hypervisor.objects.filter(pk__in=rows.values("hypervisor")))

    @admin.action(description="Apply again to libvirt", permissions=["change"])
    def push_again(self, request: HttpRequest, rows: QuerySet) -> None:
        for desired in rows.select_related("status", "hypervisor"):
            with transaction.atomic():
                desired.ask_again()
                note_activity(desired, "retried", request.user)
        self.message_user(request, f"Applying {rows.count()} definitions to libvirt again.", messages.SUCCESS)


class RevisionAdmin(ObservedAdmin):
    """The history of desired configurations."""

    list_display = ("at", "desired", "change_shown", "by", "result", "seconds")
    list_filter = ("desired__hypervisor",)
    search_fields = ("desired__name", "event", "by__username", "document")
    list_select_related = ("desired", "by")

    @admin.display(description="change")
    def change_shown(self, revision: Model) -> str:
        return revision.what


def request_polls(request: HttpRequest, hypervisors: QuerySet) -> None:
    for hypervisor in hypervisors:
        hypervisor.request_poll()
        enqueue(LOOK, hypervisor.pk)
    messages.success(request, f"Polling {', '.join(str(one) for one in hypervisors)}.")


class RecordedAdmin(admin.ModelAdmin):
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


@admin.register(Hypervisor)
class HypervisorAdmin(ForOperators, RecordedAdmin):
    list_display = ("name", "uri", "pool", "access_network", "reachable", "version", "acceleration")
    list_filter = ("domain_type", "static_dhcp", "after_restart")
    search_fields = ("name", "uri")
    list_select_related = ("status",)
    actions = ("request_poll",)
    delete_confirmation_template = "admin/hypervisors/hypervisor/delete_confirmation.html"
    delete_selected_confirmation_template = "admin/hypervisors/hypervisor/delete_selected_confirmation.html"

    def formfield_for_dbfield(self, field: Field, request: HttpRequest, **options: object) -> FormField | None:
        if field.name == "ssh_keys":
            widget = SSHKeysInput(attrs={"rows": 6, "cols": 110, "spellcheck": "false"})
            options = {"form_class": SSHKeysField, "widget": widget}
        return super().formfield_for_dbfield(field, request, **options)

    def subject(self, row: Hypervisor) -> Subject:
        return Subject(kind=Kind.HYPERVISOR, hypervisor=row.name, hypervisor_id=row.pk)

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Hypervisor]) -> object:
        for hypervisor in queryset:
            Entry.objects.abandon(hypervisor.pk)
        return super().log_deletions(request, queryset)

    def get_deleted_objects(self, objs: Iterable[Hypervisor], request: HttpRequest) -> tuple:
        """Count the rows that are deleted with hypervisors and cannot be deleted separately."""
        collector = Collector(using=router.db_for_write(Hypervisor), origin=objs)
        collector.collect(list(objs))
        counts = {model._meta.verbose_name_plural: len(rows) for model, rows in collector.data.items()}
        for rows in collector.fast_deletes:
            name = rows.model._meta.verbose_name_plural
            counts[name] = counts.get(name, 0) + rows.count()
        counts = {name: count for name, count in counts.items() if count}
        return [str(each) for each in objs], counts, set(), []

    @admin.display(boolean=True)
    def reachable(self, hypervisor: Hypervisor) -> bool:
        return bool(hypervisor.status.observed_at and not hypervisor.status.error)

    @admin.display
    def version(self, hypervisor: Hypervisor) -> str:
        return hypervisor.status.version

    @admin.display
    def acceleration(self, hypervisor: Hypervisor) -> str:
        return hypervisor.status.acceleration

    @admin.action(description="Poll now", permissions=["change"])
    def request_poll(self, request: HttpRequest, rows: QuerySet) -> None:
        request_polls(request, rows)


@admin.register(HypervisorStatus)
class HypervisorStatusAdmin(ObservedAdmin):
    list_display = ("hypervisor", "observed_at", "seconds", "unreachable_since", "error", "version", "acceleration")
    search_fields = ("hypervisor__name", "error")
    list_filter = ("kvm",)


@admin.register(WorkerProcess)
class WorkerProcessAdmin(ObservedAdmin):
    list_display = ("name", "seen_at", "hypervisors")
    search_fields = ("name",)


@admin.register(Chore)
class ChoreAdmin(ObservedAdmin):
    list_display = ("name", "due_at", "crashes")
    search_fields = ("name",)


@admin.register(ReadingProblem)
class ReadingProblemAdmin(ObservedAdmin):
    list_display = ("__str__", "hypervisor", "kind", "within", "since")
    search_fields = ("hypervisor__name", "within", "name", "reason")
    list_filter = ("kind",)
    list_select_related = ("hypervisor",)


@admin.register(Entry)
class EntryAdmin(ObservedAdmin):
    list_display = ("at", "who", "via", "address", "kind", "hypervisor", "name", "what", "result")
    list_filter = ("kind", "via", "result")
    search_fields = ("who", "name", "hypervisor", "event", "address", "request")


class RecordedGroupAdmin(RecordedAdmin, GroupAdmin):
    pass


class VisibleUserAdmin(RecordedAdmin, UserAdmin):
    """Refuses invisible characters in user names, because pages show them next to objects and events."""

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **options: object) -> FormField | None:
        field = super().formfield_for_dbfield(db_field, request, **options)
        if isinstance(db_field, CharField) and db_field.name != "password":
            field.validators.append(validate_visible)
        return field


def validate_visible(text: str) -> None:
    if hidden := characters.hidden_in(text):
        raise ValidationError(f"Remove the invisible characters: {hidden}.")


admin.site.unregister(get_user_model())
admin.site.register(get_user_model(), VisibleUserAdmin)
admin.site.unregister(Group)
admin.site.register(Group, RecordedGroupAdmin)
