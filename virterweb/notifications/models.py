"""Receivers of notifications, and the deliveries to them."""

import secrets
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models
from django.utils import timezone

from virterweb.activity.models import Entry
from virterweb.hypervisors.claims.due import Due
from virterweb.message_field import MessageField

from .events import validate_patterns


def validate_url(text: str) -> None:
    """Raise ValidationError unless a URL can receive a webhook."""
    try:
        url = urlsplit(text)
        usable = url.scheme in ("http", "https") and url.hostname and (url.port is None or url.port)
    except ValueError:
        usable = False
    if not usable or not text.isprintable() or " " in text:
        raise ValidationError("Enter an address that begins with http:// or https://.")
    if url.username or url.password:
        raise ValidationError("Enter the address without a user name and password. Requests are signed instead.")


def validate_addresses(text: str) -> None:
    for address in text.split():
        validate_email(address)


def new_secret() -> str:
    return secrets.token_urlsafe(32)


class Receiver(Due):
    """Somebody who is told about chosen events, by webhook or by e-mail. A worker takes it up every few seconds."""

    name = models.CharField(unique=True)
    url = models.CharField(
        "webhook URL", blank=True, validators=[validate_url], help_text="http:// or https://; entries are sent by POST"
    )
    secret = models.CharField(
        blank=True, default=new_secret, help_text="key of the signature (HMAC-SHA256) of webhook requests"
    )
    addresses = models.TextField(
        "e-mail addresses", blank=True, validators=[validate_addresses], help_text="separated by spaces or lines"
    )
    events = models.TextField(
        blank=True,
        validators=[validate_patterns],
        help_text="patterns of kind and event, one a line: “VM deleted”, “sign-in *”; empty: all events",
    )
    only_failed = models.BooleanField("only failures", default=False, help_text="only what has failed or was refused")
    active = models.BooleanField(default=True, help_text="if not, nothing is sent")
    after = models.PositiveBigIntegerField(default=0, editable=False, help_text="entries up to this ID are not sent")

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if bool(self.url) == bool(self.addresses.strip()):
            raise ValidationError("Enter either a webhook URL or e-mail addresses.")
        if self.url and not self.secret:
            raise ValidationError({"secret": "Enter a key, for example the output of “openssl rand -hex 32”."})
        if self.addresses.strip() and not settings.EMAIL_HOST:
            raise ValidationError({"addresses": "E-mail is not set up. Set VIRTERWEB_SMTP_URL for the portal."})

    def save(self, *args: object, **options: object) -> None:
        """Save it; a new receiver, or one that becomes active, gets the entries from then on."""
        was_active = type(self).objects.filter(pk=self.pk, active=True).exists()
        if self.active and not was_active:
            self.after = Entry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        super().save(*args, **options)


class Delivery(models.Model):
    """An entry on its way to a receiver."""

    receiver = models.ForeignKey(Receiver, on_delete=models.CASCADE, related_name="deliveries")
    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField("next attempt at", default=timezone.now)
    tries = models.PositiveIntegerField("attempts", default=0)
    done_at = models.DateTimeField("delivered at", null=True)
    given_up = models.BooleanField(default=False)
    error = MessageField(blank=True, help_text="why the last attempt failed")

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["receiver", "entry"], name="delivery_once")]
        indexes = [
            models.Index(
                fields=["receiver", "due_at"], condition=models.Q(done_at=None, given_up=False), name="delivery_pending"
            )
        ]

    def __str__(self) -> str:
        return f"{self.entry} → {self.receiver}"
