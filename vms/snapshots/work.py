"""Carries out requests about snapshots, as a worker.

A request stays open until libvirt agrees, so another worker continues after one was killed. The connection is a
separate one: libvirt may take minutes to save memory or to merge disks, and other calls do not wait for that.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from virterweb.activity.models import Entry
from virterweb.changes import writes
from virterweb.hypervisors.claims.clock import database_time
from virterweb.hypervisors.claims.due import DATABASE_AWAY, DueQuerySet
from virterweb.hypervisors.connections.guard import failure
from virterweb.hypervisors.connections.pool import connected
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import HypervisorError, Refused
from virterweb.messages import Message
from vms.models import VM, SnapshotRequest, SnapshotVerb

from . import observing
from .actions.delete import delete
from .actions.revert import revert
from .actions.take import take

log = logging.getLogger(__name__)

RETRY = timedelta(seconds=5)  # after a hypervisor was busy or unreachable
VERBS = {
    SnapshotVerb.TAKE: take,
    SnapshotVerb.REVERT: revert,
    SnapshotVerb.DELETE: delete,
    SnapshotVerb.MERGE: delete,
}


def due_requests() -> DueQuerySet:
    """Return the requests to carry out; each waits until the changes of its VM are applied."""
    settled = Q(vm__status__generation__gte=F("vm__generation")) | Q(vm__removed_at__isnull=False)
    waiting = SnapshotRequest.objects.due().filter(settled, done_at=None)
    return waiting.filter(vm__hypervisor__status__unreachable_since=None).order_by("asked_at")


def carry_out(pk: int) -> None:
    """Carry out a request, unless another worker does, and record its result."""
    with SnapshotRequest.objects.due().filter(pk=pk, done_at=None).claim() as row:
        if row is None:
            return
        row.steps.restart()
        vm = VM.objects.select_related("hypervisor", "status").get(pk=row.vm_id)
        try:
            if vm.removed_at:
                raise Refused(Message("snapshot.vm_deleted", vm=vm.name))
            if row.cancel_asked_at and not row.about.get("begun"):
                raise Refused(Message("snapshot.cancelled"))
            with writes.on(vm.hypervisor_id), connected(-vm.hypervisor_id, vm.hypervisor.uri) as connection:
                _attempt(row, vm, connection)
        except HypervisorError as problem:
            log.warning("%s: %s (%s)", row, problem, problem.detail)
            if not problem.again:
                _finish(row, problem.message)
            else:
                _write(row, **row.NO_STEP, error=problem.message, due_at=database_time() + RETRY)
        except DATABASE_AWAY:
            raise
        except Exception as problem:
            _write(row, **row.NO_STEP, error=failure(problem)[0])
            raise
        else:
            _finish(row)


def _attempt(row: SnapshotRequest, vm: VM, connection: Connection) -> None:
    try:
        VERBS[SnapshotVerb(row.verb)](row, vm, connection)
    finally:
        observing.record(vm, connection)
        if found := connection.domains.get(vm.uuid_text):
            vm.follow_sources(found.stored or found.document)  # overlays are made and merged
        vm.hypervisor.request_poll()


def _finish(row: SnapshotRequest, error: Message | None = None) -> None:
    with transaction.atomic():
        Entry.objects.conclude_one(row.entry_id, error, moved=row.steps.moved)
        _write(row, **row.NO_STEP, done_at=timezone.now(), error=error or "")


def _write(row: SnapshotRequest, **values: object) -> None:
    """Write columns of a request, unless it was replaced by another in the meantime."""
    SnapshotRequest.objects.filter(pk=row.pk, asked_at=row.asked_at).update(**values)
