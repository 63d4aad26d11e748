"""Entries of the activity log about users who read consoles, which may show secrets."""

from datetime import timedelta

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils import timezone

from virterweb.activity.choices import Kind, Result
from virterweb.activity.models import Entry, Subject
from vms.definition.events import Event
from vms.models import ConsoleLog

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
