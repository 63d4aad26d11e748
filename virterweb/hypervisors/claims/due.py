"""Rows that workers take up when they are due, each worked on by one worker at a time.

A claim is a token in the row that says which process holds it. Only the holder of the token ends or extends the claim.
While the work is in progress a thread of the process extends it. The claims of a killed process expire; they end at
once if another process on the same machine finds it dead.
"""

import itertools
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import ClassVar, Self

from django.apps import apps
from django.conf import settings
from django.db import Error, InterfaceError, OperationalError, connection, models, transaction
from django.db.models import Q

from virterweb.hypervisors.gateway.found import HypervisorError

from .clock import Now
from .processes import is_dead, this_process

log = logging.getLogger(__name__)

LONGEST_PAUSE = timedelta(minutes=10)  # nothing is postponed for longer, unless the clock was set back
FIRST_PAUSE = timedelta(seconds=10)  # after an attempt that crashed
FIRST_DATABASE_PAUSE = timedelta(seconds=0.25)  # after one that the database broke off
MAX_GROWTH = 30  # how many times as long as the first pause the longest is
DATABASE_AWAY = (InterfaceError, OperationalError)  # not the fault of the work: a lost connection, a deadlock
MAX_OUTAGES = 3  # in a row; such an error that persists is one of the work
EXTENSIONS = 6  # of a claim before it would end: a few may fail or be late

_numbers = itertools.count(1)
_held: dict[str, tuple[type["Due"], int]] = {}
_ended: dict[str, tuple[type["Due"], dict]] = {}  # claims that could not be ended, because the database was away
_extending: threading.Thread | None = None
_lock = threading.Lock()
os.register_at_fork(after_in_child=_held.clear)
os.register_at_fork(after_in_child=_ended.clear)


class DueQuerySet(models.QuerySet):
    def free(self) -> Self:
        """Return the rows that no worker has claimed."""
        return self.filter(self.model.is_free())

    def due(self) -> Self:
        """Return the rows whose time has come and that no worker has claimed."""
        return self.filter(self.model.is_due())

    @contextmanager
    def claim(self) -> Iterator["Due | None"]:
        """Claim the one row if it is free, or yield None: another has it, or there is none.

        An unexpected exception is re-raised. The row then stays unclaimed for a time that doubles with each failure, so
        that no worker takes it up again immediately. If the database was lost, that time is short.
        """
        token = f"{this_process()}/{next(_numbers)}"
        with transaction.atomic():
            row = self.free().select_for_update(of=("self",), skip_locked=True).first()
            if row:
                row.claimed_by = token
                self.model.objects.filter(pk=row.pk).update(claimed_by=token, claimed_until=Now() + _length())
        if row is None:
            yield None
            return
        _held[token] = self.model, row.pk
        _start_extending()
        ended = {"claimed_by": "", "claimed_until": None, "crashes": 0}
        try:
            yield row
        except HypervisorError:
            raise
        except Exception as problem:
            first = FIRST_DATABASE_PAUSE if isinstance(problem, DATABASE_AWAY) else FIRST_PAUSE
            pause = first * min(2**row.crashes, MAX_GROWTH)
            ended |= {"claimed_until": Now() + pause, "crashes": min(row.crashes + 1, 10)}
            raise
        finally:
            del _held[token]
            _end(token, self.model, ended)


class Due(models.Model):
    """A row that one worker at a time processes when it is due; only `claim` writes the columns of the claim."""

    claimed_by = models.CharField(blank=True, editable=False)
    claimed_until = models.DateTimeField(null=True, editable=False)
    crashes = models.PositiveSmallIntegerField(default=0, editable=False, help_text="attempts in a row that crashed")
    due_at = models.DateTimeField(null=True, editable=False, help_text="when a worker takes it up next; empty: at once")

    MAX_PAUSE: ClassVar = LONGEST_PAUSE
    """The longest time for which such a row is postponed."""

    objects = DueQuerySet.as_manager()

    class Meta:
        abstract = True

    @classmethod
    def is_free(cls, path: str = "") -> Q:
        """Return the condition that no worker has claimed such a row, or the one at `path` of other rows.

        A claim that ends too far in the future does not count either: the clock was set back.
        """
        until = f"{path}claimed_until"
        return Q(**{until: None}) | Q(**{f"{until}__lt": Now()}) | Q(**{f"{until}__gt": Now() + LONGEST_PAUSE})

    @classmethod
    def is_due(cls, path: str = "") -> Q:
        """Return the condition that the time of such a row, or of the one at `path`, has come, and that it is free.

        A time later than any that is ever set counts as well: the clock was set back.
        """
        at = f"{path}due_at"
        return cls.is_free(path) & (
            Q(**{at: None}) | Q(**{f"{at}__lte": Now()}) | Q(**{f"{at}__gt": Now() + cls.MAX_PAUSE})
        )

    def is_still_claimed(self) -> bool:
        """Return whether this process still holds the claim with which the row was read."""
        return type(self).objects.filter(pk=self.pk, claimed_by=self.claimed_by).exists()


def end_claims_of_dead() -> None:
    """End the claims of processes of this machine that were killed."""
    tables = [model for model in apps.get_models() if issubclass(model, Due)]
    in_force = (model.objects.filter(claimed_until__gt=Now()).order_by() for model in tables)
    first, *others = (rows.values_list("claimed_by") for rows in in_force)
    for token in {token for (token,) in first.union(*others) if is_dead(token)}:
        log.warning("the process that held the claim %s was killed: the claim ends", token)
        for model in tables:
            model.objects.filter(claimed_by=token).update(claimed_by="", claimed_until=None)


def end_late_claims() -> None:
    """End the claims of this process whose work ended while the database was away."""
    for token, (model, values) in list(_ended.items()):
        model.objects.filter(claimed_by=token).update(**values)
        del _ended[token]


def _end(token: str, model: type[Due], values: dict) -> None:
    try:
        model.objects.filter(claimed_by=token).update(**values)
    except Error:
        _ended[token] = model, values
        raise


def _length() -> timedelta:
    return timedelta(seconds=settings.CLAIM_SECONDS)


def _start_extending() -> None:
    global _extending
    with _lock:
        if _extending is None or not _extending.is_alive():  # also in a process that was forked
            _extending = threading.Thread(target=_extend, name="claims", daemon=True)
            _extending.start()


def _extend() -> None:
    while True:
        time.sleep(settings.CLAIM_SECONDS / EXTENSIONS)
        extend_claims()
        connection.close()


def extend_claims() -> None:
    """Extend the claims of this process, and log those that it has lost; a deleted row is no loss."""
    for token, (model, pk) in list(_held.items()):
        with suppress(Error):  # the database is away for a moment
            kept = model.objects.filter(claimed_by=token).update(claimed_until=Now() + _length())
            if not kept and token in _held and model.objects.filter(pk=pk).exists():
                log.error("the claim %s was lost while its work is in progress", token)
