"""Records the packets that tcpdump captures in the database, in parts, until a limit is reached."""

import os
import select
from time import monotonic

from django.contrib.auth import get_user_model
from django.db import transaction

from virterweb.hypervisors.dispatch import worker
from virterweb.hypervisors.gateway.packets import Tcpdump
from virterweb.people import rights
from virterweb.people.verbs import Verb
from vms.models import VM, Capture, CaptureEnd, CapturePart

from .pcap import PacketReader

PART = 1024**2  # bytes after which a part is stored
STORE_INTERVAL = 0.5  # seconds
CHECK_INTERVAL = 1.0  # seconds between two looks whether it is to stop


class Recorder:
    """One capture while it runs."""

    def __init__(self, row: Capture, vm: VM, tcpdump: Tcpdump) -> None:
        self.row, self.vm, self.tcpdump = row, vm, tcpdump
        self.reader = PacketReader(row.packets, row.size)
        self.data, self.parts = b"", 0
        self.stored_at = self.checked_at = monotonic()

    def run(self) -> CaptureEnd:
        """Record until a limit or a stop; Refused if tcpdump ends before that."""
        until, end = monotonic() + self.row.seconds, None
        while end is None:
            arrived = self._read(min(STORE_INTERVAL, max(0.0, until - monotonic())))
            self.data += self.reader.feed(arrived or b"")
            if self.reader.packets >= self.row.packets:
                end = CaptureEnd.PACKETS
            elif self.reader.is_too_large:
                end = CaptureEnd.SIZE
            elif arrived == b"":
                self._store()
                raise self.tcpdump.failure("capture.ended" if self.reader.has_begun else "capture.refused")
            elif monotonic() >= until:
                end = CaptureEnd.SECONDS
            else:
                end = self._stopped()
            if end or len(self.data) >= PART or monotonic() - self.stored_at >= STORE_INTERVAL:
                self._store()
        return end

    def _read(self, seconds: float) -> bytes | None:
        """Return what has arrived, None if that is nothing, and b"" after the end of tcpdump."""
        ready, _, _ = select.select([self.tcpdump.file], [], [], seconds)
        return os.read(self.tcpdump.file, PART) if ready else None

    def _store(self) -> None:
        if self.data:
            counted = {"captured_packets": self.reader.packets, "captured_size": self.reader.size}
            with transaction.atomic():
                if Capture.objects.filter(pk=self.row.pk).update(**counted):  # else its VM was deleted
                    CapturePart.objects.create(capture_id=self.row.pk, number=self.parts, data=self.data)
            self.data, self.parts = b"", self.parts + 1
        self.stored_at = monotonic()

    def _stopped(self) -> CaptureEnd | None:
        """Return why it is to stop, if it is; asked at intervals."""
        if monotonic() - self.checked_at < CHECK_INTERVAL:
            return None
        self.checked_at = monotonic()
        if worker.is_stopping():
            return CaptureEnd.WORKER
        if not Capture.objects.filter(pk=self.row.pk, stop_asked_at=None).exists():
            return CaptureEnd.STOPPED
        user = get_user_model().objects.filter(pk=self.row.asked_by_id, is_active=True).first()
        vm = VM.objects.select_related("hypervisor", "team").filter(pk=self.vm.pk).first()
        if user is None or vm is None or not rights.may(user, Verb.CAPTURE, vm):
            return CaptureEnd.FORBIDDEN
        return None
