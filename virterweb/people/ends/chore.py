"""The chore of end dates, every half minute: stop what has ended, delete it later, and remind owners."""

import logging
from collections.abc import Callable, Iterable

from django.db import Error
from django.db.models import Q

from virterweb.hypervisors.claims.clock import Now, database_time

from . import reminders
from .ending import Ending, due, ending_models

log = logging.getLogger(__name__)

AT_ONCE = 100  # objects of a kind that one round stops, or deletes


def run() -> None:
    """Stop and delete what is due, one object at a time: a problem with one does not affect the others.

    They have no order: objects that stay, such as used networks, must not fill each round.
    """
    for model in ending_models():
        undo_wrong_times(model)
        _each(due(model).filter(ended_at=None).order_by("?")[:AT_ONCE], model.end)
        ended = due(model).filter(ended_at__isnull=False).order_by("?")
        now = database_time()
        over = (thing for thing in ended.iterator(AT_ONCE) if thing.deleted_from <= now)
        _each([thing for thing, _ in zip(over, range(AT_ONCE), strict=False)], model.delete_at_end)
    reminders.note()
    reminders.send()


def undo_wrong_times(model: type[Ending]) -> None:
    """Clear `ended_at` where it was recorded while the clock was ahead: these objects can be started, or end again."""
    early = Q(ends_at=None) | Q(ends_at__gt=Now()) | Q(ended_at__gt=Now())
    model.objects.filter(early, ended_at__isnull=False).update(ended_at=None)


def _each(things: Iterable[Ending], act: Callable[[Ending], None]) -> None:
    for thing in things:
        try:
            act(thing)
        except Error:  # the database is away
            raise
        except Exception:
            log.exception(
                "the end date of %s %s could not be carried out, and is retried", thing._meta.verbose_name, thing
            )
