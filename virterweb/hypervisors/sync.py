"""One poll of one hypervisor: connect, have every app record its observations, and record the result."""

import logging
from datetime import timedelta
from time import monotonic

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string

from virterweb.hypervisors.connections.guard import Observation, failure
from virterweb.hypervisors.connections.pool import connected
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import Busy, HypervisorError, Unreachable

from .models import Hypervisor, HypervisorStatus, ReadingProblem

log = logging.getLogger(__name__)

MIN_POLL_INTERVAL = 1.0  # seconds between two polls of a hypervisor
PAUSE_PER_POLL_SECOND = 10  # a poll may take a tenth of the time, so a large hypervisor is polled less often
MAX_POLL_INTERVAL = 10.0  # seconds between two polls, however slow they are
RETRY_INTERVAL = 2.0  # seconds between two attempts to reach one that does not answer
ERROR_RETRY_INTERVAL = 10.0  # seconds after a poll that failed by an error of our own
HOST_FACTS_INTERVAL = timedelta(seconds=30)


def ask(hypervisor_id: int) -> None:
    """Ask for a poll that begins from now on: one that is running does not count."""
    HypervisorStatus.objects.filter(hypervisor=hypervisor_id).update(asked_at=timezone.now())


def observe(hypervisor_id: int) -> None:
    """Poll a hypervisor, unless another worker does; poll again if that was requested in the meantime."""
    if _poll(hypervisor_id) and Hypervisor.objects.due().filter(pk=hypervisor_id).exists():
        _poll(hypervisor_id)


def _poll(hypervisor_id: int) -> bool:
    """Poll a hypervisor; return False if another worker does, or it is gone."""
    with HypervisorStatus.objects.filter(hypervisor=hypervisor_id).claim() as status:
        hypervisor = status and _with_problems().filter(pk=hypervisor_id).first()
        if not hypervisor:
            return False
        _record(status.pk, began_at=timezone.now())
        try:
            with connected(hypervisor.pk, hypervisor.uri, limited=False) as connection:
                _record(status.pk, **_read_everything(hypervisor, connection))
        except Busy:  # it is there, and has no time
            _record(status.pk, due_at=timezone.now() + timedelta(seconds=RETRY_INTERVAL))
        except Unreachable as problem:
            _record_failure(status, problem)
        except Exception as problem:
            _record_error(status, problem)
        return True


def _with_problems() -> QuerySet[Hypervisor]:
    """Return hypervisors with their earlier reading problems, in one query for all readings of a poll."""
    return Hypervisor.objects.select_related("status").prefetch_related("reading_problems")


def _read_everything(hypervisor: Hypervisor, connection: Connection) -> dict:
    """Run all observers; return the columns of HypervisorStatus that result."""
    began = monotonic()
    status = hypervisor.status
    fresh = {}
    if not status.observed_at or status.unreachable_since or timezone.now() - status.observed_at > HOST_FACTS_INTERVAL:
        fresh = {
            "version": connection.host.version(),
            "memory": connection.host.memory(),
            "nic_models": connection.host.nic_models(),
        }
    routes = connection.host.routes()
    if routes != status.routes:
        fresh["routes"] = routes
    with Observation(hypervisor, ReadingProblem.Kind.PART) as parts:
        for name in settings.OBSERVERS:
            with parts.guard(name):
                import_string(name)(hypervisor, connection)
    if (
        devices := connection.host.devices()
    ) != status.devices:  # last: a bridge of what was seen to run is there by now
        fresh["devices"] = devices
    seconds = monotonic() - began
    now = timezone.now()
    pause = timedelta(seconds=min(max(MIN_POLL_INTERVAL, PAUSE_PER_POLL_SECOND * seconds), MAX_POLL_INTERVAL))
    cleared = {"unreachable_since": None, "error": "", "detail": ""} if status.error else {}
    return {"observed_at": now, "due_at": now + pause, "seconds": seconds, **fresh, **cleared}


def _record_failure(status: HypervisorStatus, problem: HypervisorError) -> None:
    now = timezone.now()
    if not status.error:
        log.warning("%s: %s (%s)", status.hypervisor, problem, problem.detail)
    _record(
        status.pk,
        error=problem.message,
        detail=problem.detail,
        unreachable_since=status.unreachable_since or now,
        due_at=now + timedelta(seconds=RETRY_INTERVAL),
    )


def _record_error(status: HypervisorStatus, problem: Exception) -> None:
    """Record an unexpected error, which does not mean that the hypervisor is unreachable."""
    error, detail = failure(problem)
    if status.error != error:
        log.error("%s: %s", status.hypervisor, error, exc_info=problem)
    due_at = timezone.now() + timedelta(seconds=ERROR_RETRY_INTERVAL)
    _record(status.pk, error=error, detail=detail, unreachable_since=None, due_at=due_at)


def _record(pk: int, **values: object) -> None:
    HypervisorStatus.objects.filter(pk=pk).update(**values)
