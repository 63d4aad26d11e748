"""Deletes snapshots: internal ones from the disks, external ones by merging their overlays."""

from functools import partial

from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import Refused
from virterweb.messages import Message
from vms.definition.snapshots import document as snapshot_xml
from vms.definition.snapshots.document import Kind
from vms.models import VM, SnapshotRequest, SnapshotVerb

from . import external
from .revert import require_on_top
from .take import present


def delete(row: SnapshotRequest, vm: VM, connection: Connection) -> None:
    """Delete a snapshot; its children and the present state of the VM stay. Done if it is gone.

    Raises:
        Refused: something else needs its disks.
    """
    found = present(vm, connection)
    document = connection.snapshots.document(vm.uuid_text, row.name)
    snapshot = snapshot_xml.parse(document) if document else None
    if snapshot is None:
        external.clean_up(row, vm, connection)
    elif snapshot.kind == Kind.EXTERNAL:
        external.remove(row, vm, connection, snapshot)
    elif row.verb == SnapshotVerb.MERGE:
        raise Refused(Message("snapshot.not_external", name=row.name))
    else:
        if snapshot.domain:
            require_on_top(connection, snapshot, found.document)
        call = partial(connection.snapshots.delete, vm.uuid_text, row.name)
        row.steps.watch(Message("step.deleting_snapshot"), call)
