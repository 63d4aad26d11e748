"""The Django admin of VMs and images: definitions can be edited, observed values are read-only."""

from django.contrib import admin

from virterweb.hypervisors.admin import DesiredAdmin, ForOperators, ObservedAdmin, RevisionAdmin
from virterweb.hypervisors.desired.revisions import note_activity, record
from virterweb.people import rights
from virterweb.people.verbs import Verb

from .definition.events import Event, ImageEvent
from .models import (
    NIC,
    VM,
    AddressRound,
    ConsoleLog,
    Disk,
    GuestReport,
    GuestRun,
    Image,
    ImageStatus,
    NICAddress,
    NICStatus,
    NICTraffic,
    SSHCheck,
    VMRevision,
    VMStatus,
    Volume,
)


class NICInline(ForOperators, admin.TabularInline):
    """The NICs, read-only: they are changed on the VM's page, which shows a preview."""

    model = NIC
    extra = 0
    can_delete = False

    def has_add_permission(self, *args: object) -> bool:
        return False

    def has_change_permission(self, *args: object) -> bool:
        return False


@admin.register(VM)
class VMAdmin(DesiredAdmin):
    list_display = ("name", "hypervisor", "number", "image", "memory", "vcpus", "managed", "state_shown", "generation")
    list_filter = ("hypervisor", "managed", "image")
    search_fields = ("name", "number", "nics__mac", "nics__source")
    list_select_related = ("hypervisor", "status", "image")
    readonly_fields = (
        *("hypervisor", "name", "uuid", "number", "image", "memory", "vcpus", "boot_size", "ssh_user"),
        *("ssh_keys", "user_data", "vnc_port", "vnc_bind", "wait_ssh", "console_log", "console_dir"),
        *("managed", "generation", "removed_at", "created_at", "running", "forced", "host_key_public"),
    )
    inlines = (NICInline,)

    def get_exclude(self, request, obj: VM | None = None) -> tuple[str, ...]:
        """Return the user data for staff who may not see it: it may contain passwords."""
        return () if obj is None or rights.may(request.user, Verb.SECRETS, obj) else ("user_data",)

    def get_readonly_fields(self, request, obj: VM | None = None) -> tuple[str, ...]:
        return tuple(name for name in self.readonly_fields if name not in self.get_exclude(request, obj))

    def has_add_permission(self, request) -> bool:
        """Return False: VMs are created by the portal's form, which chooses MAC, UUID and host key."""
        return False

    def save_related(self, request, form, formsets: list, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        record(form.instance, Event.ADMIN, request.user)

    def has_change_permission(self, request, obj: VM | None = None) -> bool:
        """Return False for unmanaged VMs, which are only shown."""
        return super().has_change_permission(request, obj) and (obj is None or obj.managed)


@admin.register(VMRevision)
class VMRevisionAdmin(RevisionAdmin):
    pass


@admin.register(Image)
class ImageAdmin(DesiredAdmin):
    list_display = ("name", "hypervisor", "volume", "managed", "state_shown")
    list_filter = ("hypervisor", "managed")
    search_fields = ("name", "volume")
    list_select_related = ("hypervisor", "status")

    def save_related(self, request, form, formsets: list, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        note_activity(form.instance, ImageEvent.ADMIN, request.user)


@admin.register(NIC)
class NICAdmin(ObservedAdmin):
    list_display = ("mac", "vm", "position", "kind", "source", "model", "removed_at")
    list_filter = ("vm__hypervisor", "kind", "model")
    search_fields = ("mac", "source", "vm__name")


@admin.register(Disk)
class DiskAdmin(ObservedAdmin):
    list_display = ("name", "vm", "size", "format", "bus")
    list_filter = ("vm__hypervisor", "bus")
    search_fields = ("name", "vm__name")


@admin.register(VMStatus)
class VMStatusAdmin(ObservedAdmin):
    list_display = ("desired", "power", "present", "memory", "vcpus", "generation", "error", "drift", "observed_at")
    list_filter = ("desired__hypervisor", "power", "present")
    search_fields = ("desired__name", "error")
    list_select_related = ("desired",)


@admin.register(NICStatus)
class NICStatusAdmin(ObservedAdmin):
    list_display = ("mac", "vm", "position", "kind", "source", "model", "target", "link")
    list_filter = ("vm__desired__hypervisor", "kind", "model")
    search_fields = ("mac", "source", "target", "vm__desired__name")
    list_select_related = ("vm__desired",)


@admin.register(NICAddress)
class NICAddressAdmin(ObservedAdmin):
    list_display = ("ip", "mac", "vm", "source", "seen_at")
    list_filter = ("vm__desired__hypervisor", "source")
    search_fields = ("ip", "mac", "vm__desired__name")
    list_select_related = ("vm__desired",)


@admin.register(NICTraffic)
class NICTrafficAdmin(ObservedAdmin):
    list_display = ("mac", "vm", "at")
    search_fields = ("mac", "vm__desired__name")
    list_select_related = ("vm__desired",)


@admin.register(GuestReport)
class GuestReportAdmin(ObservedAdmin):
    list_display = ("vm", "since", "agent", "cloud_init", "errors", "refused", "asked_at")
    list_filter = ("vm__desired__hypervisor", "agent", "cloud_init")
    search_fields = ("vm__desired__name", "errors")
    list_select_related = ("vm__desired",)


@admin.register(ConsoleLog)
class ConsoleLogAdmin(ObservedAdmin):
    list_display = ("name", "hypervisor", "size", "read_at", "gone_at", "problem")
    list_filter = ("hypervisor",)
    search_fields = ("name", "text")


@admin.register(SSHCheck)
class SSHCheckAdmin(ObservedAdmin):
    list_display = ("vm", "since", "ready_at", "reason")
    list_select_related = ("vm",)


@admin.register(GuestRun)
class GuestRunAdmin(ObservedAdmin):
    list_display = ("vm", "asked_at", "done_at", "code")
    list_select_related = ("vm",)


@admin.register(AddressRound)
class AddressRoundAdmin(ObservedAdmin):
    list_display = ("hypervisor", "due_at")
    list_select_related = ("hypervisor",)


@admin.register(ImageStatus)
class ImageStatusAdmin(ObservedAdmin):
    list_display = ("desired", "generation", "sent", "error")
    list_filter = ("desired__hypervisor",)
    search_fields = ("desired__name", "error")


@admin.register(Volume)
class VolumeAdmin(ObservedAdmin):
    list_display = ("name", "hypervisor", "format", "capacity", "path")
    list_filter = ("hypervisor", "format")
    search_fields = ("name", "path")
