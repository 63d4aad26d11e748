"""Long calls and jobs of libvirt: how far they are, and their cancellation."""

import time
from collections.abc import Callable

from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundJob, Refused
from virterweb.messages import Message
from vms.models import SnapshotRequest

INTERVAL = 0.5  # seconds between two looks


def is_cancelled(row: SnapshotRequest) -> bool:
    asked = SnapshotRequest.objects.filter(pk=row.pk, asked_at=row.asked_at)
    return asked.exclude(cancel_asked_at=None).exists()


def watch(row: SnapshotRequest, uuid: str, connection: Connection, call: Callable[[], None]) -> None:
    """Make a call that saves memory, which may take minutes, and record how far it is; cancel it if requested.

    The call must not use the database. Raises what it raises; Refused if it was cancelled.
    """
    cancelled = False

    def look() -> FoundJob | None:
        nonlocal cancelled
        if not cancelled and is_cancelled(row):
            connection.jobs.abort_of_memory(uuid)
            cancelled = True
        return connection.jobs.of_memory(uuid)

    try:
        row.steps.watch(Message("step.saving"), call, look)
    except Refused as problem:
        if cancelled:
            raise Refused(Message("snapshot.cancelled"), problem.detail) from problem
        raise


def finish_commit(row: SnapshotRequest, uuid: str, disk: str, connection: Connection) -> None:
    """Wait until the merge of a disk has ended, and pivot where it waits for that; cancel it if requested.

    Raises: Refused if it was cancelled.
    """
    total = 0
    while job := connection.jobs.of_disk(uuid, disk):
        total = job.total
        row.steps(job.done, total)
        if is_cancelled(row):
            connection.jobs.abort_of_disk(uuid, disk)
            raise Refused(Message("snapshot.cancelled"))
        if job.ready:
            connection.jobs.pivot(uuid, disk)
        time.sleep(INTERVAL)
    row.steps(total)
