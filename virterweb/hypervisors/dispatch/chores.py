"""Housekeeping at intervals, done by one worker at a time: functions that `settings.CHORES` names."""

import logging
from datetime import timedelta

from django.conf import settings
from django.utils.module_loading import import_string

from virterweb.hypervisors.claims.clock import database_time
from virterweb.hypervisors.claims.due import DueQuerySet
from virterweb.hypervisors.models import Chore

log = logging.getLogger(__name__)


def register() -> None:
    """Create the rows of new chores, and delete those of chores that no longer exist."""
    Chore.objects.exclude(name__in=settings.CHORES).delete()
    Chore.objects.bulk_create([Chore(name=name) for name in settings.CHORES], ignore_conflicts=True)


def due() -> DueQuerySet:
    return Chore.objects.due()


def run(pk: int) -> None:
    """Do a chore, unless another worker does; the next time is set even if it fails."""
    with due().filter(pk=pk).claim() as chore:
        if chore:
            again = database_time() + timedelta(seconds=settings.CHORES[chore.name])
            Chore.objects.filter(pk=pk).update(due_at=again)
            import_string(chore.name)()
