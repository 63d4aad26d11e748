"""Hypervisors in the Admin: settings, connection test and deletion."""

from collections.abc import Iterable
from http import HTTPStatus

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Field, QuerySet
from django.forms import Field as FormField
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST, require_safe

from virterweb.activity.choices import Kind
from virterweb.activity.models import Entry, Subject
from virterweb.administration.access import Page, Plain
from virterweb.administration.recorded import Recorded
from virterweb.administration.site import site
from virterweb.enqueue import LOOK, enqueue
from virterweb.hypervisors.claims.clock import database_time
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus
from virterweb.pages.ssh_key_field import SSHKeysField, SSHKeysInput
from virterweb.people import rights

from .forgetting import forgotten, kept

CONNECTION = ("name", "uri")
SOURCES = ("image_sources",)
#: other machines can be reached by these: only operators of all hypervisors change them
OF_ALL = (*CONNECTION, *SOURCES)


def request_polls(request: HttpRequest, hypervisors: Iterable[Hypervisor]) -> None:
    for hypervisor in hypervisors:
        hypervisor.request_poll()
        enqueue(LOOK, hypervisor.pk)
    messages.success(request, f"Polling {', '.join(str(one) for one in hypervisors)}.")


def is_being_tested(status: HypervisorStatus) -> bool:
    """Return whether a poll was requested that has not ended."""
    if status.asked_at is None:
        return False
    if status.began_at is None or status.began_at < status.asked_at:
        return True
    return bool(status.claimed_by and status.claimed_until and status.claimed_until > database_time())


@admin.register(Hypervisor, site=site)
class HypervisorAdmin(Plain, Recorded, Page):
    list_display = ("name", "uri", "state", "host_name", "version", "acceleration", "pool", "access_network")
    search_fields = ("name", "uri", "status__host_name")
    list_select_related = ("status",)
    actions = ("request_poll",)
    delete_confirmation_template = "admin/hypervisors/hypervisor/delete_confirmation.html"
    fieldsets = (
        ("Connection", {"fields": (*CONNECTION, "ssh_host")}),
        ("Storage and networks", {"fields": ("pool", "access_network", "static_dhcp", "dnsmasq_options", *SOURCES)}),
        ("VMs", {"fields": ("domain_type", "guest_network", "ssh_keys", "disk_cache", "shutdown_timeout")}),
        ("After a restart, and history", {"fields": ("after_restart", "history_days", "console_days")}),
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        return rights.operates_any(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Hypervisor | None = None) -> bool:
        return rights.is_operator(request.user, obj) if obj else rights.operates_any(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Hypervisor | None = None) -> bool:
        return self.has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return rights.is_operator(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: Hypervisor | None = None) -> bool:
        return rights.is_operator(request.user)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Hypervisor]:
        return rights.operated_hypervisors(request.user)

    def get_readonly_fields(self, request: HttpRequest, obj: Hypervisor | None = None) -> tuple[str, ...]:
        return () if rights.is_operator(request.user) else OF_ALL

    def get_actions(self, request: HttpRequest) -> dict[str, tuple]:
        """Leave out the deletion of several at once: each asks for its name."""
        return {name: found for name, found in super().get_actions(request).items() if name != "delete_selected"}

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **options: object) -> FormField | None:
        if db_field.name == "ssh_keys":
            options = {"form_class": SSHKeysField, "widget": SSHKeysInput()}
        return super().formfield_for_dbfield(db_field, request, **options)

    def subject(self, row: Hypervisor) -> Subject:
        return Subject(kind=Kind.HYPERVISOR, hypervisor=row.name, hypervisor_id=row.pk)

    # connection test

    def get_urls(self) -> list[URLPattern]:
        pages = (("test", require_POST(self.test)), ("connection", require_safe(self.connection)))
        own = [
            path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"hypervisors_hypervisor_{name}")
            for name, view in pages
        ]
        return own + super().get_urls()

    def test(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Have a worker poll a hypervisor; its page shows the result."""
        hypervisor = get_object_or_404(self.get_queryset(request), pk=pk)
        hypervisor.request_poll()
        enqueue(LOOK, hypervisor.pk)
        return redirect("admin:hypervisors_hypervisor_change", hypervisor.pk)

    def connection(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Serve the fragment with the result of the last poll."""
        hypervisor = get_object_or_404(self.get_queryset(request).select_related("status"), pk=pk)
        return render(request, "admin/hypervisors/hypervisor/_connection.html", _connection_of(hypervisor))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        hypervisor = self.get_object(request, object_id)
        return super().change_view(request, object_id, form_url, _connection_of(hypervisor) if hypervisor else None)

    # deletion

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict | None = None) -> HttpResponse:
        """Delete a hypervisor if its name was typed; otherwise show what is deleted and what stays."""
        hypervisor = self.get_object(request, object_id)
        if not self.has_delete_permission(request, hypervisor):
            raise PermissionDenied(rights.ONLY_OPERATORS)
        typed = request.POST.get("typed", "")
        wrong = request.method == "POST" and hypervisor is not None and typed != hypervisor.name
        if wrong:
            request.POST = QueryDict()  # which Django takes for the question, not for the answer
        facts = {"forgotten": forgotten(hypervisor), "kept": kept(hypervisor)} if hypervisor else {}
        answer = super().delete_view(request, object_id, facts | {"wrong": wrong, "typed": typed})
        if wrong:
            answer.status_code = HTTPStatus.UNPROCESSABLE_ENTITY
        return answer

    def log_deletions(self, request: HttpRequest, queryset: Iterable[Hypervisor]) -> object:
        for hypervisor in queryset:
            Entry.objects.abandon(hypervisor.pk)
        return super().log_deletions(request, queryset)

    def get_deleted_objects(self, objs: Iterable[Hypervisor], request: HttpRequest) -> tuple:
        """Return only the hypervisors: what is deleted with them cannot be deleted separately, see `forgotten`."""
        return [str(each) for each in objs], {}, set(), []

    # the list

    @admin.display
    def state(self, hypervisor: Hypervisor) -> str:
        if hypervisor.status.error:
            return str(hypervisor.status.error)
        return "reachable" if hypervisor.status.observed_at else "not polled yet"

    @admin.display
    def host_name(self, hypervisor: Hypervisor) -> str:
        return hypervisor.status.host_name

    @admin.display(description="version of libvirt")
    def version(self, hypervisor: Hypervisor) -> str:
        return hypervisor.status.version.removeprefix("libvirt ")

    @admin.display
    def acceleration(self, hypervisor: Hypervisor) -> str:
        return hypervisor.status.acceleration

    @admin.action(description="Test connections", permissions=["change"])
    def request_poll(self, request: HttpRequest, rows: QuerySet) -> None:
        request_polls(request, rows)


def _connection_of(hypervisor: Hypervisor) -> dict[str, object]:
    return {"hypervisor": hypervisor, "testing": is_being_tested(hypervisor.status)}
