"""The history of a network: each desired configuration, its author and its result."""

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property

from networks.definition import wording
from networks.definition.document.compare import Difference, differences
from networks.definition.document.edit import build
from networks.definition.document.leaves import Field
from networks.definition.spec import NetworkSpec
from virterweb.message_field import MessageField


class Revision(models.Model):
    """A desired configuration from `at` on: the whole document, its author and its result."""

    class Result(models.TextChoices):
        DONE = "done"
        FAILED = "failed"

    network = models.ForeignKey("Network", on_delete=models.CASCADE, related_name="revisions")
    generation = models.PositiveIntegerField()
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    event = models.CharField(help_text="what changed it")
    about = models.JSONField(default=dict, help_text="the event's parameters")
    document = models.TextField()
    active = models.BooleanField(default=True)
    autostart = models.BooleanField(default=True)
    plan = models.JSONField(default=list, help_text="the steps that were carried out")
    result = models.CharField(blank=True, choices=Result, help_text="empty while it is in progress")
    error = MessageField(blank=True, help_text="why it failed, in a sentence")
    seconds = models.FloatField(null=True, help_text="how many seconds applying it took")

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.network}: {self.what}"

    def get_absolute_url(self) -> str:
        return reverse("networks:revision", args=[self.network.hypervisor.name, self.network.name, self.pk])

    @property
    def what(self) -> str:
        """Return what changed the network, in words."""
        return wording.event(self.event, self.about)

    @property
    def steps(self) -> list[str]:
        """Return the steps that were done, in words; those of an earlier version were stored as such."""
        return [step if isinstance(step, str) else wording.step(step) for step in self.plan]

    @cached_property
    def previous(self) -> "Revision | None":
        return self.network.revisions.filter(pk__lt=self.pk).first()

    @cached_property
    def changes(self) -> tuple[Difference, ...]:
        """Return what it changed, field by field; all fields of the first revision."""
        before = self.previous
        bare = build(NetworkSpec(name=self.network.name, uuid=self.network.uuid_text))
        found = differences(self.document, before.document if before else bare)
        flags = ((name, _yes(getattr(self, name)), _yes(getattr(before or self, name))) for name in FLAGS)
        more = (
            Difference(field=Field(f"@{name}"), wanted=now, found=was, listed=False)
            for name, now, was in flags
            if now != was
        )
        return (*found, *more)


FLAGS = ("active", "autostart")


def _yes(value: bool) -> str:
    return "yes" if value else "no"
