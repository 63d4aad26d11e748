"""Requests for captures of packets: checked and stored here, carried out by workers."""

from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from virterweb.activity.choices import Result
from virterweb.activity.models import Entry
from virterweb.enqueue import LOOK, enqueue
from virterweb.messages import Failure, Message
from vms.definition.events import Event
from vms.models import KEPT, VM, Capture, NICStatus, Power

PER_HYPERVISOR = 4  # captures in progress
KEPT_SIZE = 512 * 1024**2  # bytes of all captures of a hypervisor


@dataclass(frozen=True, kw_only=True)
class Limits:
    seconds: int
    packets: int
    size: int  # bytes


def ask(vm: VM, nic: NICStatus, text: str, limits: Limits, by: AbstractBaseUser) -> Capture:
    """Request a capture at a NIC of the packets that match a filter; Failure if that is not possible now."""
    with transaction.atomic():
        if reason := _refusal(vm, nic):
            raise Failure(reason)
        event = Event.CAPTURED
        about = {"mac": nic.mac, "filter": text}
        entry = Entry.objects.record(vm.activity_subject(event), event, about, by=by)
        values = vars(limits) | {"filter": text, "asked_by": by, "entry_id": entry.pk}
        capture = Capture.objects.create(vm=vm, nic=nic.key, **values)
        enqueue(LOOK, capture.pk)
    return capture


def _refusal(vm: VM, nic: NICStatus) -> Message | None:
    if vm.status.power == Power.OFF:
        return Message("capture.off", vm=vm.name)
    if not nic.target:
        return Message("capture.no_tap", nic=nic.key)
    there = Capture.objects.filter(vm__hypervisor=vm.hypervisor)
    in_progress = there.filter(done_at=None)
    if in_progress.filter(vm=vm, nic=nic.key).exists():
        return Message("capture.one_a_nic", nic=nic.key)
    if (count := in_progress.count()) >= PER_HYPERVISOR:
        return Message("capture.too_many", hypervisor=vm.hypervisor.name, count=count)
    if (there.aggregate(size=Sum("captured_size"))["size"] or 0) > KEPT_SIZE:
        return Message("capture.too_large", hypervisor=vm.hypervisor.name)
    return None


def stop(capture: Capture, by: AbstractBaseUser) -> None:
    """Request the end of a capture; nothing happens if it has ended."""
    vm, event = capture.vm, Event.CAPTURE_STOPPED
    with transaction.atomic():
        waiting = Capture.objects.filter(pk=capture.pk, done_at=None, stop_asked_at=None)
        if waiting.update(stop_asked_at=timezone.now()):
            about = {"mac": capture.nic}
            Entry.objects.record(vm.activity_subject(event), event, about, by=by, result=Result.DONE)
            enqueue(LOOK, capture.pk)


def note_download(capture: Capture, by: AbstractBaseUser) -> None:
    vm, event = capture.vm, Event.CAPTURE_DOWNLOADED
    Entry.objects.record(vm.activity_subject(event), event, {"mac": capture.nic}, by=by, result=Result.DONE)


def forget() -> None:
    """Delete the captures that have been kept for long enough."""
    Capture.objects.filter(done_at__lt=timezone.now() - KEPT).delete()
