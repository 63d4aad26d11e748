"""The metrics of the portal: gauges that are computed from the database when Prometheus asks.

Each is a query that aggregates; rows are read only one for a hypervisor or network. So all web servers serve the same.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db.models import Count, Exists, F, Min, OuterRef, Q, QuerySet, Sum
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from networks.addresses.usage import ranges_in
from networks.models import DHCPHostStatus, Lease, Network, NetworkRevision, NetworkStatus
from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus, WorkerProcess
from vms.models import VM, Image, Power, VMRevision

from . import disk, health, release

MIB = 1024**2
KINDS = {"network": Network, "vm": VM, "image": Image}
HISTORIES = {"network": NetworkRevision, "vm": VMRevision}
OF_NETWORK = ("network__hypervisor__name", "network__name")
IPV4 = Q(ip__contains=".")


class PortalCollector(Collector):
    """Computes all metrics, at each request anew."""

    def collect(self) -> Iterator[Metric]:
        for part in (_portal, _workers, _hypervisors, _desired, _vms, _networks):
            yield from part()


def _gauge(
    name: str, text: str, labels: tuple[str, ...], rows: Iterable[tuple[tuple[str, ...], float | None]]
) -> GaugeMetricFamily:
    """Return a gauge with a value for each combination of labels; None stands for a value that does not exist."""
    gauge = GaugeMetricFamily(f"virterweb_{name}", text, labels=labels)
    for values, number in rows:
        if number is not None:
            gauge.add_metric(values, number)
    return gauge


def _single(name: str, text: str, number: float | None) -> GaugeMetricFamily:
    return _gauge(name, text, (), [((), number)])


def _age(at: datetime | None) -> float | None:
    return None if at is None else max(0.0, (timezone.now() - at).total_seconds())


def _portal() -> Iterator[Metric]:
    yield _gauge("info", "The version of the portal.", ("version",), [((release.version(),), 1)])
    found = disk.data_disk()
    yield _single("data_disk_bytes", "Size of the disk of the data folder.", found.total)
    yield _single("data_disk_free_bytes", "Free bytes on the disk of the data folder.", found.free)
    yield _single("database_bytes", "Size of the database.", disk.database_size())


def _workers() -> Iterator[Metric]:
    ages = [_age(at) for at in WorkerProcess.objects.values_list("seen_at", flat=True)]
    alive = sum(age <= health.LATE_WORKER for age in ages)
    yield _single("workers", f"Worker processes with a heartbeat in the last {health.LATE_WORKER} s.", alive)
    youngest = min(ages, default=None)
    yield _single("worker_heartbeat_age_seconds", "Time since the last heartbeat of any worker.", youngest)
    yield _single("polls_due", "Hypervisors whose poll is due and has not begun.", Hypervisor.objects.due().count())


def _hypervisors() -> Iterator[Metric]:
    columns = ("hypervisor__name", "observed_at", "error", "seconds", "memory")
    rows = list(HypervisorStatus.objects.order_by("hypervisor__name").values_list(*columns))
    running = Q(status__present=True) & ~Q(status__power=Power.OFF)
    memory = _sums(VM.objects.filter(running).values("hypervisor__name"), total=Sum("status__memory"))
    labels = ("hypervisor",)
    reachable = [((name,), bool(observed and not error)) for name, observed, error, *_ in rows]
    yield _gauge("hypervisor_up", "1 if the last poll succeeded.", labels, reachable)
    ages = [((name,), _age(observed)) for name, observed, *_ in rows]
    yield _gauge("hypervisor_poll_age_seconds", "Time since the last complete poll.", labels, ages)
    seconds = [((name,), seconds if observed else None) for name, observed, _, seconds, _ in rows]
    yield _gauge("hypervisor_poll_duration_seconds", "Duration of the last complete poll.", labels, seconds)
    sizes = [((name,), size * MIB if size else None) for name, *_, size in rows]
    yield _gauge("hypervisor_memory_bytes", "Memory of the host.", labels, sizes)
    used = [((name,), memory.get((name,), 0) * MIB) for name, *_ in rows]
    yield _gauge("hypervisor_vm_memory_bytes", "Memory of the VMs that are not off.", labels, used)


def _desired() -> Iterator[Metric]:
    counts = {
        kind: Counter(dict(model.objects.with_state().order_by().values_list("state_code").annotate(Count("pk"))))
        for kind, model in KINDS.items()
    }
    states = [((kind, state.value), found[state.value]) for kind, found in counts.items() for state in State]
    yield _gauge("desired", "Desired configurations by state.", ("kind", "state"), states)
    since = {
        kind: model.objects.filter(generation__gt=F("desired__status__generation")).aggregate(at=Min("at"))["at"]
        for kind, model in HISTORIES.items()
    }
    since["image"] = Image.objects.filter(status__made_at=None).aggregate(at=Min("created_at"))["at"]
    ages = [((kind,), _age(at) or 0) for kind, at in since.items()]
    text = "Time since the oldest change that is not carried out, also if it failed and is retried; 0 without."
    yield _gauge("desired_oldest_pending_seconds", text, ("kind",), ages)


def _vms() -> Iterator[Metric]:
    present = VM.objects.filter(status__present=True)
    found = _sums(present.values("hypervisor__name", "status__power"), total=Count("pk"))
    yield _gauge("vms", "VMs by power state.", ("hypervisor", "power"), found.items())


def _networks() -> Iterator[Metric]:
    """Yield the IPv4 addresses of each network that libvirt has."""
    sizes: Counter[tuple[str, str]] = Counter()
    present = NetworkStatus.objects.filter(present=True).order_by("desired__hypervisor__name", "desired__name", "pk")
    for hypervisor, name, dhcp in present.values_list("desired__hypervisor__name", "desired__name", "dhcp"):
        sizes[hypervisor, name] += sum(last - first + 1 for first, last in ranges_in(dhcp))
    current = Lease.objects.current()
    leases = _sums(current.filter(IPV4, network__status__present=True).values(*OF_NETWORK), total=Count("pk"))
    hosts = DHCPHostStatus.objects.filter(IPV4, network__status__present=True)
    reserved = _sums(hosts.values(*OF_NETWORK), total=Count("ip", distinct=True))
    leased = Exists(current.filter(network=OuterRef("network"), ip=OuterRef("ip")))
    unleased = _sums(hosts.filter(~leased).values(*OF_NETWORK), total=Count("ip", distinct=True))
    used = [(key, leases.get(key, 0) + unleased.get(key, 0)) for key in sizes]
    labels = ("hypervisor", "network")
    yield _gauge("network_dhcp_addresses", "IPv4 addresses in the DHCP ranges.", labels, sizes.items())
    yield _gauge("network_leases", "Current IPv4 leases.", labels, [(key, leases.get(key, 0)) for key in sizes])
    text = "IPv4 addresses with a DHCP reservation."
    yield _gauge("network_reservations", text, labels, [(key, reserved.get(key, 0)) for key in sizes])
    yield _gauge("network_addresses_used", "IPv4 addresses that are leased or reserved.", labels, used)


def _sums(groups: QuerySet, *, total: Count | Sum) -> dict[tuple[str, ...], int]:
    """Return the total of each group of rows, by what identifies it."""
    found = groups.order_by().annotate(total=total)
    return {tuple(key): number for *key, number in (row.values() for row in found)}
