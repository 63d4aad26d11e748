"""Captures of packets at NICs, which workers carry out, and what they captured."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from virterweb.hypervisors.claims.due import Due
from virterweb.message_field import MessageField

from .vm import VM

KEPT = timedelta(hours=1)  # after the end of a capture


class CaptureEnd(models.TextChoices):
    """Why a capture has ended without an error."""

    SECONDS = "seconds", "time limit reached"
    PACKETS = "packets", "packet limit reached"
    SIZE = "size", "size limit reached"
    STOPPED = "stopped", "stopped"
    FORBIDDEN = "forbidden", "stopped, because its user may no longer capture packets of the VM"
    WORKER = "worker", "stopped, because the worker was stopped"


class Capture(Due):
    """A requested capture of the packets of a NIC: its limits, how far it is, and its result."""

    vm = models.ForeignKey(VM, verbose_name="VM", on_delete=models.CASCADE, related_name="captures")
    nic = models.CharField("NIC", help_text="key of the NIC")
    filter = models.TextField(blank=True, help_text="in the language of pcap-filter(7); empty: all packets")
    seconds = models.PositiveIntegerField("most seconds")
    packets = models.PositiveIntegerField("most packets")
    size = models.PositiveIntegerField("most bytes")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", verbose_name="requested by"
    )
    asked_at = models.DateTimeField("requested at", default=timezone.now)
    begun_at = models.DateTimeField("begun at", null=True)
    stop_asked_at = models.DateTimeField("stop requested at", null=True)
    done_at = models.DateTimeField("finished at", null=True)
    tap = models.CharField("host device", blank=True, help_text="where it captures")
    captured_packets = models.PositiveIntegerField(default=0)
    captured_size = models.PositiveBigIntegerField("captured bytes", default=0, help_text="of the pcap file")
    end = models.CharField(blank=True, choices=CaptureEnd, help_text="why it ended; empty: not yet, or an error")
    error = MessageField(blank=True, help_text="why it failed or broke off")
    entry_id = models.PositiveBigIntegerField(null=True, help_text="its entry in the activity log")

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["asked_at"], condition=models.Q(done_at=None), name="capture_open")]

    def __str__(self) -> str:
        return f"capture {self.pk} of {self.vm}"

    @property
    def passed(self) -> int:
        """Return for how many seconds it has captured."""
        until = self.done_at or timezone.now()
        return int((until - self.begun_at).total_seconds()) if self.begun_at else 0

    @property
    def kept_until(self) -> timezone.datetime | None:
        return self.done_at and self.done_at + KEPT


class CapturePart(models.Model):
    """A part of the pcap file of a capture: each begins with a whole packet, the first with the file's header."""

    capture = models.ForeignKey(Capture, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["capture", "number"], name="capture_part_once")]

    def __str__(self) -> str:
        return f"{self.capture_id} {self.number}"
