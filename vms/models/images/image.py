"""The models of images to run VMs from."""

import secrets
from typing import Self

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Lower
from django.urls import reverse

from networks.definition import rules
from virterweb.activity.choices import Kind
from virterweb.activity.wording import add_events
from virterweb.enqueue import LOOK
from virterweb.hypervisors.desired.drift import decoded
from virterweb.hypervisors.desired.models import Status
from virterweb.hypervisors.desired.revisions import note_activity
from virterweb.hypervisors.desired.state import State
from virterweb.pages.sizes import size_text
from virterweb.people.owned import Owned, OwnedQuerySet
from virterweb.people.rights import Actor, access_of
from virterweb.people.verbs import Verb
from vms.definition.events import ImageEvent
from vms.definition.wording.images import EVENTS, image_drift

from .volume import Volume

add_events(Kind.IMAGE, EVENTS)

TAG = "virter:tag:"
LAYER = "virter:layer:"
LOADING = "virterweb:load:"  # of a volume that is being loaded into a layer
FETCHING = "image.fetching"  # the progress of an image that is being fetched
TO_FETCH = ~Q(url="") & ~Q(upload="") & Q(removed_at=None)


class ImageQuerySet(OwnedQuerySet):
    def usable_by(self, user: Actor) -> Self:
        """Return those that a user may run VMs from: of other teams only those whose contents the user may see."""
        visible, access = self.visible_to(user), access_of(user)
        return visible if access.everything else visible.filter(Q(team=None) | access.q(Verb.SEE, "image"))

    def to_fetch(self) -> Self:
        """Return those that are due and are fetched from a URL first, which may take hours."""
        return self.overdue().filter(TO_FETCH)

    def to_push(self) -> Self:
        """Return the others that are due."""
        return self.overdue().exclude(TO_FETCH)


class Image(Owned):
    """An image that VMs can be run from: a tag on top of a layer in the hypervisor's pool. managed=False: unmanaged.

    Until it is loaded, `volume` is the volume of the pool to make it of. Images of earlier versions are flat volumes
    until they are converted.
    """

    name = models.CharField(max_length=100, validators=[rules.validate_name])
    volume = models.CharField()
    disk_of = models.UUIDField(
        null=True, editable=False, help_text="UUID of the VM whose disk it is made of; empty: of no VM, or it is made"
    )
    upload = models.CharField(blank=True, editable=False, help_text="file on its way into the pool")
    size = models.PositiveBigIntegerField("upload size", default=0, editable=False, help_text="bytes of the upload")
    url = models.TextField("URL", blank=True, editable=False, help_text="where it is fetched from")
    checksum = models.CharField("SHA-256", blank=True, editable=False, help_text="of the file at the URL")

    activity_kind = Kind.IMAGE
    has_history = False
    push_task = LOOK

    objects = ImageQuerySet.as_manager()

    class Meta:
        ordering = [Lower("name")]
        constraints = [models.UniqueConstraint(fields=["hypervisor", "name"], name="image_name_once_a_hypervisor")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("vms:images")

    @property
    def capacity(self) -> int:
        """Return the size of disks made of it in GiB, rounded up; 0 until its volume is in the pool."""
        sizes = Volume.objects.of_images(self.hypervisor).filter(name=self.volume).values_list("capacity", flat=True)
        return -(-(sizes.first() or 0) // 1024**3)

    def used_pools(self) -> set[str]:
        return {self.hypervisor.pool}

    @property
    def source(self) -> str:
        """Return the URL that it is fetched from without its query, which may be a secret."""
        return self.url.partition("?")[0].partition("#")[0]

    @property
    def host(self) -> str:
        """Return the host that it is fetched from, with the port of the URL."""
        return self.source.partition("://")[2].partition("/")[0]

    def convert(self) -> None:
        """Request that a flat volume is copied into a layer; until then VMs can be run from the volume."""
        with transaction.atomic():
            self.upload = secrets.token_hex(16)
            self.save()
            self.status.retry_now()
            note_activity(self, ImageEvent.CONVERTED)

    def retry(self, by: AbstractBaseUser | None = None) -> bool:
        """Retry what has failed, and return True; do nothing if no attempt has failed."""
        if not self.can_retry:
            return False
        with transaction.atomic():
            self.ask_again()
            note_activity(self, ImageEvent.RETRIED, by)
        return True

    @property
    def is_loaded(self) -> bool:
        """Return whether its file is complete in the pool."""
        if self.removed_at:
            return False
        return bool(self.status.made_at and not self.upload if self.managed else not self.status.gone_at)

    @property
    def can_retry(self) -> bool:
        """Return whether an attempt has failed, finally or until the next one."""
        status = self.status
        return self.managed and bool(status.error or (status.tries and self.state == State.PENDING))

    def remove(self) -> None:
        """Request deletion."""
        with transaction.atomic():
            super().remove()
            note_activity(self, ImageEvent.DELETED)


class ImageStatus(Status):
    desired = models.OneToOneField(Image, verbose_name="image", on_delete=models.CASCADE, related_name="status")
    rate = models.PositiveBigIntegerField("bytes a second", default=0, help_text="of the download; 0: none in progress")
    verified = models.BooleanField(
        "checksum verified", default=False, help_text="the downloaded file has the given or the published SHA-256"
    )
    layer = models.CharField(blank=True, help_text="the layer that the portal's tag points to")
    tag_made = models.BooleanField(
        "tag created", default=False, help_text="the tag in the pool was created by the portal"
    )
    volume_made = models.BooleanField(
        "flat volume", default=False, help_text="the flat volume was uploaded by an earlier version"
    )
    gone_at = models.DateTimeField(
        "missing since", null=True, help_text="when the pool was first seen without the volume"
    )

    class Meta:
        verbose_name_plural = "image statuses"

    def __str__(self) -> str:
        return f"{self.desired}: {self.error or 'fine'}"

    @property
    def drifts(self) -> list[str]:
        return [image_drift(code) for code in decoded(self.drift)]

    @property
    def amount(self) -> str:
        """Return how many bytes of the step are done, and how fast a download comes."""
        return f"{super().amount}, {size_text(self.rate)}/s" if self.rate else super().amount
