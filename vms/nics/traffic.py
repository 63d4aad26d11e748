"""Records the traffic of running VMs' NICs: one call per hypervisor, however many VMs run."""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from virterweb.hypervisors.connections.guard import Observation
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundTraffic, Refused
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus, ReadingProblem
from vms.models import NICStatus, NICTraffic, Power, TrafficHistory
from vms.observed.history import History, Rate, Sample
from vms.observed.rates import STEP, Counters, Reading, minutes_of, rate_between

log = logging.getLogger(__name__)

ACTIVE = (Power.RUNNING, Power.PAUSED)
PAUSE = timedelta(seconds=STEP)  # between two readings
NICS = ("vm", "mac", "place", "network", "vm__desired__uuid", "target")
KEPT = timedelta(days=1, hours=1)


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
        (vm, mac, place): (network, found.get(str(uuid), {}).get(target))
        for vm, mac, place, network, uuid, target in running.exclude(target="").values_list(*NICS)
    }
    known = {
        (row.vm_id, row.mac, row.place): row for row in NICTraffic.objects.filter(vm__desired__hypervisor=hypervisor)
    }
    rows, samples = [], Samples()
    with Observation(hypervisor, ReadingProblem.Kind.TRAFFIC) as problems:
        for key, (network, seen) in nics.items():
            with problems.guard(" ".join(map(str, key)), key[1]):
                if seen:
                    rows.append(_row(key, seen, at))
                    samples.add(key, network, _follow(rows[-1], known.get(key)))
    try:
        with transaction.atomic():
            NICTraffic.objects.bulk_create(
                rows,
                update_conflicts=True,
                unique_fields=["vm", "mac", "place"],
                update_fields=["at", "counters", "rate", "minute"],
            )
            if gone := [row.pk for key, row in known.items() if key not in nics]:
                NICTraffic.objects.filter(pk__in=gone).delete()
            samples.save(hypervisor, at)
    except IntegrityError:  # a VM was removed meanwhile; the next reading lacks it
        log.debug("%s: traffic not written", hypervisor)


def _row(key: tuple[int, str, str], seen: FoundTraffic, at: datetime) -> NICTraffic:
    counters = {"received": vars(Counters.of(seen.received)), "sent": vars(Counters.of(seen.sent))}
    return NICTraffic(vm_id=key[0], mac=key[1], place=key[2], at=at, counters=counters)


def _follow(row: NICTraffic, before: NICTraffic | None) -> list[Sample]:
    """Compute the rate of a row and its minute in progress; return the minutes that are finished."""
    earlier, now = before and reading(before), reading(row)
    row.rate = rate_between(earlier, now)
    finished, row.minute = minutes_of(before.minute if before else (), earlier, now)
    return finished


class Samples:
    """The finished minutes of one reading, by NIC and summed up by network."""

    def __init__(self) -> None:
        self.histories: dict[str, TrafficHistory] = {}
        self.rates: dict[str, dict[int, Rate]] = {}

    def add(self, nic: tuple[int, str, str], network: int | None, samples: Iterable[Sample]) -> None:
        for sample in samples:
            self._add(TrafficHistory.of_nic(*nic), sample)
            if network:
                self._add(TrafficHistory.of_network(network), sample)

    def _add(self, history: TrafficHistory, sample: Sample) -> None:
        self.histories.setdefault(history.key, history)
        rates = self.rates.setdefault(history.key, {})
        received, sent = rates.get(sample.minute, (0, 0))
        rates[sample.minute] = received + sample.mean[0], sent + sample.mean[1]

    def save(self, hypervisor: Hypervisor, at: datetime) -> None:
        """Write all in one statement; delete histories that are a day old."""
        if not self.histories:
            return
        known = TrafficHistory.objects.filter(hypervisor=hypervisor).values_list("key", "at", "samples")
        packed = {key: (written, samples) for key, written, samples in known}
        for key, row in self.histories.items():
            history = History.unpacked(packed.get(key, (at, b""))[1])
            for minute, rate in sorted(self.rates[key].items()):
                history.add(minute, rate)
            row.hypervisor, row.at, row.samples = hypervisor, at, history.packed()
        TrafficHistory.objects.bulk_create(
            self.histories.values(), update_conflicts=True, unique_fields=["key"], update_fields=["at", "samples"]
        )
        if old := [key for key, (written, _) in packed.items() if written < at - KEPT and key not in self.histories]:
            TrafficHistory.objects.filter(key__in=old).delete()


def reading(row: NICTraffic) -> Reading:
    """Return a row as a reading."""
    return Reading(at=row.at, **{way: Counters(**values) for way, values in row.counters.items()})
