"""Records the storage pools of a hypervisor, and the volumes of those that polls do not read.

Polls record the state of all pools from time to time. The volumes of a pool are read by a work of its own, because
libvirt waits long for some: one that fails or hangs delays neither the poll nor the other pools.
"""

import logging
from collections.abc import Iterable
from datetime import timedelta

from django.db.models import Case, When

from virterweb.hypervisors.claims.clock import database_time
from virterweb.hypervisors.claims.due import DATABASE_AWAY
from virterweb.hypervisors.connections.guard import Observation, failure
from virterweb.hypervisors.connections.limits import within
from virterweb.hypervisors.connections.pool import connected
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundPool, HypervisorError
from virterweb.hypervisors.models import Hypervisor, ReadingProblem
from virterweb.messages import Message
from vms.images import sync as image_sync
from vms.images import volumes
from vms.models import Disk, StoragePool

log = logging.getLogger(__name__)

STATES_INTERVAL = timedelta(seconds=60)  # between two readings of the states of all pools
VOLUMES_INTERVAL = timedelta(minutes=5)  # between two readings of the volumes of a pool
RETRY_INTERVAL = timedelta(seconds=30)  # after a reading of its volumes that failed
READ_TIMEOUT = 60.0  # seconds for one reading of volumes
STATES_TIMEOUT = 10.0  # seconds for one reading of states
FACTS = ("kind", "active", "capacity", "allocation", "available")


def observe_pools(hypervisor: Hypervisor, connection: Connection) -> None:
    """Record the state of all pools, if a reading is due."""
    now, stale_at = database_time(), hypervisor.status.stale_at
    seen = list(hypervisor.pools.order_by("seen_at").values_list("seen_at", flat=True)[:1])
    oldest = seen[0] if seen else None
    if oldest and now - STATES_INTERVAL < oldest <= now and not (stale_at and stale_at > oldest):
        return
    hypervisor.pools.update(seen_at=now)
    reading = Observation(hypervisor, ReadingProblem.Kind.PART)
    key, what = ("pools", hypervisor.pk), Message("pools.all")
    found = within(STATES_TIMEOUT, key, lambda: connection.pools.all(reading.guard), what)
    _record_states(hypervisor, found, reading.failed)


def _record_states(hypervisor: Hypervisor, found: Iterable[FoundPool], failed: Iterable[str]) -> None:
    known, now = {pool.name: pool for pool in hypervisor.pools.all()}, database_time()
    for each in found:
        _record_state(known.get(each.name) or StoragePool(hypervisor=hypervisor, name=each.name, seen_at=now), each)
    gone = known.keys() - {each.name for each in found} - set(failed)
    needed = {
        hypervisor.pool,
        *Disk.objects.filter(vm__hypervisor=hypervisor, pool__in=gone).values_list("pool", flat=True),
    }
    for name in gone:
        _record_gone(known[name], is_needed=name in needed)


def _record_state(row: StoragePool, found: FoundPool) -> None:
    """Record the state of one pool; one that has just been started is read at once.

    The sizes of an inactive pool stay as they were when it was active.
    """
    facts = FACTS if found.active else ("kind", "active")
    now = {fact: getattr(found, fact) for fact in facts} | {"gone_at": None}
    if row.pk and all(getattr(row, fact) == value for fact, value in now.items()):
        return
    if found.active and not row.active:
        now["due_at"] = None
    for fact, value in now.items():
        setattr(row, fact, value)
    row.save(update_fields=tuple(now) if row.pk else None)


def _record_gone(row: StoragePool, *, is_needed: bool) -> None:
    """Delete the row of a pool that libvirt no longer has; one that a disk or the hypervisor names is kept.

    Requested deletions of its volumes are not carried out, also not when the pool comes back.
    """
    row.volumes.all().refuse(Message("pool.missing", pool=row.name))
    if not is_needed:
        row.delete()
    elif row.gone_at is None:
        StoragePool.objects.filter(pk=row.pk).update(gone_at=database_time(), active=False)


def read(pk: int) -> None:
    """Have libvirt refresh a pool, and read its volumes, unless another worker does."""
    with StoragePool.objects.to_read().select_related("hypervisor__status").filter(pk=pk).claim() as pool:
        if pool is None:
            return
        rows, began = StoragePool.objects.filter(pk=pk), database_time()
        now = {"due_at": began + VOLUMES_INTERVAL, "problem": Message()}
        try:
            with connected(pool.hypervisor_id, pool.hypervisor.uri) as connection:
                now["problem"] = _read(pool, connection)
        except HypervisorError as problem:
            log.warning("pool %s of %s: %s (%s)", pool, pool.hypervisor, problem, problem.detail)
            now = {"due_at": began + RETRY_INTERVAL, "problem": problem.message}
        except DATABASE_AWAY:
            raise
        except Exception as problem:
            rows.update(problem=failure(problem)[0])
            raise
        rows.filter(refresh_asked_at__lte=began).update(refresh_asked_at=None)
        # It stays due if somebody has requested that since.
        rows.update(**now | {"due_at": Case(When(refresh_asked_at=None, then=now["due_at"]), default=None)})


def _read(pool: StoragePool, connection: Connection) -> Message:
    """Record a pool as it is; return what of it cannot be read."""
    unreadable, found = Message(), connection.pools.get(pool.name)
    if found and found.active:
        unreadable = _read_volumes(pool, connection)
        found = connection.pools.get(pool.name)
    if found:
        _record_state(pool, found)
    else:
        _record_gone(pool, is_needed=True)  # the next poll deletes its row if nothing needs it
    return unreadable


def _read_volumes(pool: StoragePool, connection: Connection) -> Message:
    hypervisor, began = pool.hypervisor, database_time()
    if pool.is_default:
        image_sync.record_volumes(hypervisor, connection)
        return Message()
    reading = Observation(hypervisor, ReadingProblem.Kind.VOLUME, pool.name)
    key, what = ("volumes", hypervisor.pk, pool.name), Message("pool.reading", pool=pool.name)
    all_volumes = within(READ_TIMEOUT, key, lambda: connection.volumes.all(pool.name, reading.guard), what)
    found = {volume.name: volume for volume in all_volumes}
    volumes.record(pool, found, reading, began)
    StoragePool.objects.filter(pk=pool.pk).update(read_at=began)
    failed = [*reading.failed.values()]
    return (
        Message("pool.unreadable_volumes", count=len(failed), first=failed[0].reason, name=failed[0].name)
        if failed
        else Message()
    )
