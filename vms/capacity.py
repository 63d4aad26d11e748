"""Memory, vCPUs and pools of hypervisors: what they have, what is used now, and what VMs are promised."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import BigIntegerField, Case, Q, Sum, When
from django.db.models.functions import Coalesce

from virterweb.hypervisors.models import Hypervisor
from virterweb.pages.tables import natural
from virterweb.people import rights
from virterweb.people.verbs import Verb
from vms.models import VM, Power, StoragePool
from vms.models.images.pool import size_text
from vms.pools.listing import visible

MIB = 1024**2
SIZES = ("memory", "vcpus")


@dataclass(frozen=True, kw_only=True)
class Meter:
    """One resource of a hypervisor; None is unknown. `running` and `defined` are what VMs are promised."""

    title: str
    total: int | None
    used: int | None = None
    running: int | None = None
    defined: int | None = None
    in_bytes: bool = False

    @property
    def share(self) -> int | None:
        """Return in percent what is taken: promised to running VMs, or allocated of a pool."""
        taken = self.used if self.running is None else self.running
        return 100 * taken // self.total if self.total and taken is not None else None

    @property
    def promised(self) -> int | None:
        """Return in percent what all defined VMs are promised."""
        return 100 * self.defined // self.total if self.total and self.defined is not None else None

    @property
    def tone(self) -> str:
        share = max(self.share or 0, self.promised or 0)
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
    """The resources of a hypervisor; `is_old` if it cannot be reached, so that they are those of the last poll."""

    hypervisor: Hypervisor
    meters: tuple[Meter, ...]

    @property
    def is_old(self) -> bool:
        return self.hypervisor.status.unreachable_since is not None


def capacity_of(user: rights.Actor, hypervisors: Sequence[Hypervisor]) -> list[Capacity]:
    """Return the capacity of those hypervisors on which the user may create VMs or see all, in a few queries."""
    access = rights.access_of(user)
    known = [one for one in hypervisors if access.creates(one.pk) or access.allows_on(Verb.LIST, one.pk)]
    if not known:
        return []
    promised = _promised(known)
    pools: dict[int, list[Meter]] = defaultdict(list)
    for pool in visible(user).filter(hypervisor__in=known).order_by(natural("name")):
        pools[pool.hypervisor_id].append(_pool(pool))
    return [
        Capacity(hypervisor=one, meters=(*_machine(one, promised.get(one.pk, {})), *pools[one.pk])) for one in known
    ]


def _promised(hypervisors: Sequence[Hypervisor]) -> dict[int, dict[str, int]]:
    """Return memory and vCPUs of running and of all VMs, by hypervisor: as found, or as desired until then."""
    is_on = Q(status__power__in=(Power.RUNNING, Power.PAUSED))
    sizes = {
        name: Case(
            When(**{f"status__{name}__gt": 0}, then=f"status__{name}"), default=name, output_field=BigIntegerField()
        )
        for name in SIZES
    }
    sums = {f"{name}_defined": Coalesce(Sum(size), 0) for name, size in sizes.items()}
    sums |= {f"{name}_running": Coalesce(Sum(size, filter=is_on), 0) for name, size in sizes.items()}
    rows = VM.objects.filter(hypervisor__in=[one.pk for one in hypervisors]).order_by()
    return {row.pop("hypervisor"): row for row in rows.values("hypervisor").annotate(**sums)}


def _machine(hypervisor: Hypervisor, promised: Mapping[str, int]) -> Iterator[Meter]:
    status = hypervisor.status
    memory = {key: promised.get(f"memory_{key}", 0) * MIB for key in ("running", "defined")}
    used = None if status.memory_used is None else status.memory_used * MIB
    yield Meter(title="Memory", total=status.memory * MIB or None, used=used, in_bytes=True, **memory)
    vcpus = {key: promised.get(f"vcpus_{key}", 0) for key in ("running", "defined")}
    yield Meter(title="vCPUs", total=status.cpus or None, **vcpus)


def _pool(pool: StoragePool) -> Meter:
    if not pool.capacity:
        return Meter(title=f"Pool {pool.name}", total=None, in_bytes=True)
    used = max(pool.capacity - pool.available, 0)
    return Meter(title=f"Pool {pool.name}", total=pool.capacity, used=used, in_bytes=True)
