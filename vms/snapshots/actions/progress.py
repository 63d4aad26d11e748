"""Long calls and jobs of libvirt: how far they are, and their cancellation."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait

from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundJob, Refused
from virterweb.messages import Message
from vms.models import SnapshotRequest

INTERVAL = 0.5  # seconds between two looks


def note(row: SnapshotRequest, job: FoundJob | None) -> None:
    """Record how far a request is."""
    percent = job.percent if job else None
    if percent != row.percent:
        row.percent = percent
        SnapshotRequest.objects.filter(pk=row.pk, asked_at=row.asked_at).update(percent=percent)


def is_cancelled(row: SnapshotRequest) -> bool:
    asked = SnapshotRequest.objects.filter(pk=row.pk, asked_at=row.asked_at)
    return asked.exclude(cancel_asked_at=None).exists()


def watch(row: SnapshotRequest, uuid: str, connection: Connection, call: Callable[[], None]) -> None:
    """Make a call that saves memory, which may take minutes, and record how far it is; cancel it if requested.

    The call must not use the database. Raises what it raises; Refused if it was cancelled.
    """
    answer: Future = Future()
    threading.Thread(target=_put, args=[answer, call], name="snapshot", daemon=True).start()
    cancelled = False
    while not answer.done():
        wait([answer], INTERVAL)
        if answer.done():
            break
        note(row, connection.jobs.of_memory(uuid))
        if not cancelled and is_cancelled(row):
            connection.jobs.abort_of_memory(uuid)
            cancelled = True
    note(row, None)
    try:
        answer.result()
    except Refused as problem:
        if cancelled:
            raise Refused(Message("snapshot.cancelled"), problem.detail) from problem
        raise


def _put(answer: Future, call: Callable[[], None]) -> None:
    try:
        answer.set_result(call())
    except Exception as problem:  # raised to the caller
        answer.set_exception(problem)


def finish_commit(row: SnapshotRequest, uuid: str, disk: str, connection: Connection) -> None:
    """Wait until the merge of a disk has ended, and pivot where it waits for that; cancel it if requested.

    Raises: Refused if it was cancelled.
    """
    while job := connection.jobs.of_disk(uuid, disk):
        note(row, job)
        if is_cancelled(row):
            connection.jobs.abort_of_disk(uuid, disk)
            raise Refused(Message("snapshot.cancelled"))
        if job.ready:
            connection.jobs.pivot(uuid, disk)
        time.sleep(INTERVAL)
    note(row, None)
