"""Further disks of VMs."""

from django.core.validators import MinValueValidator
from django.db import models

from networks.definition import rules
from virterweb.message_field import MessageField
from vms.definition.volume import WORK


class Disk(models.Model):
    """A further disk of a VM, after the boot disk."""

    class Bus(models.TextChoices):
        VIRTIO = "virtio"
        SCSI = "scsi"
        IDE = "ide"

    class Format(models.TextChoices):
        QCOW2 = "qcow2"
        RAW = "raw"

    class Cache(models.TextChoices):
        NONE = "none"
        WRITETHROUGH = "writethrough"
        WRITEBACK = "writeback"
        DIRECTSYNC = "directsync"
        UNSAFE = "unsafe"

    class Discard(models.TextChoices):
        UNMAP = "unmap", "give freed space back"
        IGNORE = "ignore", "keep freed space"

    vm = models.ForeignKey("VM", verbose_name="VM", on_delete=models.CASCADE, related_name="disks")
    name = models.CharField(max_length=50, validators=[rules.validate_name])
    size = models.PositiveIntegerField(help_text="MiB", validators=[MinValueValidator(1)])
    format = models.CharField(max_length=5, choices=Format, default=Format.QCOW2)
    bus = models.CharField(max_length=6, choices=Bus, default=Bus.VIRTIO)
    pool = models.CharField(max_length=100, blank=True, help_text="empty: the hypervisor's")
    cache = models.CharField(max_length=12, blank=True, choices=Cache, help_text="empty: as set on the hypervisor")
    discard = models.CharField(max_length=6, choices=Discard, default=Discard.UNMAP)
    made = models.BooleanField(default=True, editable=False, help_text="its volume was created for it")

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["vm", "name"], name="disk_name_once_a_vm")]

    def __str__(self) -> str:
        return f"{self.vm}: {self.name}"

    @property
    def volume(self) -> str:
        return f"{WORK}{self.vm.name}-{self.name}"

    @property
    def path(self) -> str:
        """Return where its volume is, as POOL/VOLUME."""
        return f"{self.pool or self.vm.hypervisor.pool}/{self.volume}"


class DiskRequest(models.Model):
    """A requested change of the disks of a VM, which a worker carries out once and deletes; refused ones stay."""

    class Verb(models.TextChoices):
        ADD = "add", "Add disk"
        GROW = "grow", "Grow"
        DETACH = "detach", "Detach"
        DELETE = "delete", "Delete"
        DRIVE = "drive", "Add CD-ROM drive"
        INSERT = "insert", "Insert"
        EJECT = "eject", "Eject"

    vm = models.ForeignKey("VM", verbose_name="VM", on_delete=models.CASCADE, related_name="disk_requests")
    verb = models.CharField(max_length=6, choices=Verb)
    disk = models.ForeignKey(Disk, null=True, on_delete=models.CASCADE, related_name="requests")
    target = models.CharField(blank=True, help_text="such as vdb; empty: not chosen yet")
    size = models.PositiveBigIntegerField(null=True, help_text="MiB")
    pool = models.CharField(blank=True, help_text="of the medium to insert")
    volume = models.CharField(blank=True, help_text="the medium to insert")
    began = models.BooleanField(default=False, help_text="the pool had no such volume, so that it is created")
    refused = MessageField(blank=True, help_text="why it was not carried out")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.vm}: {self.verb} {self.target or self.disk or ''}".rstrip()
