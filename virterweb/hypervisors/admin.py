"""The Django admin of hypervisors, and what the other apps' admins share: observed rows are read-only, two actions."""

from typing import ClassVar

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from . import tasks
from .models import Hypervisor, HypervisorStatus


class ObservedAdmin(admin.ModelAdmin):
    """Rows that workers write: to be searched and read."""

    def has_add_permission(self, request: HttpRequest, *args: object) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class WishAdmin(admin.ModelAdmin):
    """Wishes: an edit raises the generation and is pushed. Rows are removed by wish, never deleted here."""

    push_task: ClassVar = None
    actions = ("look_again", "push_again")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_related(self, request: HttpRequest, form: object, formsets: list, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        form.instance.ask_again()
        transaction.on_commit(lambda: self.push_task.delay(form.instance.pk), robust=True)

    @admin.display(description="state")
    def state_shown(self, wish: Model) -> str:
        return wish.state.label

    @admin.action(description="Look again at their hypervisors")
    def look_again(self, request: HttpRequest, rows: QuerySet) -> None:
        look_at(request, Hypervisor.objects.filter(pk__in=rows.values("hypervisor")))

    @admin.action(description="Push again to libvirt")
    def push_again(self, request: HttpRequest, rows: QuerySet) -> None:
        for wish in rows.select_related("status"):
            wish.ask_again()
            transaction.on_commit(lambda pk=wish.pk: self.push_task.delay(pk), robust=True)
        self.message_user(request, f"Pushing {rows.count()} again.", messages.SUCCESS)


def look_at(request: HttpRequest, hypervisors: QuerySet) -> None:
    for hypervisor in hypervisors:
        hypervisor.look_again()
        transaction.on_commit(lambda pk=hypervisor.pk: tasks.observe.delay(pk), robust=True)
    messages.success(request, f"Looking again at {', '.join(str(one) for one in hypervisors)}.")


@admin.register(Hypervisor)
class HypervisorAdmin(admin.ModelAdmin):
    list_display = ("name", "uri", "pool", "access_network", "reachable", "version")
    list_filter = ("domain_type", "static_dhcp")
    search_fields = ("name", "uri")
    list_select_related = ("status",)
    actions = ("look_again",)

    @admin.display(boolean=True)
    def reachable(self, hypervisor: Hypervisor) -> bool:
        return bool(hypervisor.status.observed_at and not hypervisor.status.error)

    @admin.display
    def version(self, hypervisor: Hypervisor) -> str:
        return hypervisor.status.version

    @admin.action(description="Look again")
    def look_again(self, request: HttpRequest, rows: QuerySet) -> None:
        look_at(request, rows)


@admin.register(HypervisorStatus)
class HypervisorStatusAdmin(ObservedAdmin):
    list_display = ("hypervisor", "observed_at", "seconds", "unreachable_since", "error", "version", "kvm")
    search_fields = ("hypervisor__name", "error")
    list_filter = ("kvm",)
