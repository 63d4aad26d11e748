"""Requests for captures of packets: checked and stored here, carried out by workers."""

from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from virterweb.activity.choices import Result
from virterweb.activity.models import Entry
from virterweb.enqueue import LOOK, enqueue
from virterweb.messages import Failure, Message
from vms.definition.events import Event
from vms.models import KEPT, VM, Capture, NICStatus, Power

PER_HYPERVISOR, PER_USER = 4, 2  # captures in progress on a hypervisor: all, and those of a user
KEPT_SIZE, USER_SIZE = 512 * 1024**2, 128 * 1024**2  # bytes of all captures of a hypervisor, and of those of a user


@dataclass(frozen=True, kw_only=True)
class Limits:
    seconds: int
    packets: int
    size: int  # bytes


def ask(vm: VM, nic: NICStatus, text: str, limits: Limits, by: AbstractBaseUser) -> Capture:
    """Request a capture at a NIC of the packets that match a filter; Failure if that is not possible now."""
    with transaction.atomic():
        if reason := _refusal(vm, nic) or _limit(Capture.objects.filter(vm__hypervisor=vm.hypervisor), vm, by):
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
    if Capture.objects.filter(done_at=None, vm=vm, nic=nic.key).exists():
        return Message("capture.one_a_nic", nic=nic.key)
    return None


def _limit(there: QuerySet[Capture], vm: VM, by: AbstractBaseUser) -> Message | None:
    """Return which limit of the captures of a hypervisor is reached; one user cannot use up the others' share."""
    own, hypervisor = there.filter(asked_by=by), vm.hypervisor.name
    for rows, most, code in ((own, PER_USER, "capture.too_many_own"), (there, PER_HYPERVISOR, "capture.too_many")):
        if (count := rows.filter(done_at=None).count()) >= most:
            return Message(code, hypervisor=hypervisor, count=count)
    for rows, most, code in ((own, USER_SIZE, "capture.too_large_own"), (there, KEPT_SIZE, "capture.too_large")):
        if (rows.aggregate(size=Sum("captured_size"))["size"] or 0) > most:
            return Message(code, hypervisor=hypervisor)
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


def delete(capture: Capture, by: AbstractBaseUser) -> None:
    """Delete a capture that has ended; one in progress stays."""
    vm, event = capture.vm, Event.CAPTURE_DELETED
    with transaction.atomic():
        if Capture.objects.filter(pk=capture.pk).exclude(done_at=None).delete()[0]:
            Entry.objects.record(vm.activity_subject(event), event, {"mac": capture.nic}, by=by, result=Result.DONE)


def note_download(capture: Capture, by: AbstractBaseUser) -> None:
    vm, event = capture.vm, Event.CAPTURE_DOWNLOADED
    Entry.objects.record(vm.activity_subject(event), event, {"mac": capture.nic}, by=by, result=Result.DONE)


def forget() -> None:
    """Delete the captures that have been kept for long enough."""
    Capture.objects.filter(done_at__lt=timezone.now() - KEPT).delete()
