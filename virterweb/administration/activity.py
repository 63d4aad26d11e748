"""The activity log, and receivers of its entries, in the admin."""

from collections.abc import Iterable
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from virterweb.activity.choices import Kind
from virterweb.activity.models import Entry, Subject
from virterweb.notifications.models import Delivery, Receiver

from .access import ForOperatorsOfAll, Page, ReadOnly
from .recorded import Recorded
from .site import site


@admin.register(Entry, site=site)
class EntryAdmin(ReadOnly, ForOperatorsOfAll, Page):
    heading = "Activity log"
    list_display = ("at", "who", "via", "address", "kind", "hypervisor", "name", "what", "result")
    list_filter = ("kind", "via", "result")
    search_fields = ("who", "name", "hypervisor", "event", "address", "request")


@admin.register(Receiver, site=site)
class ReceiverAdmin(ForOperatorsOfAll, Recorded, Page):
    heading = "Notifications"
    list_display = ("name", "url", "addresses", "only_failed", "active", "deliveries")
    search_fields = ("name", "url", "addresses", "events")
    fields = ("name", "url", "secret", "addresses", "events", "only_failed", "active")

    def subject(self, row: Model) -> Subject:
        return Subject(kind=Kind.NOTIFICATION, name=row.name, object_id=row.pk)

    def get_deleted_objects(self, objs: Iterable[Receiver], request: HttpRequest) -> tuple:
        """Let the deliveries be deleted with their receiver, although they cannot be deleted separately."""
        shown, counts, _, protected = super().get_deleted_objects(objs, request)
        return shown, counts, set(), protected

    def get_queryset(self, request: HttpRequest) -> QuerySet[Receiver]:
        waits = Q(deliveries__done_at=None, deliveries__given_up=False)
        counts = {"pending_count": waits, "given_up_count": Q(deliveries__given_up=True)}
        rows = super().get_queryset(request)
        return rows.annotate(**{name: Count("deliveries", filter=which) for name, which in counts.items()})

    @admin.display(description="deliveries")
    def deliveries(self, receiver: Receiver) -> SafeString:
        query = urlencode({"receiver__id__exact": receiver.pk, "done_at__isnull": 1})
        shown = f"{receiver.pending_count} pending, {receiver.given_up_count} given up"
        return format_html('<a href="{}?{}">{}</a>', reverse("admin:notifications_delivery_changelist"), query, shown)


@admin.register(Delivery, site=site)
class DeliveryAdmin(ReadOnly, ForOperatorsOfAll, Page):
    list_display = ("created_at", "receiver", "entry", "tries", "done_at", "given_up", "error")
    list_filter = ("receiver", "given_up")
    search_fields = ("receiver__name", "entry__name", "entry__event")
    list_select_related = ("receiver", "entry")
