"""Writes down what goes through the NICs of running VMs: one call a hypervisor, however many run."""

import logging
from collections.abc import Mapping
from datetime import datetime
from time import monotonic

from django.db import IntegrityError, transaction
from django.utils import timezone

from virterweb.hypervisors.found import FoundTraffic, Refused
from virterweb.hypervisors.gateway import Host
from virterweb.hypervisors.models import Hypervisor

from .models import NICStatus, NICTraffic, Power
from .rates import STEP, Counters, Reading, follow

log = logging.getLogger(__name__)

ACTIVE = (Power.RUNNING, Power.PAUSED)

_next_reading: dict[int, float] = {}


def observe(hypervisor: Hypervisor, host: Host) -> None:
    """Read the counters of a hypervisor's NICs, unless that was just done."""
    now = monotonic()
    if now < _next_reading.get(hypervisor.pk, 0.0):
        return
    _next_reading[hypervisor.pk] = now + STEP
    try:
        found = host.traffic()
    except Refused as problem:  # no reason to call the rest of the look a failure
        log.info("%s: traffic not read: %s", hypervisor, problem.detail)
        return
    write(hypervisor, found, timezone.now())


def write(hypervisor: Hypervisor, found: Mapping[str, Mapping[str, FoundTraffic]], at: datetime) -> None:
    """Write down counters by UUID and host device, as `Host.traffic` has them, of NICs that run; forget the others'."""
    running = NICStatus.objects.filter(vm__wish__hypervisor=hypervisor, vm__power__in=ACTIVE)
    nics = {
        (vm, mac): found.get(str(uuid), {}).get(target)
        for vm, uuid, mac, target in running.exclude(target="").values_list("vm", "vm__wish__uuid", "mac", "target")
    }
    known = {(row.vm_id, row.mac): row for row in NICTraffic.objects.filter(vm__wish__hypervisor=hypervisor)}
    rows = [_row(key, seen, at, known.get(key)) for key, seen in nics.items() if seen]
    try:
        with transaction.atomic():
            NICTraffic.objects.bulk_create(
                rows,
                update_conflicts=True,
                unique_fields=["vm", "mac"],
                update_fields=["at", "counters", "samples"],
            )
            if gone := [row.pk for key, row in known.items() if key not in nics]:
                NICTraffic.objects.filter(pk__in=gone).delete()
    except IntegrityError:  # a VM was removed meanwhile: the next reading is without it
        log.debug("%s: traffic not written", hypervisor)


def _row(key: tuple[int, str], seen: FoundTraffic, at: datetime, before: NICTraffic | None) -> NICTraffic:
    now = Reading(at=at, received=Counters.of(seen.received), sent=Counters.of(seen.sent))
    return NICTraffic(
        vm_id=key[0],
        mac=key[1],
        at=at,
        counters={"received": vars(now.received), "sent": vars(now.sent)},
        samples=follow(before.samples, reading(before), now) if before else (),
    )


def reading(row: NICTraffic) -> Reading:
    """What a row says."""
    return Reading(at=row.at, **{way: Counters(**values) for way, values in row.counters.items()})
