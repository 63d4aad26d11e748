"""The model of volumes found in the hypervisors' pools."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Self

from django.db import models, transaction
from django.db.models import Count, F, OuterRef, Q, Sum
from django.db.models.functions import Cast

from virterweb.activity.choices import Kind
from virterweb.activity.models import Entry, Subject
from virterweb.activity.wording import add_events
from virterweb.hypervisors.claims.due import Due, DueQuerySet
from virterweb.hypervisors.models import Hypervisor
from virterweb.message_field import MessageField
from virterweb.messages import Message
from virterweb.pages.sizes import size_text
from virterweb.people.rights import Actor, access_of
from virterweb.people.verbs import Verb
from vms.definition.wording import volumes

from .pool import StoragePool, Totals

add_events(Kind.VOLUME, volumes.EVENTS)


_SUM = Sum(Cast("capacity", models.FloatField()))  # a sum of whole numbers may be too large for SQLite


class VolumeQuerySet(DueQuerySet):
    def on(self, hypervisor: Hypervisor) -> Self:
        """Return those of all pools of a hypervisor."""
        return self.filter(pool__hypervisor=hypervisor)

    def at(self, hypervisor: Hypervisor, places: Iterable[tuple[str, str]]) -> Self:
        """Return those at places, given by the names of the pool and of the volume."""
        names = defaultdict(list)
        for pool, name in places:
            names[pool].append(name)
        wanted = Q(pk__in=[])
        for pool, its in names.items():
            wanted |= Q(pool__name=pool, name__in=its)
        return self.on(hypervisor).filter(wanted)

    def of_images(self, hypervisor: Hypervisor | OuterRef | None = None) -> Self:
        """Return those of the pool for images and VMs of a hypervisor, or of every hypervisor."""
        rows = self.filter(pool__name=F("pool__hypervisor__pool"))
        return rows.filter(pool__hypervisor=hypervisor) if hypervisor else rows

    def visible_to(self, user: Actor) -> Self:
        """Return those that exist for a user: of hypervisors on which the user may see everything by name."""
        return self.filter(access_of(user).hypervisors(Verb.LIST, at="pool__hypervisor"))

    def unused(self) -> Self:
        """Return those that nothing uses, in pools that can be read now."""
        return self.exclude(unused_since=None).filter(pool__in=StoragePool.objects.readable().order_by())

    def to_delete(self) -> Self:
        """Return those whose deletion was requested and is due, in pools that are there."""
        asked = self.due().exclude(delete_asked_at=None)
        return asked.filter(pool__in=StoragePool.objects.available().order_by())

    def totals(self) -> dict[int, Totals]:
        """Return the totals by the keys of the pools."""
        sums = self.order_by().values("pool").annotate(count=Count("pk"), size=_SUM)
        return {row["pool"]: Totals(count=row["count"], capacity=int(row["size"] or 0)) for row in sums}

    def refuse(self, reason: Message) -> None:
        """End the requested deletions, which are not carried out for a reason."""
        asked = self.exclude(delete_asked_at=None)
        with transaction.atomic():
            for pk in asked.order_by().values_list("pk", flat=True):
                Entry.objects.conclude(Kind.VOLUME, pk, 0, reason)
            asked.update(delete_asked_at=None, delete_problem=reason)

    def forget(self) -> None:
        """Delete the rows of volumes that the pool no longer has; a requested deletion of them is done."""
        with transaction.atomic():
            for pk in self.exclude(delete_asked_at=None).order_by().values_list("pk", flat=True):
                Entry.objects.conclude(Kind.VOLUME, pk, 0)
            self.delete()


class Volume(Due):
    """A volume of a storage pool. Readings write what they find; requests write only `delete_asked_at`."""

    pool = models.ForeignKey(StoragePool, on_delete=models.CASCADE, related_name="volumes")
    name = models.CharField()
    path = models.TextField()
    format = models.CharField(blank=True)
    capacity = models.PositiveBigIntegerField(default=0, help_text="bytes")
    allocation = models.PositiveBigIntegerField(default=0, help_text="bytes that it takes in the pool")
    backing = models.TextField(blank=True, help_text="path of the backing file")
    changed_on = models.DateField("last changed on", null=True, help_text="the day of the last change, in UTC")
    used_by = MessageField(blank=True, help_text="what used it at the last reading; empty: nothing that is known")
    unused_since = models.DateTimeField(null=True, help_text="when it was first seen unused; empty: something uses it")
    delete_asked_at = models.DateTimeField("deletion requested at", null=True)
    delete_problem = MessageField(blank=True, help_text="why it was not deleted")

    objects = VolumeQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["pool", "name"], name="volume_once_a_pool")]
        indexes = [
            models.Index(fields=["pool"], condition=~models.Q(unused_since=None), name="volume_unused"),
            models.Index(fields=["pool"], condition=~models.Q(delete_asked_at=None), name="volume_to_delete"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def size(self) -> str:
        """Return the capacity as text, in GiB or MiB."""
        return size_text(self.capacity)

    @property
    def allocated(self) -> str:
        """Return the allocation as text, in GiB or MiB."""
        return size_text(self.allocation)

    @property
    def hypervisor(self) -> Hypervisor:
        return self.pool.hypervisor

    @property
    def subject(self) -> Subject:
        """Return what entries of the activity log say about it."""
        host = self.hypervisor
        return Subject(kind=Kind.VOLUME, name=self.name, object_id=self.pk, hypervisor=host.name, hypervisor_id=host.pk)


def with_totals(pools: Iterable[StoragePool]) -> list[StoragePool]:
    """Return pools, with the totals of their volumes."""
    pools = list(pools)
    totals = Volume.objects.filter(pool__in=pools).totals()
    for pool in pools:
        pool.totals = totals.get(pool.pk, Totals())
    return pools
