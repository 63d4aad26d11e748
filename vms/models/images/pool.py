"""The model of storage pools."""

from dataclasses import dataclass
from typing import Self

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.urls import reverse
from django.utils.functional import cached_property

from virterweb.hypervisors.claims.clock import database_time
from virterweb.hypervisors.claims.due import Due, DueQuerySet
from virterweb.hypervisors.gateway.found import POOLS_OF_FILES
from virterweb.hypervisors.models import Hypervisor, ReadingProblem
from virterweb.message_field import MessageField
from virterweb.pages.sizes import size_text


@dataclass(frozen=True, kw_only=True)
class Totals:
    """How many volumes a pool has, and the sum of their capacities in bytes."""

    count: int = 0
    capacity: int = 0

    @property
    def size(self) -> str:
        """Return the sum as text, in GiB or MiB."""
        return size_text(self.capacity)


CODED = "~"  # before a name in hexadecimal digits


def name_in(key: str) -> str | None:
    """Return the name of the pool that a URL identifies by this key; None if the key is malformed.

    A name that would change the path of the URL, such as “..”, is written as its bytes in hexadecimal digits.
    """
    if not key.startswith(CODED):
        return key
    try:
        return bytes.fromhex(key.removeprefix(CODED)).decode()
    except ValueError:
        return None


class PoolQuerySet(DueQuerySet):
    def available(self) -> Self:
        """Return those that are active, on hypervisors that can be reached."""
        return self.filter(active=True, gone_at=None, hypervisor__status__unreachable_since=None)

    def readable(self) -> Self:
        """Return those whose volumes can be read now."""
        of_pool = {"hypervisor": OuterRef("hypervisor"), "within": OuterRef("name")}
        unread = ReadingProblem.objects.filter(kind=ReadingProblem.Kind.POOL, **of_pool)
        return self.available().filter(~Exists(unread), problem="")

    def to_read(self) -> Self:
        """Return those whose volumes are due to be read: what polls do not read, and what somebody asked to refresh."""
        others = Q(active=True, gone_at=None) & ~Q(name=F("hypervisor__pool"))
        wanted = others | ~Q(refresh_asked_at=None)
        return self.due().filter(wanted, hypervisor__status__unreachable_since=None).order_by("due_at", "pk")


class StoragePool(Due):
    """A storage pool of a hypervisor, as it was last found; requests write only `refresh_asked_at`.

    Polls read the volumes of the pool for images and VMs; workers read those of the others.
    """

    hypervisor = models.ForeignKey(Hypervisor, on_delete=models.CASCADE, related_name="pools")
    name = models.CharField()
    kind = models.CharField("type", blank=True, help_text="such as dir or logical")
    active = models.BooleanField(default=False)
    capacity = models.PositiveBigIntegerField(default=0, help_text="bytes")
    allocation = models.PositiveBigIntegerField(default=0, help_text="bytes")
    available = models.PositiveBigIntegerField(default=0, help_text="bytes")
    seen_at = models.DateTimeField("state read at", null=True)
    read_at = models.DateTimeField("volumes read at", null=True)
    refresh_asked_at = models.DateTimeField("refresh requested at", null=True)
    problem = MessageField(blank=True, help_text="why its volumes could not be read")
    gone_at = models.DateTimeField("missing since", null=True, help_text="since when libvirt does not have it")

    objects = PoolQuerySet.as_manager()

    class Meta:
        ordering = ["hypervisor", "name"]
        constraints = [models.UniqueConstraint(fields=["hypervisor", "name"], name="pool_once_a_hypervisor")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("vms:pool", args=[self.hypervisor.name, self.key])

    @property
    def key(self) -> str:
        """Return its name as URLs have it: see `name_in`."""
        plain = self.name not in ("", ".", "..") and "/" not in self.name and not self.name.startswith(CODED)
        return self.name if plain else CODED + self.name.encode().hex()

    @property
    def is_default(self) -> bool:
        """Return whether it is the pool for images and VMs."""
        return self.name == self.hypervisor.pool

    @property
    def can_tell_unused(self) -> bool:
        """Return whether the portal can tell which volumes nothing uses: devices have paths that it does not know."""
        return self.is_default or self.kind in POOLS_OF_FILES

    @property
    def state(self) -> str:
        """Return its state in a word."""
        return "missing" if self.gone_at else "active" if self.active else "inactive"

    @cached_property
    def totals(self) -> Totals:
        """Return the totals of its volumes; `with_totals` reads those of many pools at once."""
        return self.volumes.totals().get(self.pk, Totals())

    @property
    def percent_committed(self) -> int | None:
        """Return what its volumes may take together, as a percentage of its capacity; None if that is unknown."""
        return 100 * self.totals.capacity // self.capacity if self.capacity else None

    @property
    def is_overcommitted(self) -> bool:
        return bool(self.capacity) and self.totals.capacity > self.capacity

    @property
    def sizes(self) -> dict[str, str]:
        """Return capacity, allocation, available and committed bytes as texts."""
        known = {"capacity": self.capacity, "allocation": self.allocation, "available": self.available}
        return {key: size_text(size) for key, size in (known | {"committed": self.totals.capacity}).items()}

    def request_refresh(self) -> None:
        """Have a worker refresh it, and read its volumes."""
        StoragePool.objects.filter(pk=self.pk).update(refresh_asked_at=database_time(), due_at=None)
