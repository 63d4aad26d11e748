"""Snapshots of VMs as libvirt has them, and the requests about them that workers carry out."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from virterweb.hypervisors.desired.progress import InSteps
from virterweb.message_field import MessageField
from vms.definition.snapshots.document import Kind
from vms.definition.wording import snapshots as _wording  # noqa: F401, adds the texts of the messages

from .vm import VM


class SnapshotState(models.TextChoices):
    """The state of a VM in a snapshot, by libvirt's word."""

    RUNNING = "running", "running"
    PAUSED = "paused", "paused"
    OFF = "shutoff", "off"
    DISKS = "disk-snapshot", "running, disks only"


class Snapshot(models.Model):
    """A snapshot of a VM. Written only by `vms.snapshots.observing`."""

    vm = models.ForeignKey(VM, verbose_name="VM", on_delete=models.CASCADE, related_name="snapshots")
    name = models.TextField()
    parent = models.TextField(blank=True, help_text="name of the snapshot that it follows; empty: none")
    description = models.TextField(blank=True)
    taken_at = models.DateTimeField()
    state = models.CharField(blank=True, help_text="of the VM when it was taken, as libvirt calls it")
    current = models.BooleanField(default=False, help_text="the VM continues from it")
    kind = models.CharField(choices=[(kind.value, kind.value) for kind in Kind])
    memory = models.BooleanField(default=False, help_text="it has the memory of the running VM")
    size = models.PositiveBigIntegerField(null=True, help_text="bytes of its own files; empty: unknown")
    files = models.JSONField(default=list, help_text="paths of its own files: overlays, and saved memory")
    document = models.TextField("definition", blank=True, help_text="of the VM when it was taken")
    read_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["vm", "taken_at", "pk"]
        constraints = [models.UniqueConstraint(fields=["vm", "name"], name="snapshot_name_once_a_vm")]

    def __str__(self) -> str:
        return self.name

    @property
    def external(self) -> bool:
        return self.kind == Kind.EXTERNAL

    @property
    def state_text(self) -> str:
        """Return the state as text; libvirt's word if it is no usual one."""
        return SnapshotState(self.state).label if self.state in SnapshotState.values else self.state

    @property
    def shown_size(self) -> str:
        """Return the size of its files as text, or why there is none."""
        if not self.external:
            return "in the disks"
        if self.size is None:
            return "unknown"
        mebibytes = self.size / 1024**2
        return f"{mebibytes / 1024:.1f} GiB" if mebibytes >= 1024 else f"{mebibytes:.1f} MiB"


class SnapshotVerb(models.TextChoices):
    """What can be requested about a snapshot; the label is what is in progress."""

    TAKE = "take", "taking"
    REVERT = "revert", "reverting to"
    DELETE = "delete", "deleting"
    MERGE = "merge", "merging"


class SnapshotRequest(InSteps):
    """The latest request about the snapshots of a VM, and its result."""

    vm = models.OneToOneField(VM, verbose_name="VM", on_delete=models.CASCADE, related_name="snapshot_request")
    verb = models.CharField(max_length=10, choices=SnapshotVerb)
    name = models.TextField("snapshot")
    about = models.JSONField("parameters", default=dict, help_text="parameters of the verb, and what was begun")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name="requested by"
    )
    asked_at = models.DateTimeField("requested at", default=timezone.now)
    cancel_asked_at = models.DateTimeField("cancellation requested at", null=True)
    done_at = models.DateTimeField("finished at", null=True)
    error = MessageField(blank=True, help_text="why it failed; before it is done, what it waits for")
    entry_id = models.PositiveBigIntegerField(null=True, help_text="its entry in the activity log")

    class Meta:
        verbose_name = "snapshot request"
        indexes = [models.Index(fields=["asked_at"], condition=models.Q(done_at=None), name="snapshot_request_open")]

    def __str__(self) -> str:
        return f"{self.get_verb_display()} {self.name} of {self.vm}"

    @property
    def failed(self) -> bool:
        return self.done_at is not None and bool(self.error)

    def note(self, **about: object) -> None:
        """Store what was begun, so that another worker can continue after this one was killed."""
        self.about = self.about | about
        SnapshotRequest.objects.filter(pk=self.pk, asked_at=self.asked_at).update(about=self.about)
