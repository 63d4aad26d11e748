"""Tokens, by which programs act for a user."""

import hashlib
import secrets
from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Model, Q
from django.db.models.signals import pre_delete
from django.dispatch import receiver
from django.utils import timezone

from virterweb.hypervisors.models import Hypervisor
from virterweb.people.verbs import Verb, verbs_of

from .team import Team

PREFIX = "virterweb_"  # by which scanners for secrets find tokens
NOTED = timedelta(minutes=1)  # the last use is recorded again only after that


class TokenQuerySet(models.QuerySet):
    def valid(self) -> Self:
        """Return those that have not ended, and whose user is active."""
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=timezone.now()), user__is_active=True)


class Token(models.Model):
    """A secret by which a program may do a part of what its user may do; only a digest of it is stored."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=60)
    digest = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of the secret")
    verbs = models.JSONField(default=list, help_text="the codes of what it allows")
    hypervisors = models.ManyToManyField(Hypervisor, blank=True, related_name="+", help_text="empty: all")
    teams = models.ManyToManyField(Team, blank=True, related_name="+", help_text="empty: all of the user")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ends_at = models.DateTimeField(null=True, blank=True, help_text="empty: never")
    used_at = models.DateTimeField("last used at", null=True, editable=False)

    objects = TokenQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="token_name_once_a_user")]

    def __str__(self) -> str:
        return self.name

    def make_secret(self) -> str:
        """Return a new secret, which is not stored, and remember its digest."""
        secret = PREFIX + secrets.token_urlsafe(32)
        self.digest = digest_of(secret)
        return secret

    @classmethod
    def find(cls, secret: str) -> Self | None:
        """Return the valid token with this secret, with its user."""
        return cls.objects.valid().select_related("user").filter(digest=digest_of(secret)).first()

    def note_use(self) -> None:
        if self.used_at is None or timezone.now() - self.used_at > NOTED:
            type(self).objects.filter(pk=self.pk).update(used_at=timezone.now())

    @property
    def allowed(self) -> frozenset[Verb]:
        return verbs_of(self.verbs)

    @property
    def has_ended(self) -> bool:
        return self.ends_at is not None and self.ends_at <= timezone.now()


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@receiver(pre_delete, sender=Hypervisor)
@receiver(pre_delete, sender=Team)
def end_tokens(instance: Model, **options: object) -> None:
    """Delete the tokens that are limited to this hypervisor or team: they would be limited to nothing instead."""
    limited = Q(hypervisors=instance.pk) if isinstance(instance, Hypervisor) else Q(teams=instance.pk)
    Token.objects.filter(limited).delete()
