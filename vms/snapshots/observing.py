"""Records the snapshots that libvirt has. Their documents are read only if something may have changed."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Min, Q
from django.utils import timezone

from virterweb.hypervisors.connections.guard import Observation
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import HypervisorError
from virterweb.hypervisors.models import Hypervisor, ReadingProblem
from vms.definition.snapshots.document import FoundSnapshot, parse
from vms.models import VM, Snapshot, VMStatus

STALE = timedelta(minutes=1)  # after which snapshots are read again although their names are the same
LATEST = 253402300799  # seconds since the epoch: the end of the year 9999


def observe_snapshots(hypervisor: Hypervisor, connection: Connection) -> None:
    """Record the snapshots of all VMs of a hypervisor, those of VMs that may have changed."""
    found = {UUID(uuid): names for uuid, names in connection.snapshots.names().items()}
    changed = _changed(hypervisor, found)
    if not changed:
        return
    with Observation(hypervisor, ReadingProblem.Kind.PART, "snapshots") as reading:
        for vm in VM.objects.on(hypervisor).filter(uuid__in=changed).select_related("hypervisor"):
            with reading.guard(vm.uuid_text, f"snapshots of {vm}"):
                record(vm, connection)


def _changed(hypervisor: Hypervisor, found: Mapping[UUID, frozenset[str]]) -> set[UUID]:
    """Return the VMs whose snapshots have other names, or were read before the VM changed, or some time ago."""
    rows = Snapshot.objects.filter(vm__hypervisor=hypervisor).order_by()
    names: dict[UUID, set[str]] = {}
    for uuid, name in rows.values_list("vm__uuid", "name"):
        names.setdefault(uuid, set()).add(name)
    changed = {uuid for uuid in found.keys() | names.keys() if found.get(uuid, frozenset()) != names.get(uuid, set())}
    before = timezone.now() - STALE
    times = rows.values_list("vm__uuid", "vm__status__observed_at").annotate(read=Min("read_at")) if names else ()
    return changed | {uuid for uuid, seen, read in times if read < before or (seen and read < seen)}


def record(vm: VM, connection: Connection) -> None:
    """Record the snapshots of one VM as libvirt has them now."""
    began, found = timezone.now(), connection.snapshots.all(vm.uuid_text)
    parsed = [parse(document) for document in found.documents]
    sizes = {each.name: _size(each.files, connection) for each in parsed}
    with transaction.atomic():
        if not vm.lock():  # it was deleted since
            return
        rows = {row.name: row for row in vm.snapshots.all()}
        if any(row.read_at > began for row in rows.values()):
            return
        names = {each.name for each in parsed}
        if names != rows.keys():  # whether its disks differ from the saved ones depends on its snapshots
            again = Q() if rows.keys() - names else ~Q(drift="")
            VMStatus.objects.filter(again, desired=vm).update(fingerprint="")
        vm.snapshots.exclude(name__in=names).delete()
        for each in parsed:
            values = _values(each) | {"current": each.name == found.current, "size": sizes[each.name]}
            row = rows.get(each.name)
            if row is None:
                Snapshot.objects.create(vm=vm, name=each.name, read_at=began, **values)
            elif any(getattr(row, name) != value for name, value in values.items()):
                Snapshot.objects.filter(pk=row.pk).update(**values)
        vm.snapshots.update(read_at=began)


def _values(found: FoundSnapshot) -> dict[str, object]:
    return {
        "parent": found.parent,
        "description": found.description,
        "taken_at": datetime.fromtimestamp(max(0, min(found.created, LATEST)), UTC),
        "state": found.state,
        "kind": found.kind,
        "memory": found.memory,
        "files": list(found.files),
        "document": found.domain,
    }


def _size(files: Iterable[str], connection: Connection) -> int | None:
    """Return how many bytes files take together; None if libvirt does not tell, or if there are none."""
    try:
        sizes = [connection.volumes.allocation(path) for path in files]
    except HypervisorError as problem:
        if problem.again:
            raise
        return None
    return None if None in sizes or not sizes else sum(sizes)
