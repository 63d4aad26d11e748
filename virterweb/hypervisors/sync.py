"""One look at one hypervisor: open it, let every app above write down what it sees, record how it went."""

import logging
from datetime import timedelta
from time import monotonic

from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from .connections import connected
from .found import HypervisorError
from .gateway import Host
from .models import LONGEST_PAUSE, Hypervisor, HypervisorStatus
from .reconcile import claimed

log = logging.getLogger(__name__)

PACE = 1.0  # seconds between two looks at a hypervisor
SHARE = 10  # a look may take a tenth of the time, so a large hypervisor is looked at less often
PATIENCE = 2.0  # seconds between two tries to reach one that is gone
ROUTES = timedelta(seconds=30)


def observe(hypervisor_id: int) -> None:
    """Look at a hypervisor, unless another worker is at it: then its look serves."""
    with claimed(HypervisorStatus.objects.filter(hypervisor=hypervisor_id)) as status:
        hypervisor = status and Hypervisor.objects.select_related("status").filter(pk=hypervisor_id).first()
        if not hypervisor:
            return
        try:
            with connected(hypervisor.pk, hypervisor.uri) as host:
                _record(status.pk, **_look(hypervisor, host))
        except HypervisorError as problem:
            _record_failure(status, problem)


def _look(hypervisor: Hypervisor, host: Host) -> dict:
    """Run all observers; the columns of HypervisorStatus that follow from the look."""
    began = monotonic()
    status = hypervisor.status
    fresh = {}
    if not status.observed_at or status.unreachable_since or timezone.now() - status.observed_at > ROUTES:
        fresh = {"version": host.version(), "memory": host.memory(), "nic_models": host.nic_models()}
    routes = host.routes()
    if routes != status.routes:
        fresh["routes"] = routes
    for name in settings.OBSERVERS:
        import_string(name)(hypervisor, host)
    seconds = monotonic() - began
    now = timezone.now()
    pause = min(timedelta(seconds=max(PACE, SHARE * seconds)), LONGEST_PAUSE)
    cleared = {"unreachable_since": None, "error": "", "detail": ""} if status.error else {}
    return {"observed_at": now, "next_look": now + pause, "seconds": seconds, **fresh, **cleared}


def _record_failure(status: HypervisorStatus, problem: HypervisorError) -> None:
    now = timezone.now()
    if not status.error:
        log.warning("%s: %s (%s)", status.hypervisor, problem, problem.detail)
    _record(
        status.pk,
        error=str(problem),
        detail=problem.detail,
        unreachable_since=status.unreachable_since or now,
        next_look=now + timedelta(seconds=PATIENCE),
    )


def _record(pk: int, **values: object) -> None:
    HypervisorStatus.objects.filter(pk=pk).update(**values)
