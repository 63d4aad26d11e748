"""Heartbeats of worker processes, which tell commands and health checks whether a worker runs."""

from datetime import timedelta

from django.conf import settings

from virterweb.hypervisors.claims.clock import database_time
from virterweb.hypervisors.claims.processes import this_process
from virterweb.hypervisors.models import HypervisorStatus, WorkerProcess

from . import chores

INTERVAL = 5.0  # seconds between two heartbeats
ALIVE = timedelta(seconds=20)  # how long after its last one a worker counts as running


def worker_runs() -> bool:
    """Return whether any worker has a recent heartbeat."""
    return WorkerProcess.objects.filter(seen_at__gt=database_time() - ALIVE).exists()


def beat() -> None:
    """Record that this worker runs. The first time, and when another has died, all hypervisors are polled."""
    now, name = database_time(), this_process()
    died, _ = WorkerProcess.objects.filter(seen_at__lt=now - ALIVE).exclude(name=name).delete()
    came = not WorkerProcess.objects.filter(name=name).update(seen_at=now)
    if came:
        chores.register()
        WorkerProcess.objects.create(name=name, seen_at=now, hypervisors=settings.WORKER_HYPERVISORS)
    if came or died:
        _poll_all()


def end() -> None:
    """Record that this worker ends; others poll what it has received events of."""
    WorkerProcess.objects.filter(name=this_process()).delete()
    _poll_all()


def _poll_all() -> None:
    """Have all hypervisors polled: nobody has received events of them in the meantime."""
    now = database_time()
    HypervisorStatus.objects.filter(due_at__gt=now, error="").update(due_at=now)
