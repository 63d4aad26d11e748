"""The Django admin of networks: desired configurations may be edited, what was observed is read-only."""

from django.contrib import admin

from networks.definition.events import Event
from networks.xml_editor.form import HostEntryRowForm, NetworkDocumentForm
from virterweb.hypervisors.admin import DesiredAdmin, ForOperators, ObservedAdmin, RevisionAdmin

from .models import DHCPHost, DHCPHostStatus, DNSAnswers, Lease, Network, NetworkRevision, NetworkStatus

MAX_ROWS = 80  # of a form: Django takes no more than 1000 fields


class DHCPHostInline(ForOperators, admin.TabularInline):
    model = DHCPHost
    form = HostEntryRowForm
    extra = 0


@admin.register(Network)
class NetworkAdmin(DesiredAdmin):
    """The desired configuration as a whole: its XML holds everything that the form of the portal shows by field."""

    form = NetworkDocumentForm
    list_display = ("name", "hypervisor", "owner", "on_drift", "managed", "state_shown", "generation")
    list_filter = ("hypervisor", "managed", "on_drift", "active", "autostart")
    search_fields = ("name", "status__domain", "status__bridge", "status__ip_range", "hosts__mac", "hosts__ip")
    list_select_related = ("hypervisor", "status", "owner")
    fields = ("hypervisor", "name", "document", "active", "autostart", "on_drift", "owner")
    inlines = (DHCPHostInline,)

    def get_readonly_fields(self, request, obj: Network | None = None) -> tuple[str, ...]:
        return ("hypervisor", "name") if obj else ()

    def has_change_permission(self, request, obj: Network | None = None) -> bool:
        """Return whether it can be edited: an unmanaged network is only shown."""
        return super().has_change_permission(request, obj) and (obj is None or obj.managed)

    def get_inlines(self, request, obj: Network | None) -> tuple[type[DHCPHostInline], ...]:
        """Leave out the reservations of a network with very many: its page and the XML view change those."""
        return () if obj and obj.hosts.count() > MAX_ROWS else self.inlines

    def save_related(self, request, form, formsets: list, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        form.instance.note(Event.ADMIN, request.user)


@admin.register(NetworkRevision)
class NetworkRevisionAdmin(RevisionAdmin):
    pass


@admin.register(DHCPHost)
class DHCPHostAdmin(ObservedAdmin):
    list_display = ("mac", "ip", "name", "network", "removed_at")
    list_filter = ("network__hypervisor",)
    search_fields = ("mac", "ip", "name", "network__name")


@admin.register(NetworkStatus)
class NetworkStatusAdmin(ObservedAdmin):
    list_display = (
        "desired",
        "present",
        "active",
        "ip_range",
        "bridge",
        "generation",
        "error",
        "drift_shown",
        "observed_at",
    )
    list_filter = ("desired__hypervisor", "present", "active")
    search_fields = ("desired__name", "ip_range", "bridge", "error")
    list_select_related = ("desired",)

    @admin.display(description="drift")
    def drift_shown(self, status: NetworkStatus) -> str:
        return status.drift_text


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
