"""The Django admin of networks: wishes may be edited, what was observed is read-only."""

from django.contrib import admin

from virterweb.hypervisors.admin import ObservedAdmin, WishAdmin

from . import tasks
from .models import DHCPHost, Lease, Network, NetworkStatus, Subnet


class SubnetInline(admin.TabularInline):
    model = Subnet
    extra = 0


class DHCPHostInline(admin.TabularInline):
    model = DHCPHost
    extra = 0


@admin.register(Network)
class NetworkAdmin(WishAdmin):
    push_task = tasks.push
    list_display = ("name", "hypervisor", "forward_mode", "domain", "managed", "state_shown", "generation")
    list_filter = ("hypervisor", "managed", "forward_mode")
    search_fields = ("name", "domain", "bridge", "subnets__cidr", "hosts__mac", "hosts__ip")
    list_select_related = ("hypervisor", "status")
    readonly_fields = ("uuid", "managed", "generation", "removed_at", "created_at", "document")
    inlines = (SubnetInline, DHCPHostInline)

    def has_change_permission(self, request, obj: Network | None = None) -> bool:
        """A foreign network is shown, not edited."""
        return super().has_change_permission(request, obj) and (obj is None or obj.managed)


@admin.register(Subnet)
class SubnetAdmin(ObservedAdmin):
    list_display = ("cidr", "network", "dhcp_start", "dhcp_end")
    list_filter = ("network__hypervisor",)
    search_fields = ("cidr", "network__name")


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
    list_display = ("ip", "mac", "hostname", "network", "expires_at")
    list_filter = ("network__hypervisor",)
    search_fields = ("ip", "mac", "hostname", "network__name")
    list_select_related = ("network",)
