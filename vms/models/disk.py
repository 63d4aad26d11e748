"""Further disks of VMs."""

from django.core.validators import MinValueValidator
from django.db import models

from networks.definition import rules

WORK = "virter:work:"


class Disk(models.Model):
    """A further disk of a VM, after the boot disk."""

    class Bus(models.TextChoices):
        VIRTIO = "virtio"
        SCSI = "scsi"
        IDE = "ide"

    class Format(models.TextChoices):
        QCOW2 = "qcow2"
        RAW = "raw"

    vm = models.ForeignKey("VM", verbose_name="VM", on_delete=models.CASCADE, related_name="disks")
    name = models.CharField(max_length=50, validators=[rules.validate_name])
    size = models.PositiveIntegerField(help_text="MiB", validators=[MinValueValidator(1)])
    format = models.CharField(max_length=5, choices=Format, default=Format.QCOW2)
    bus = models.CharField(max_length=6, choices=Bus, default=Bus.VIRTIO)
    pool = models.CharField(max_length=100, blank=True, help_text="empty: the hypervisor's")

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["vm", "name"], name="disk_name_once_a_vm")]

    def __str__(self) -> str:
        return f"{self.vm}: {self.name}"

    @property
    def volume(self) -> str:
        return f"{WORK}{self.vm.name}-{self.name}"
