"""Whether new VMs fit a hypervisor, next to those that run there: warnings with figures, which refuse nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from virterweb.pages.sizes import size_text

from .figures import MIB, Capacity


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """So many equal VMs: memory of each in MiB, vCPUs of each, and the bytes of its disks by pool; 0: unknown."""

    count: int = 1
    memory: int = 0
    vcpus: int = 0
    disks: Mapping[str, int]


def shortages(have: Capacity, wanted: Wanted) -> list[str]:
    """Return one sentence for each resource that these VMs exceed."""
    return [*_memory(have, wanted), *_vcpus(have, wanted), *_pools(have, wanted)]


def _memory(have: Capacity, wanted: Wanted) -> Iterator[str]:
    """Yield a warning if VMs with that memory do not fit the host, by themselves or next to the running ones."""
    total, taken = (have.memory.total or 0) // MIB, (have.memory.running or 0) // MIB
    needed = wanted.memory * wanted.count
    words = f"{wanted.count} × {wanted.memory} MiB are {needed} MiB" if wanted.count > 1 else f"{needed} MiB"
    limit = f"more than the {total} MiB of the host of {have.hypervisor}."
    if total and needed > total:
        yield f"Memory: {words}, {limit}"
    elif total and needed and have.vms and needed + taken > total:
        yield f"Memory: {words}, where {_running(have)} {taken} MiB already, {limit}"


def _vcpus(have: Capacity, wanted: Wanted) -> Iterator[str]:
    total, taken, needed = have.vcpus.total or 0, have.vcpus.running or 0, wanted.vcpus * wanted.count
    words = f"{wanted.count} × {wanted.vcpus} vCPUs are {needed}" if wanted.count > 1 else str(needed)
    limit = f"more than the {total} CPUs of the host of {have.hypervisor}."
    if total and needed > total:
        yield f"vCPUs: {words}, {limit}"
    elif total and needed and have.vms and needed + taken > total:
        yield f"vCPUs: {words}, where {_running(have)} {taken} already, {limit}"


def _pools(have: Capacity, wanted: Wanted) -> Iterator[str]:
    """Yield a warning for each pool whose room the disks may exceed: most of them grow as guests write."""
    for name, each in wanted.disks.items():
        pool = have.pools.get(name)
        if pool is None or pool.total is None or pool.used is None:
            continue
        needed, room = each * wanted.count, max(pool.total - pool.used, 0)
        words = f"{wanted.count} × {size_text(each)} = {size_text(needed)}" if wanted.count > 1 else size_text(needed)
        if needed > room:
            yield f"Pool {name}: disks may grow to {words}, more than the {size_text(room)} that are free."


def _running(have: Capacity) -> str:
    return f"{have.vms} running VMs have" if have.vms > 1 else "the running VM has"
