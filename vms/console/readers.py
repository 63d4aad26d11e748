"""Entries of the activity log about users who read consoles, which may show secrets."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils import timezone

from virterweb.activity.choices import Kind, Result
from virterweb.activity.models import Entry, Subject
from vms.definition.events import Event
from vms.models import VM, ConsoleLog

SESSION = timedelta(hours=1)  # an open page asks every second; within this time that is one entry


def note_reading(log: ConsoleLog, user: AbstractBaseUser, event: Event) -> None:
    """Record that a user reads a console, unless the activity log has it already for this hour."""
    subject = Subject(
        kind=Kind.CONSOLE,
        name=log.name,
        object_id=log.vm_id,
        hypervisor=log.hypervisor.name,
        hypervisor_id=log.hypervisor_id,
        owner_id=log.vm.owner_id if log.vm else None,
        team_id=log.vm.team_id if log.vm else None,
    )
    begun = Entry.objects.filter(kind=Kind.CONSOLE, object_id=log.vm_id, event=event, user=user, name=log.name)
    if not begun.filter(hypervisor_id=log.hypervisor_id, at__gt=timezone.now() - SESSION).exists():
        Entry.objects.record(subject, event, by=user, result=Result.DONE)


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A console that a user has opened, as its end is recorded."""

    vm: VM
    kind: str  # serial or display
    user: AbstractBaseUser
    request: HttpRequest
    at: datetime


def note_opened(vm: VM, kind: str, user: AbstractBaseUser, request: HttpRequest) -> Opened:
    """Record that a user opens a serial console or a display."""
    event = Event.CONSOLE_SERIAL if kind == "serial" else Event.CONSOLE_DISPLAY
    _record(vm, event, {}, user, request)
    return Opened(vm=vm, kind=kind, user=user, request=request, at=timezone.now())


def note_closed(opened: Opened, has_written: bool) -> None:
    """Record that a user closes a console, since when it was open, and whether it was only read."""
    events = (Event.CONSOLE_READ, Event.CONSOLE_WRITTEN)
    if opened.kind != "serial":
        events = (Event.CONSOLE_VIEWED, Event.CONSOLE_USED)
    about = {"since": f"{timezone.localtime(opened.at):%Y-%m-%d %H:%M:%S}"}
    _record(opened.vm, events[has_written], about, opened.user, opened.request)


def _record(vm: VM, event: Event, about: dict, user: AbstractBaseUser, request: HttpRequest) -> None:
    subject = vm.activity_subject(event)
    Entry.objects.record(subject, event, about, by=user, request=request, result=Result.DONE)
