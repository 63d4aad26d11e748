"""The model of volumes found in the hypervisors' pools."""

from collections.abc import Iterable
from typing import Self

from django.db import models, transaction
from django.db.models import Exists, OuterRef

from virterweb.activity.choices import Kind
from virterweb.activity.models import Entry, Subject
from virterweb.activity.wording import add_events
from virterweb.hypervisors.claims.due import Due, DueQuerySet
from virterweb.hypervisors.models import Hypervisor, ReadingProblem
from virterweb.message_field import MessageField
from virterweb.people.rights import Actor, access_of
from virterweb.people.verbs import Verb
from vms.definition.wording import volumes

add_events(Kind.VOLUME, volumes.EVENTS)


def size_text(size: int) -> str:
    """Return a number of bytes as text, in GiB or MiB."""
    mebibytes = size / 1024**2
    return f"{mebibytes / 1024:.1f} GiB" if mebibytes >= 1024 else f"{mebibytes:.1f} MiB"


class FoundFile(models.Model):
    """What a reading of a pool says about a volume."""

    name = models.CharField()
    path = models.TextField()
    format = models.CharField(blank=True)
    capacity = models.PositiveBigIntegerField(default=0, help_text="bytes")
    allocation = models.PositiveBigIntegerField(default=0, help_text="bytes that it takes in the pool")
    backing = models.TextField(blank=True, help_text="path of the backing file")
    changed_on = models.DateField("last changed on", null=True, help_text="the day of the last change, in UTC")
    used_by = MessageField(blank=True, help_text="what used it at the last reading; empty: nothing that is known")

    class Meta:
        abstract = True

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


class VolumeQuerySet(DueQuerySet):
    def of_images(self, hypervisor: Hypervisor | OuterRef) -> Self:
        """Return those of the pool for images and VMs."""
        return self.filter(hypervisor=hypervisor)

    def visible_to(self, user: Actor) -> Self:
        """Return those that exist for a user: of hypervisors on which the user may see everything by name."""
        return self.filter(access_of(user).hypervisors(Verb.LIST, at="hypervisor"))

    def unused(self) -> Self:
        """Return those that nothing uses, on hypervisors whose VMs and volumes can be read now."""
        unread = ReadingProblem.objects.filter(hypervisor=OuterRef("hypervisor"), kind=ReadingProblem.Kind.POOL)
        readable = self.filter(~Exists(unread), hypervisor__status__unreachable_since=None)
        return readable.exclude(unused_since=None)

    def to_delete(self) -> Self:
        """Return those whose deletion was requested and is due."""
        return self.due().exclude(delete_asked_at=None).filter(hypervisor__status__unreachable_since=None)

    def deleted(self, hypervisor: Hypervisor, places: Iterable[tuple[str, str]]) -> None:
        """Delete the rows of volumes that were deleted, given by pool and name; other pools may have such names too."""
        names = [name for pool, name in places if pool == hypervisor.pool]
        self.filter(hypervisor=hypervisor, name__in=names).forget()

    def forget(self) -> None:
        """Delete the rows of volumes that the pool no longer has; a requested deletion of them is done."""
        with transaction.atomic():
            for pk in self.exclude(delete_asked_at=None).order_by().values_list("pk", flat=True):
                Entry.objects.conclude(Kind.VOLUME, pk, 0)
            self.delete()


class Volume(FoundFile, Due):
    """A volume of the pool that a hypervisor has for images and VMs; those of its other pools are `PoolVolume`.

    Polls write what they find; requests write only `delete_asked_at`.
    """

    hypervisor = models.ForeignKey(Hypervisor, on_delete=models.CASCADE, related_name="volumes")
    unused_since = models.DateTimeField(null=True, help_text="when it was first seen unused; empty: something uses it")
    delete_asked_at = models.DateTimeField("deletion requested at", null=True)
    delete_problem = MessageField(blank=True, help_text="why it was not deleted")

    objects = VolumeQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["hypervisor", "name"], name="volume_once_a_hypervisor")]
        indexes = [
            models.Index(fields=["hypervisor"], condition=~models.Q(unused_since=None), name="volume_unused"),
            models.Index(fields=["hypervisor"], condition=~models.Q(delete_asked_at=None), name="volume_to_delete"),
        ]

    @property
    def host(self) -> Hypervisor:
        """Return the hypervisor that it is on."""
        return self.hypervisor

    @property
    def subject(self) -> Subject:
        """Return what entries of the activity log say about it."""
        host = self.hypervisor
        return Subject(kind=Kind.VOLUME, name=self.name, object_id=self.pk, hypervisor=host.name, hypervisor_id=host.pk)
