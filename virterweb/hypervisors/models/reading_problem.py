"""What the last poll of a hypervisor could not read."""

from collections.abc import Iterable
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from virterweb.message_field import MessageField

from .hypervisor import Hypervisor


class ReadingProblemQuerySet(models.QuerySet):
    def about(self, key: str, name: str, parts: Iterable[str]) -> Self:
        """Return the problems of one object by its key, and of its parts of these kinds."""
        return self.filter(Q(key=key) | Q(within=name, kind__in=parts))


class ReadingProblem(models.Model):
    """A part of a hypervisor that the last poll could not read or record; deleted when it can be read again."""

    class Kind(models.TextChoices):
        """What is read at a time; the label says what cannot be read, `within` a network, pool or VM."""

        NETWORK = "network", "network {name}"
        RESERVATION = "reservation", "DHCP reservation {name} of network {within}"
        LEASES = "leases", "DHCP leases of network {within}"
        LEASE = "lease", "DHCP lease {name} of network {within}"
        VM = "VM", "VM {name}"
        NIC = "NIC", "NIC {name} of VM {within}"
        TRAFFIC = "traffic", "traffic of NIC {name}"
        ADDRESSES = "addresses", "addresses of VM {name}"
        SEED = "seed", "cloud-init data of VM {name}"
        POOL = "pool", "pool {within}"
        VOLUME = "volume", "volume {name} in pool {within}"
        PART = "part", "part of the poll: {name}"

    hypervisor = models.ForeignKey(Hypervisor, on_delete=models.CASCADE, related_name="reading_problems")
    kind = models.CharField("type of object", max_length=20, choices=Kind)
    within = models.TextField("part of", blank=True)
    key = models.TextField(blank=True, help_text="identifies the object among those of its kind")
    name = models.TextField(blank=True)
    reason = MessageField(help_text="the end of a sentence")
    detail = models.TextField("libvirt error message", blank=True)
    since = models.DateTimeField(default=timezone.now)

    objects = ReadingProblemQuerySet.as_manager()

    class Meta:
        verbose_name = "unreadable object"
        ordering = ["kind", "within", "name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["hypervisor", "kind", "within", "key"], name="reading_problem_once")
        ]

    def __str__(self) -> str:
        return f"{self.subject} cannot be read: {self.reason}"

    @property
    def subject(self) -> str:
        """Return what cannot be read, as the beginning of a sentence."""
        text = self.Kind(self.kind).label.format(name=self.name, within=self.within)
        return text[:1].upper() + text[1:]
