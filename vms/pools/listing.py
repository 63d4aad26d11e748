"""Which pools and volumes a user sees, and what tables say about them."""

from collections.abc import Collection, Iterator

from django.db.models import F, Q, QuerySet

from virterweb.hypervisors.models import ReadingProblem
from virterweb.messages import Message
from virterweb.pages.tables import Column, natural
from virterweb.people import pools, rights
from virterweb.people.hidden.messages import readable
from virterweb.people.verbs import Verb
from vms.models import StoragePool, with_totals

COLUMNS = (
    Column(key="name", title="Pool", order=(natural("name"),)),
    Column(key="type", title="Type", order=(F("kind"),)),
    Column(key="state", title="State", order=(F("active").desc(),)),
    Column(key="capacity", title="Capacity", order=(F("capacity"),)),
    Column(key="allocation", title="Allocated", order=(F("allocation"),)),
    Column(key="available", title="Available", order=(F("available"),)),
    Column(key="committed", title="Committed"),
    Column(key="volumes", title="Volumes"),
    Column(key="hypervisor", title="Hypervisor", order=(natural("hypervisor__name"),)),
)
OF_POOLS = ("pool.missing", "pool.inactive")  # problems that name the pool alone
FILE = ("hypervisor", "name", "type", "active", "capacity", "allocation", "available", "committed", "volumes")
VOLUME_COLUMNS = (
    Column(key="name", title="Volume", order=(natural("name"),)),
    Column(key="format", title="Format", order=(F("format"),)),
    Column(key="size", title="Capacity", order=(F("capacity"),)),
    Column(key="allocation", title="Allocated", order=(F("allocation"),)),
    Column(key="changed", title="Last changed", order=(F("changed_on").asc(nulls_first=True),)),
    Column(key="used", title="Used by"),
    Column(key="made", title="Made for"),
)
VOLUME_FILE = ("name", "path", "format", "capacity", "allocation", "backing", "changed_on", "used_by")


def visible(user: rights.Actor, on: Collection[int] | None = None) -> QuerySet[StoragePool]:
    """Return the pools that exist for a user: all where the user may see everything, else those of grants.

    With `on`, they may lack those of other hypervisors than these.
    """
    access, rows = rights.access_of(user), StoragePool.objects.select_related("hypervisor__status")
    if access.everything:
        return rows
    if on is not None:
        rows = rows.filter(hypervisor__in=on)
        if all(access.allows_on(Verb.LIST, each) for each in on):
            return rows
    granted = pools.Granted(user, Verb.LIST)
    here = rows.filter(access.hypervisors(at="hypervisor")).values_list("pk", "hypervisor", "name")
    named = [pk for pk, hypervisor, name in here if granted.names(hypervisor, name)]
    return rows.filter(access.hypervisors(Verb.LIST, at="hypervisor") | Q(pk__in=named))


def sees_volumes(user: rights.Actor, pool: StoragePool) -> bool:
    """Return whether a user may see the names of the volumes of a pool, which may belong to anybody."""
    return rights.access_of(user).allows_on(Verb.LIST, pool.hypervisor_id)


def problem_for(user: rights.Actor, pool: StoragePool) -> Message:
    """Return why a pool cannot be read, without names to a user who may not see those of its volumes."""
    unread = pool.hypervisor.reading_problems.filter(kind=ReadingProblem.Kind.POOL).first() if pool.is_default else None
    problem = unread.reason if unread else pool.problem
    if not problem or problem.code in OF_POOLS or sees_volumes(user, pool):
        return readable(problem, user)
    if problem.code == "pool.unreadable_volumes":
        return Message("pool.some_unreadable", count=problem.params["count"])
    return Message("pool.hidden_problem")  # words of libvirt, which may name anything


def pool_rows(found: QuerySet[StoragePool]) -> Iterator[tuple[object, ...]]:
    """Yield the values of `FILE` for each pool; sizes in bytes."""
    for pool in with_totals(found.order_by("hypervisor__name", natural("name"))):
        sizes = (pool.capacity, pool.allocation, pool.available, pool.totals.capacity)
        yield pool.hypervisor.name, pool.name, pool.kind, pool.active, *sizes, pool.totals.count


def volume_rows(pool: StoragePool, user: rights.Actor) -> Iterator[tuple[object, ...]]:
    """Yield the values of `VOLUME_FILE` for each volume of a pool; sizes in bytes."""
    for row in pool.volumes.order_by(natural("name")):
        *values, used_by = (getattr(row, name) for name in VOLUME_FILE)
        yield *values, str(readable(used_by, user))
