"""The Django admin of receivers of notifications, and the deliveries to them."""

from django.contrib import admin
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest

from virterweb.activity.choices import Kind
from virterweb.activity.models import Subject
from virterweb.hypervisors.admin import ForOperators, ObservedAdmin, RecordedAdmin

from .models import Delivery, Receiver


@admin.register(Receiver)
class ReceiverAdmin(ForOperators, RecordedAdmin):
    list_display = ("name", "url", "addresses", "only_failed", "active", "pending", "given_up")
    search_fields = ("name", "url", "addresses", "events")
    fields = ("name", "url", "secret", "addresses", "events", "only_failed", "active")

    def subject(self, row: Model) -> Subject:
        return Subject(kind=Kind.NOTIFICATION, name=row.name, object_id=row.pk)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Receiver]:
        waits = Q(deliveries__done_at=None, deliveries__given_up=False)
        counts = {"pending_count": waits, "given_up_count": Q(deliveries__given_up=True)}
        rows = super().get_queryset(request)
        return rows.annotate(**{name: Count("deliveries", filter=which) for name, which in counts.items()})

    @admin.display
    def pending(self, receiver: Receiver) -> int:
        return receiver.pending_count

    @admin.display(description="given up")
    def given_up(self, receiver: Receiver) -> int:
        return receiver.given_up_count


@admin.register(Delivery)
class DeliveryAdmin(ObservedAdmin):
    list_display = ("created_at", "receiver", "entry", "tries", "done_at", "given_up", "error")
    list_filter = ("receiver", "given_up")
    search_fields = ("receiver__name", "entry__name", "entry__event")
    list_select_related = ("receiver", "entry")
