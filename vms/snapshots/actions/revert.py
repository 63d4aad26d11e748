"""Reverts VMs to snapshots."""

from datetime import datetime, timedelta
from functools import partial

from django.utils import timezone

from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import Refused
from virterweb.messages import Message
from vms.definition.snapshots import document as snapshot_xml
from vms.definition.snapshots.document import FoundSnapshot, Kind
from vms.models import VM, SnapshotRequest

from . import external, overlays
from .take import present

AGAIN = timedelta(minutes=5)  # how long after an interruption a revert is repeated: later, data may have been written


def revert(row: SnapshotRequest, vm: VM, connection: Connection) -> None:
    """Make a VM as it was in a snapshot; an interrupted one is repeated, which discards nothing that was kept.

    Raises:
        Refused: the snapshot is gone, it is beneath overlays, or the attempt was interrupted too long ago.
    """
    begun = row.about.get("begun")
    if begun and timezone.now() - datetime.fromisoformat(begun) > AGAIN:
        raise Refused(Message("snapshot.interrupted", name=row.name))
    found = present(vm, connection)
    document = connection.snapshots.document(vm.uuid_text, row.name)
    if not document:
        raise Refused(Message("snapshot.gone", vm=vm.name, name=row.name))
    snapshot = snapshot_xml.parse(document)
    if not snapshot.domain:
        raise Refused(Message("snapshot.no_definition", vm=vm.name, name=row.name))
    if snapshot.kind == Kind.INTERNAL:
        require_on_top(connection, snapshot, found.document)
    if not begun:
        row.note(begun=timezone.now().isoformat())
    if snapshot.kind == Kind.EXTERNAL:
        external.revert(row, vm, connection, document)
    else:
        call = partial(connection.snapshots.revert, vm.uuid_text, row.name, start=bool(row.about.get("start")))
        row.steps.watch(Message("step.reverting"), call)


def require_on_top(connection: Connection, snapshot: FoundSnapshot, document: str) -> None:
    """Refuse an internal snapshot in a disk that is beneath an overlay now: changing it would damage the overlay."""
    now = {each.target: overlays.resolved(connection, each.file) for each in snapshot_xml.disks(document)}
    then = {target: overlays.resolved(connection, source) for target, source in snapshot.sources.items()}
    beneath = {overlays.backing(volume) for _, volume in overlays.everywhere(connection).values()} - {""}
    if any(path in beneath and now.get(target) != path for target, path in then.items()):
        raise Refused(Message("snapshot.beneath_overlays", name=snapshot.name))
