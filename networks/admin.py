"""The Django admin of networks: wishes may be edited, what was observed is read-only."""

from django.contrib import admin

from virterweb.hypervisors.admin import ObservedAdmin, WishAdmin

from . import tasks
from .document_form import NetworkDocumentForm
from .models import DHCPHost, DHCPHostStatus, DNSAnswers, Lease, Network, NetworkStatus, Revision


class DHCPHostInline(admin.TabularInline):
    model = DHCPHost
    extra = 0


@admin.register(Network)
class NetworkAdmin(WishAdmin):
    """The wish as a whole: its XML holds all that the portal's form shows by field."""

    form = NetworkDocumentForm
    push_task = tasks.push
    list_display = ("name", "hypervisor", "owner", "on_drift", "managed", "state_shown", "generation")
    list_filter = ("hypervisor", "managed", "on_drift", "active", "autostart")
    search_fields = ("name", "status__domain", "status__bridge", "status__ip_range", "hosts__mac", "hosts__ip")
    list_select_related = ("hypervisor", "status", "owner")
    fields = ("hypervisor", "name", "document", "active", "autostart", "on_drift", "owner")
    inlines = (DHCPHostInline,)

    def get_readonly_fields(self, request, obj: Network | None = None) -> tuple[str, ...]:
        return ("hypervisor", "name") if obj else ()

    def has_change_permission(self, request, obj: Network | None = None) -> bool:
        """A foreign network is shown, not edited."""
        return super().has_change_permission(request, obj) and (obj is None or obj.managed)

    def save_related(self, request, form, formsets: list, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        form.instance.note("edited in the admin", request.user)


@admin.register(Revision)
class RevisionAdmin(ObservedAdmin):
    list_display = ("at", "network", "what", "by", "result", "seconds")
    list_filter = ("network__hypervisor",)
    search_fields = ("network__name", "what", "by__username", "document")
    list_select_related = ("network", "by")


@admin.register(DHCPHost)
class DHCPHostAdmin(ObservedAdmin):
    list_display = ("mac", "ip", "name", "network", "removed_at")
    list_filter = ("network__hypervisor",)
    search_fields = ("mac", "ip", "name", "network__name")


@admin.register(NetworkStatus)
class NetworkStatusAdmin(ObservedAdmin):
    list_display = ("wish", "present", "active", "ip_range", "bridge", "generation", "error", "drift", "observed_at")
    list_filter = ("wish__hypervisor", "present", "active")
    search_fields = ("wish__name", "ip_range", "bridge", "error")
    list_select_related = ("wish",)


@admin.register(Lease)
class LeaseAdmin(ObservedAdmin):
    list_display = ("ip", "mac", "hostname", "vm", "network_name", "first_seen", "last_seen", "expires_at")
    list_filter = ("hypervisor", ("last_seen", admin.EmptyFieldListFilter))
    search_fields = ("ip", "mac", "hostname", "vm", "network_name")


@admin.register(DHCPHostStatus)
class DHCPHostStatusAdmin(ObservedAdmin):
    list_display = ("mac", "ip", "name", "network")
    list_filter = ("network__hypervisor",)
    search_fields = ("mac", "ip", "name", "network__name")
    list_select_related = ("network",)


@admin.register(DNSAnswers)
class DNSAnswersAdmin(ObservedAdmin):
    list_display = ("network", "asked_at", "error")
    search_fields = ("network__name",)
    list_select_related = ("network",)
