"""Definitions in the admin: as the portal has stored them. They are edited on their pages, which show a preview."""

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from networks.models import Network
from virterweb.activity.models import Subject
from virterweb.hypervisors.models import Hypervisor
from virterweb.people.known import Known
from vms.images.catalogue.form import CatalogueEntryForm
from vms.models import VM, CatalogueEntry, Image

from .access import ForOperatorsOfAll, HypervisorFilter, OnHypervisors, Page
from .hypervisors.admin import request_polls
from .recorded import Recorded
from .site import site

LIFECYCLE = ("managed", "owner", "team", "generation", "created_at", "removed_at")


class DefinitionAdmin(OnHypervisors, Page):
    """Base of the admins of definitions: shown as they are stored, with links to the pages on which they are edited."""

    change_form_template = "admin/definition.html"
    actions = ("request_poll",)
    list_select_related = ("hypervisor", "status", "owner", "team")
    list_filter = (("hypervisor", HypervisorFilter), "managed")

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return _known(request, self.list_display)

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[tuple]:
        return [(title, {"fields": _known(request, about["fields"])}) for title, about in self.fieldsets]

    def view_on_site(self, obj: Model) -> str:
        return obj.get_absolute_url()

    @admin.display(description="state")
    def state_shown(self, desired: Model) -> str:
        return desired.state.words

    @admin.action(description="Poll the hypervisors of the selected rows", permissions=["view"])
    def request_poll(self, request: HttpRequest, rows: QuerySet) -> None:
        request_polls(request, Hypervisor.objects.filter(pk__in=rows.values("hypervisor")))


def _known(request: HttpRequest, names: tuple[str, ...]) -> tuple[str, ...]:
    """Leave out the team as long as there is a single one: nobody sees anything of teams then."""
    return names if Known(request.user).several else tuple(name for name in names if name != "team")


@admin.register(Network, site=site)
class NetworkAdmin(DefinitionAdmin):
    list_display = ("name", "hypervisor", "state_shown", "managed", "owner", "team", "on_drift", "generation")
    search_fields = ("name", "status__domain", "status__bridge", "status__ip_range", "hosts__mac", "hosts__ip")
    fieldsets = (
        (None, {"fields": ("name", "hypervisor", "uuid", "active", "autostart", "on_drift", "document")}),
        ("Ownership and lifecycle", {"fields": LIFECYCLE}),
    )


@admin.register(VM, site=site)
class VMAdmin(DefinitionAdmin):
    list_display = ("name", "hypervisor", "number", "state_shown", "managed", "owner", "team", "image", "generation")
    list_select_related = (*DefinitionAdmin.list_select_related, "image")
    search_fields = ("name", "number", "nics__mac", "nics__source")
    fieldsets = (
        (None, {"fields": ("name", "hypervisor", "uuid", "number", "image", "memory", "vcpus", "boot_size")}),
        ("Guest", {"fields": ("ssh_user", "ssh_keys", "host_key_public", "user_data", "guest_network", "wait_ssh")}),
        ("Console", {"fields": ("vnc_port", "vnc_bind", "console_log", "console_dir")}),
        ("Ownership and lifecycle", {"fields": ("running", "power_verb", "autostart", *LIFECYCLE)}),
    )


@admin.register(Image, site=site)
class ImageAdmin(DefinitionAdmin):
    list_display = ("name", "hypervisor", "volume", "state_shown", "managed", "owner", "team")
    search_fields = ("name", "volume")
    fieldsets = ((None, {"fields": ("name", "hypervisor", "volume", "size", "url", "checksum", *LIFECYCLE)}),)


@admin.register(CatalogueEntry, site=site)
class CatalogueEntryAdmin(ForOperatorsOfAll, Recorded, Page):
    heading = "Image catalogue"
    form = CatalogueEntryForm
    list_display = ("name", "url", "checksum", "note")
    search_fields = ("name", "url", "note")

    def subject(self, row: CatalogueEntry) -> Subject:
        return row.subject
