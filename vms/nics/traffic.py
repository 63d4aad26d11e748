"""Records the traffic of running VMs' NICs: one call per hypervisor, however many VMs run."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from virterweb.hypervisors.connections.guard import Observation
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundTraffic, Refused
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus, ReadingProblem
from vms.models import NICStatus, NICTraffic, Power
from vms.observed.rates import STEP, Counters, Reading, follow

log = logging.getLogger(__name__)

ACTIVE = (Power.RUNNING, Power.PAUSED)
PAUSE = timedelta(seconds=STEP)  # between two readings
NICS = ("vm", "mac", "place", "vm__desired__uuid", "target")


def observe(hypervisor: Hypervisor, connection: Connection) -> None:
    """Read the counters of a hypervisor's NICs, unless they were just read."""
    now = timezone.now()
    if (due_at := hypervisor.status.traffic_due_at) and now < due_at < now + 2 * PAUSE:
        return
    due = Q(traffic_due_at=None) | Q(traffic_due_at__lte=now)
    statuses = HypervisorStatus.objects.filter(due, hypervisor=hypervisor)
    if not statuses.update(traffic_due_at=now + PAUSE):
        return
    try:
        found = connection.domains.traffic()
    except Refused as problem:  # not every driver has counters
        log.info("%s: traffic not read: %s", hypervisor, problem.detail)
        return
    write(hypervisor, found, timezone.now())


def write(hypervisor: Hypervisor, found: Mapping[str, Mapping[str, FoundTraffic]], at: datetime) -> None:
    """Save counters by UUID and host device, as `Domains.traffic` returns them; delete all others."""
    running = NICStatus.objects.filter(vm__desired__hypervisor=hypervisor, vm__power__in=ACTIVE)
    nics = {
        (vm, mac, place): found.get(str(uuid), {}).get(target)
        for vm, mac, place, uuid, target in running.exclude(target="").values_list(*NICS)
    }
    known = {
        (row.vm_id, row.mac, row.place): row for row in NICTraffic.objects.filter(vm__desired__hypervisor=hypervisor)
    }
    rows = []
    with Observation(hypervisor, ReadingProblem.Kind.TRAFFIC) as reading:
        for key, seen in nics.items():
            with reading.guard(" ".join(map(str, key)), key[1]):
                rows += [_row(key, seen, at, known.get(key))] if seen else []
    try:
        with transaction.atomic():
            NICTraffic.objects.bulk_create(
                rows,
                update_conflicts=True,
                unique_fields=["vm", "mac", "place"],
                update_fields=["at", "counters", "samples"],
            )
            if gone := [row.pk for key, row in known.items() if key not in nics]:
                NICTraffic.objects.filter(pk__in=gone).delete()
    except IntegrityError:  # a VM was removed meanwhile; the next reading lacks it
        log.debug("%s: traffic not written", hypervisor)


def _row(key: tuple[int, str, str], seen: FoundTraffic, at: datetime, before: NICTraffic | None) -> NICTraffic:
    now = Reading(at=at, received=Counters.of(seen.received), sent=Counters.of(seen.sent))
    return NICTraffic(
        vm_id=key[0],
        mac=key[1],
        place=key[2],
        at=at,
        counters={"received": vars(now.received), "sent": vars(now.sent)},
        samples=follow(before.samples, reading(before), now) if before else (),
    )


def reading(row: NICTraffic) -> Reading:
    """Return a row as a reading."""
    return Reading(at=row.at, **{way: Counters(**values) for way, values in row.counters.items()})
