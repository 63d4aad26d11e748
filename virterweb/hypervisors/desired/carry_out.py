"""Carrying out of desired configurations: claim one, make libvirt agree, record the result, plan retries."""

import logging
from collections.abc import Callable
from datetime import timedelta
from time import monotonic

from django.db import models
from django.utils import timezone

from virterweb.changes import writes
from virterweb.hypervisors.claims.due import DATABASE_AWAY, MAX_OUTAGES
from virterweb.hypervisors.connections.guard import failure
from virterweb.hypervisors.connections.pool import CROWDED, MAX_CALLERS, connected
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import HypervisorError, NotConnected, Unreachable
from virterweb.logs.context import about
from virterweb.messages import Failure, Message

from .models import Desired, Status
from .refusals import Superseded
from .revisions import conclude

log = logging.getLogger(__name__)

RETRY = timedelta(seconds=2)
MAX_RETRY = timedelta(seconds=30)


class Waiting(Failure):
    """Carrying out needs time but no work: `message` says what it waits for."""

    def __init__(self, message: Message, seconds: float = 1) -> None:
        super().__init__(message)
        self.seconds = seconds


def carry_out(
    model: type[Desired],
    pk: int,
    push: Callable[[Desired, Connection], dict],
    prepare: Callable[[Desired], None] = lambda desired: None,
) -> None:
    """Claim one object and make libvirt agree by `push`, which returns further columns for the status.

    `prepare` is called before: work that may take long and must not occupy a place in the hypervisor.

    Nothing is done if the object is gone, up to date, or claimed by another. A refusal is recorded as failed with the
    generation tried; a lost hypervisor leaves it pending. Changes made in the meantime are applied immediately.
    """
    statuses = model._meta.get_field("status").related_model.objects
    with statuses.filter(desired=pk).claim() as status:
        while status and (desired := model.objects.select_related("hypervisor", "status").filter(pk=pk).first()):
            if desired.done or desired.status.claimed_by != status.claimed_by:
                return
            with (
                writes.on(desired.hypervisor_id),
                about(
                    object=f"{model._meta.verbose_name} {desired}", change=desired.generation, request=desired.request
                ),
            ):
                settled = _attempt(desired, push, prepare)
            _admit(statuses, desired)
            if not settled:
                return


def _admit(statuses: models.Manager, desired: Desired) -> None:
    """Let workers try some of those that wait for a free place in a hypervisor, even before their time."""
    if desired.status.progress != CROWDED:
        waiting = statuses.filter(desired__hypervisor=desired.hypervisor_id, progress=CROWDED).order_by("due_at")
        statuses.filter(pk__in=list(waiting.values_list("pk", flat=True)[:MAX_CALLERS])).update(due_at=None)


def _attempt(desired: Desired, push: Callable[[Desired, Connection], dict], prepare: Callable[[Desired], None]) -> bool:
    """Try one generation; return whether it is settled, that is carried out or refused."""
    status, began = desired.status, monotonic()
    status.steps.restart()
    try:
        prepare(desired)
        with connected(desired.hypervisor_id, desired.hypervisor.uri) as connection:
            desired.confirm()  # the connection may have been waited for
            values = push(desired, connection)
    except Superseded:
        return True
    except Exception as problem:
        if isinstance(problem, DATABASE_AWAY) and status.crashes < MAX_OUTAGES:  # it is tried again soon
            raise
        if not status.is_still_claimed():
            log.warning(
                "%s %s: the claim was lost to another worker; result dropped: %s",
                desired._meta.verbose_name,
                desired,
                problem,
            )
            return True
        return _record_failure(desired, began, problem)
    if values is not None:
        _conclude(desired, began, made_at=status.made_at or timezone.now(), **values)
    return True


def _record_failure(desired: Desired, began: float, problem: Exception) -> bool:
    """Record why an attempt failed, and when it is retried. Return whether it was refused, and is not retried."""
    status = desired.status
    if isinstance(problem, Waiting):
        status.retry_later(problem.message, timedelta(seconds=problem.seconds), tries=status.tries)
        return False
    if not isinstance(problem, HypervisorError):
        _crashed(desired, problem)
        return False
    log.warning("%s %s: %s (%s)", desired._meta.verbose_name, desired, problem, problem.detail)
    if problem.again:
        # The message of a lost connection names the URI; only the page of the hypervisor shows it, to operators.
        detail = "" if isinstance(problem, Unreachable) else problem.detail
        if problem.message == CROWDED or isinstance(problem, NotConnected):  # nothing was attempted
            status.retry_later(problem.message, RETRY, detail=detail, tries=status.tries)
        else:
            wait = min(RETRY * 2 ** min(status.tries, 4), MAX_RETRY)
            status.retry_later(problem.message, wait, detail=detail)
        return False
    _conclude(desired, began, error=problem.message, detail=problem.detail)
    return True


def _conclude(desired: Desired, began: float, **values: object) -> None:
    """Write the result of an attempt, unless the object was released or adopted or the claim was lost in the meantime.

    Another worker takes the claim if this one cannot reach the database for too long. Its result is newer.
    """
    status = desired.status
    mine = type(status).objects.filter(pk=status.pk, claimed_by=status.claimed_by)
    if mine.exists():
        conclude(desired, values.get("error"), seconds=monotonic() - began)
    mine.filter(desired__managed=desired.managed).update(**{**Status.CLEAN, "generation": desired.generation, **values})


def _crashed(desired: Desired, problem: Exception) -> None:
    """Record an internal error, and retry with a growing delay."""
    status, (error, detail) = desired.status, failure(problem)
    if not (status.tries and status.error == error):
        log.error("%s %s: %s", desired._meta.verbose_name, desired, error, exc_info=problem)
    status.retry_later(Message(), RETRY * 2 ** min(status.tries, 7), error=error, detail=detail)
