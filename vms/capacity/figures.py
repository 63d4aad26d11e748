"""Memory, vCPUs and pools of hypervisors: what they have, what is used now, and what is allocated to VMs."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from django.db.models import BigIntegerField, Case, Count, F, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce

from virterweb.hypervisors.models import Hypervisor
from virterweb.pages.sizes import size_text
from virterweb.pages.tables import natural_key
from virterweb.people import rights
from virterweb.people.verbs import Verb
from vms.models import VM, Power
from vms.pools.listing import visible

MIB = 1024**2
SUMS = ("memory_running", "memory_defined", "vcpus_running", "vcpus_defined", "vms_running")
OF_POOL = ("capacity", "available")


@dataclass(frozen=True, kw_only=True)
class Meter:
    """One resource of a hypervisor; None is unknown. `running` and `defined` are what is allocated to VMs."""

    title: str
    total: int | None
    used: int | None = None
    running: int | None = None
    defined: int | None = None
    in_bytes: bool = False

    @property
    def share(self) -> int | None:
        """Return in percent what is taken: by running VMs, or of a pool."""
        taken = self.used if self.running is None else self.running
        return 100 * taken // self.total if self.total and taken is not None else None

    @property
    def of_all(self) -> int | None:
        """Return in percent what is allocated to all VMs."""
        return 100 * self.defined // self.total if self.total and self.defined is not None else None

    @property
    def tone(self) -> str:
        share = max(self.share or 0, self.of_all or 0)
        return "full" if (self.share or 0) >= 100 else "high" if share >= 90 else ""

    @property
    def shown(self) -> dict[str, str]:
        """Return the numbers as texts."""
        numbers = {"total": self.total, "used": self.used, "running": self.running, "defined": self.defined}
        numbers["free"] = None if self.total is None or self.used is None else max(self.total - self.used, 0)
        return {name: self._text(number) for name, number in numbers.items()}

    def _text(self, number: int | None) -> str:
        if number is None:
            return "unknown"
        return size_text(number) if self.in_bytes else str(number)


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """The resources of a hypervisor; `vms` run on it. Pools are by name."""

    hypervisor: Hypervisor
    memory: Meter
    vcpus: Meter
    pools: dict[str, Meter] = field(default_factory=dict)
    vms: int = 0

    @property
    def meters(self) -> tuple[Meter, ...]:
        return self.memory, self.vcpus, *self.pools.values()

    @property
    def fullest(self) -> int:
        """Return in percent what is taken of the resource that most is taken of."""
        return max(meter.share or 0 for meter in self.meters)

    @property
    def is_old(self) -> bool:
        """Return whether the hypervisor cannot be reached, so that the figures are those of the last poll."""
        return self.hypervisor.status.unreachable_since is not None


def sees_any(user: rights.Actor) -> bool:
    """Return whether the user may see the capacity of any hypervisor."""
    access = rights.access_of(user)
    return access.creates() or access.allows_somewhere(Verb.LIST)


def capacity_of(user: rights.Actor, hypervisors: Collection[Hypervisor]) -> list[Capacity]:
    """Return the capacity of those hypervisors on which the user may create VMs or see all; one query reads it.

    Those who may not see all on each of them cost two more, for the grants that name pools.
    """
    access = rights.access_of(user)
    known = [one for one in hypervisors if access.creates(one.pk) or access.allows_on(Verb.LIST, one.pk)]
    if not known:
        return []
    keys = [one.pk for one in known]
    sums: dict[int, dict[str, int]] = {}
    pools: dict[int, dict[str, Meter]] = defaultdict(dict)
    for key, is_pool, name, *numbers in _sums(keys).union(_pools(user, keys), all=True):
        found = [int(number) for number in numbers]  # of PostgreSQL, sums are decimal numbers
        if is_pool:
            pools[key][name] = _pool(name, *found[:2])
        else:
            sums[key] = dict(zip(SUMS, found, strict=True))
    return [_capacity(one, sums.get(one.pk, dict.fromkeys(SUMS, 0)), pools[one.pk]) for one in known]


def _sums(hypervisors: Collection[int]) -> QuerySet:
    """Return memory and vCPUs of running and of all VMs, by hypervisor: as found, or as desired until then."""
    is_on = Q(status__power__in=(Power.RUNNING, Power.PAUSED))
    sums: dict[str, Coalesce | Count] = {"vms_running": Count("pk", filter=is_on)}
    for name in ("memory", "vcpus"):
        found = When(**{f"status__{name}__gt": 0}, then=f"status__{name}")
        size = Case(found, default=name, output_field=BigIntegerField())
        sums[f"{name}_defined"] = Coalesce(Sum(size), 0)
        sums[f"{name}_running"] = Coalesce(Sum(size, filter=is_on), 0)
    rows = VM.objects.filter(hypervisor__in=hypervisors).order_by().values("hypervisor")
    return rows.annotate(is_pool=Value(0), pool=Value(""), **sums).values_list("hypervisor", "is_pool", "pool", *SUMS)


def _pools(user: rights.Actor, hypervisors: Collection[int]) -> QuerySet:
    """Return capacity and room of the pools that the user may see, in the columns of `_sums`."""
    rows = visible(user, on=hypervisors).filter(hypervisor__in=hypervisors, gone_at=None).order_by()
    sizes = {f"its_{name}": Case(When(active=True, then=F(name)), default=0) for name in OF_POOL}
    nothing = {f"nothing_{number}": Value(0) for number in range(len(SUMS) - len(sizes))}
    return rows.annotate(is_pool=Value(1), **sizes, **nothing).values_list(
        "hypervisor", "is_pool", "name", *sizes, *nothing
    )


def _capacity(hypervisor: Hypervisor, sums: dict[str, int], pools: dict[str, Meter]) -> Capacity:
    status = hypervisor.status
    memory = Meter(
        title="Memory",
        total=status.memory * MIB or None,
        used=None if status.memory_used is None else status.memory_used * MIB,
        running=sums["memory_running"] * MIB,
        defined=sums["memory_defined"] * MIB,
        in_bytes=True,
    )
    vcpus = Meter(
        title="vCPUs", total=status.cpus or None, running=sums["vcpus_running"], defined=sums["vcpus_defined"]
    )
    in_order = {name: pools[name] for name in sorted(pools, key=natural_key)}
    return Capacity(hypervisor=hypervisor, memory=memory, vcpus=vcpus, pools=in_order, vms=sums["vms_running"])


def _pool(name: str, capacity: int, available: int) -> Meter:
    used = max(capacity - available, 0) if capacity else None
    return Meter(title=f"Pool {name}", total=capacity or None, used=used, in_bytes=True)
