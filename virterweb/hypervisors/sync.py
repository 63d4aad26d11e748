"""One poll of one hypervisor: connect, have every app record its observations, and record the result."""

import logging
from datetime import datetime, timedelta
from time import monotonic

from django.conf import settings
from django.db.models import Case, DateTimeField, F, Q, QuerySet, When
from django.utils.module_loading import import_string

from virterweb.changes import writes
from virterweb.hypervisors.claims.clock import Now, database_time
from virterweb.hypervisors.claims.due import DATABASE_AWAY, MAX_OUTAGES
from virterweb.hypervisors.connections.guard import Observation, failure
from virterweb.hypervisors.connections.pool import connected
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import Busy, HypervisorError, Unreachable

from .models import Hypervisor, HypervisorStatus, ReadingProblem

log = logging.getLogger(__name__)

MIN_PAUSE = 1.0  # seconds between two polls of a hypervisor that is busy, or watched without events
QUIET_PAUSE = 3.0  # seconds between two polls of a watched hypervisor whose events work and where nothing changes
QUIET_GROWTH = 1.25  # the factor by which the pause grows until then
PAUSE_PER_POLL_SECOND = 10  # a poll may take a tenth of the time, so a large hypervisor is polled less often
MAX_PAUSE = 10.0  # seconds between two such polls, however slow they are, and where libvirt sends no events
RETRY_INTERVAL = 2.0  # seconds between two attempts to reach one that does not answer
ERROR_RETRY_INTERVAL = 10.0  # seconds after a poll that failed by an error of our own
HOST_FACTS_INTERVAL = timedelta(seconds=30)
BOOT_TIME = 600.0  # seconds after the start of a host in which not all of its libvirt may answer yet


def ask(hypervisor_id: int) -> None:
    """Ask for a poll that begins from now on: one that is running does not count."""
    HypervisorStatus.objects.filter(hypervisor=hypervisor_id).update(asked_at=database_time(), due_at=None)


def observe_if_due(hypervisor_id: int) -> None:
    """Poll a hypervisor, unless another worker does or just did."""
    if Hypervisor.objects.due().filter(pk=hypervisor_id).exists():
        observe(hypervisor_id)


def observe(hypervisor_id: int) -> None:
    """Poll a hypervisor, unless another worker does; it stays due if that was requested in the meantime."""
    with writes.on(hypervisor_id), HypervisorStatus.objects.filter(hypervisor=hypervisor_id).claim() as status:
        hypervisor = status and _with_problems().filter(pk=hypervisor_id).first()
        if not hypervisor:
            return
        _record(status.pk, began_at=database_time())
        try:
            with connected(hypervisor.pk, hypervisor.uri, limited=False) as connection:
                _record(status.pk, **_read_everything(hypervisor, connection))
        except Busy:  # it is there, and has no time
            reached = {"unreachable_since": None, "error": "", "detail": ""} if status.unreachable_since else {}
            _record(status.pk, due_at=_after(RETRY_INTERVAL), **reached)
        except Unreachable as problem:
            _record_failure(status, problem)
        except Exception as problem:
            if isinstance(problem, DATABASE_AWAY) and status.crashes < MAX_OUTAGES:  # it is polled again soon
                raise
            _record_error(status, problem)


def _after(seconds: float, unwatched: float | None = None) -> Case:
    """Return the time of the next poll: after so many seconds, or others if no page shows the hypervisor.

    It is at once if a poll was requested since this one began.
    """
    asked = Q(asked_at__gt=F("began_at"), asked_at__lte=Now())
    return Case(
        When(asked, then=None),
        When(HypervisorStatus.is_watched(), then=Now() + timedelta(seconds=seconds)),
        default=Now() + timedelta(seconds=unwatched or seconds),
        output_field=DateTimeField(),
    )


def _with_problems() -> QuerySet[Hypervisor]:
    """Return hypervisors with their earlier reading problems, in one query for all readings of a poll."""
    return Hypervisor.objects.select_related("status").prefetch_related("reading_problems")


def _read_everything(hypervisor: Hypervisor, connection: Connection) -> dict:
    """Run all observers; return the columns of HypervisorStatus that result.

    An observer returns whether something has changed or is in progress, so that the next poll follows soon.
    """
    began = monotonic()
    status = hypervisor.status
    now = database_time()
    fresh = status.note_uptime(connection.host.uptime(), now)
    if status.unreachable_since:  # changes that wait for it need not wait for the end of the poll
        _record(status.pk, unreachable_since=None, error="", detail="")
    fresh |= _host_facts(status, connection, now)
    busy = False
    with Observation(hypervisor, ReadingProblem.Kind.PART) as parts:
        for name in settings.OBSERVERS:
            with parts.guard(name):
                busy |= bool(import_string(name)(hypervisor, connection))
    if status.has_restarted and parts.failed and status.uptime < BOOT_TIME:
        del fresh["uptime"]  # so that the next poll finds the restart, too
    if (
        devices := connection.host.devices()
    ) != status.devices:  # last: a bridge of what was seen to run is there by now
        fresh["devices"] = devices
    seconds = monotonic() - began
    quiet = connection.sends_events and not busy
    # A single slow poll does not count.
    pause = _pause(status, min(seconds, status.seconds), since=now if quiet else None)
    unwatched = pause if busy else settings.IDLE_POLL_SECONDS if connection.sends_events else MAX_PAUSE
    cleared = {"unreachable_since": None, "error": "", "detail": ""} if status.error else {}
    return {"observed_at": database_time(), "due_at": _after(pause, unwatched), "seconds": seconds, **fresh, **cleared}


def _period(moment: datetime) -> int:
    """Return the number of a period in which what changes all the time is read once, however often polls are."""
    return int(moment.timestamp() // HOST_FACTS_INTERVAL.total_seconds())


def steady(used: int | None, before: int | None, total: int) -> int | None:
    """Return the memory that is used as pages show it, in MiB: it changes only if it differs by a step.

    A step is 1 % of all memory, at least 256 MiB: each change that is recorded renews the open pages.
    """
    step = max(total // 100, 256)
    if used is None or (before is not None and abs(used - before) < step):
        return None if used is None else before
    return min(round(used / step) * step, max(total, used))


def _host_facts(status: HypervisorStatus, connection: Connection, now: datetime) -> dict:
    """Return the columns about the host that have changed; what changes rarely is read at intervals."""
    host = connection.host
    facts: dict[str, object] = {"routes": host.routes()}
    if not status.observed_at or status.unreachable_since or now - status.observed_at > HOST_FACTS_INTERVAL:
        facts |= {"version": host.version(), "host_name": host.name(), "nic_models": host.nic_models()}
        facts |= {"memory": host.memory(), "cpus": host.cpus(), "archs": host.archs()}
    if not status.observed_at or _period(status.observed_at) != _period(now):
        facts["memory_used"] = steady(host.memory_used(), status.memory_used, host.memory())
    return {name: value for name, value in facts.items() if getattr(status, name) != value}


def _pause(status: HypervisorStatus, usual: float, *, since: datetime | None) -> float:
    """Return the seconds until the next poll of a watched hypervisor.

    A poll usually takes `usual` seconds. The pause grows from poll to poll if `since` is given, the time at which this
    one began: nothing has changed, and events would tell.
    """
    if not status.observed_at:
        return MIN_PAUSE
    least = MIN_PAUSE
    if since:
        least = min(max(MIN_PAUSE, QUIET_GROWTH * (since - status.observed_at).total_seconds()), QUIET_PAUSE)
    return min(max(least, PAUSE_PER_POLL_SECOND * usual), MAX_PAUSE)


def _record_failure(status: HypervisorStatus, problem: HypervisorError) -> None:
    now = database_time()
    if not status.error:
        log.warning("%s: %s (%s)", status.hypervisor, problem, problem.detail)
    _record(
        status.pk,
        error=problem.message,
        detail=problem.detail,
        unreachable_since=status.unreachable_since or now,
        due_at=_after(RETRY_INTERVAL),
    )


def _record_error(status: HypervisorStatus, problem: Exception) -> None:
    """Record an unexpected error, which does not mean that the hypervisor is unreachable."""
    error, detail = failure(problem)
    if status.error != error:
        log.error("%s: %s", status.hypervisor, error, exc_info=problem)
    _record(status.pk, error=error, detail=detail, unreachable_since=None, due_at=_after(ERROR_RETRY_INTERVAL))


def _record(pk: int, **values: object) -> None:
    HypervisorStatus.objects.filter(pk=pk).update(**values)
