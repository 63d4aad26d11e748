"""Images to run VMs from, and the volumes that were seen in the hypervisors' pools."""

from django.db import models
from django.db.models.functions import Lower
from django.urls import reverse

from networks import rules
from virterweb.hypervisors.models import Hypervisor
from virterweb.hypervisors.reconcile import Desired, Status

TAG = "virter:tag:"


class Image(Desired):
    """A volume of the hypervisor's pool that VMs can be run from. managed=False: a Virter tag found there."""

    name = models.CharField(max_length=100, validators=[rules.validate_name])
    volume = models.CharField(max_length=200)
    upload = models.CharField(max_length=300, blank=True, editable=False, help_text="file that waits to be streamed")
    size = models.PositiveBigIntegerField(default=0, editable=False, help_text="bytes of the upload")

    class Meta:
        ordering = [Lower("name")]
        constraints = [models.UniqueConstraint(fields=["hypervisor", "name"], name="image_name_once_a_hypervisor")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("vms:images")


class ImageStatus(Status):
    wish = models.OneToOneField(Image, on_delete=models.CASCADE, related_name="status")
    sent = models.PositiveBigIntegerField(default=0, help_text="bytes of the upload that are in the pool")
    volume_made = models.BooleanField(default=False, help_text="the volume in the pool is this upload's")

    class Meta:
        verbose_name_plural = "image statuses"

    def __str__(self) -> str:
        return f"{self.wish}: {self.error or 'fine'}"

    @property
    def percent(self) -> int:
        return 100 * self.sent // self.wish.size if self.wish.size else 0


class Volume(models.Model):
    """A volume seen in a hypervisor's pool."""

    hypervisor = models.ForeignKey(Hypervisor, on_delete=models.CASCADE, related_name="volumes")
    name = models.CharField(max_length=255)
    path = models.TextField()
    format = models.CharField(max_length=20, blank=True)
    capacity = models.PositiveBigIntegerField(default=0, help_text="bytes")
    backing = models.TextField(blank=True, help_text="path of the volume that this one is a copy-on-write overlay of")

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["hypervisor", "name"], name="volume_once_a_hypervisor")]

    def __str__(self) -> str:
        return self.name

    @property
    def size(self) -> str:
        """The capacity in words, in GiB or MiB."""
        mebibytes = self.capacity / 1024**2
        return f"{mebibytes / 1024:.1f} GiB" if mebibytes >= 1024 else f"{mebibytes:.1f} MiB"
