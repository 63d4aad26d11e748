"""What a worker does for a receiver every few seconds: it notes new entries, and sends those that are due."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from virterweb.activity.choices import Result
from virterweb.activity.models import Entry
from virterweb.hypervisors.claims.clock import Now
from virterweb.hypervisors.claims.due import DueQuerySet
from virterweb.messages import Message

from . import mail, webhook
from .events import chosen
from .models import Delivery, Receiver
from .webhook import NotSent

log = logging.getLogger(__name__)

INTERVAL = timedelta(seconds=5)
MAIL_INTERVAL = timedelta(seconds=60)  # what happens within it is one e-mail
NOTICED = timedelta(days=2)  # after which a change that is concluded causes no notification
KEPT = timedelta(days=7)  # for which deliveries are kept; longer than the time above, or they would be repeated
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=10), timedelta(hours=1)
GIVEN_UP_AFTER = timedelta(days=1)
AT_ONCE = 50  # deliveries to a receiver in one round


def due_receivers() -> DueQuerySet:
    return Receiver.objects.due().filter(active=True)


def serve(pk: int) -> None:
    """Note and send what a receiver is to get, unless another worker does."""
    with due_receivers().filter(pk=pk).claim() as receiver:
        if receiver:
            note(receiver)
            send(receiver)
            interval = INTERVAL if receiver.url else MAIL_INTERVAL
            Receiver.objects.filter(pk=pk).update(due_at=Now() + interval)


def note(receiver: Receiver) -> None:
    """Create the deliveries of new entries, each when its result is known; delete old ones."""
    now = timezone.now()
    receiver.deliveries.filter(created_at__lt=now - KEPT).delete()
    known = Delivery.objects.filter(receiver=receiver, entry=OuterRef("pk")).order_by()
    entries = Entry.objects.filter(chosen(receiver.events), ~Exists(known), pk__gt=receiver.after)
    entries = entries.filter(at__gt=now - NOTICED).exclude(result="")
    if receiver.only_failed:
        entries = entries.filter(result=Result.FAILED)
    new = [Delivery(receiver=receiver, entry_id=key) for key in entries.order_by("pk").values_list("pk", flat=True)]
    Delivery.objects.bulk_create(new, ignore_conflicts=True, batch_size=500)


def pending(receiver: Receiver) -> QuerySet[Delivery]:
    return receiver.deliveries.filter(done_at=None, given_up=False)


def send(receiver: Receiver) -> None:
    """Send what is due, the oldest first; an unreachable server is not tried again in the same round."""
    due = pending(receiver).filter(due_at__lte=timezone.now())
    rows = list(due.select_related("entry").order_by("pk")[:AT_ONCE])
    for group in [[row] for row in rows] if receiver.url else [rows] if rows else []:
        try:
            _send(receiver, group)
        except NotSent as problem:
            log.warning("notification to %s: %s", receiver, problem)
            _postpone(group, problem.message)
            if problem.unreachable:
                break
        else:
            Delivery.objects.filter(pk__in=[row.pk for row in group]).update(done_at=timezone.now(), error="")


def _send(receiver: Receiver, rows: Sequence[Delivery]) -> None:
    if receiver.url:
        for row in rows:
            webhook.post(receiver.url, receiver.secret, row.pk, row.entry)
    else:
        mail.send(receiver.addresses.split(), [row.entry for row in rows])


def _postpone(rows: Sequence[Delivery], reason: Message) -> None:
    """Have deliveries tried again after a pause that doubles each time; give up those that are a day old."""
    now = timezone.now()
    for row in rows:
        row.tries += 1
        row.given_up = now - row.created_at >= GIVEN_UP_AFTER
        row.error = Message("notification.given_up", reason=reason) if row.given_up else reason
        row.due_at = now + min(FIRST_PAUSE * 2 ** min(row.tries - 1, 10), LONGEST_PAUSE)
    Delivery.objects.bulk_update(rows, ("tries", "given_up", "error", "due_at"))
