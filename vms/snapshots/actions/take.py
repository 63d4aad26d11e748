"""Takes snapshots: inside the disks where that is possible, else in overlays beside them."""

import secrets
from contextlib import suppress
from functools import partial
from posixpath import dirname

from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundDomain, Refused
from virterweb.messages import Message
from vms.definition.snapshots import document as snapshot_xml
from vms.definition.snapshots.document import Disk
from vms.models import VM, Power, SnapshotRequest

from . import overlays, progress


def take(row: SnapshotRequest, vm: VM, connection: Connection) -> None:
    """Take a snapshot, or do nothing if an interrupted worker has taken it.

    Raises:
        Refused: there is one of that name, or the VM cannot have one.
    """
    found = present(vm, connection)
    if not found.persistent:
        raise Refused(Message("snapshot.transient", vm=vm.name))
    there = {snapshot_xml.parse(each).name for each in connection.snapshots.documents(vm.uuid_text)}
    if row.name in there:
        if row.about.get("begun"):
            return
        raise Refused(Message("snapshot.exists", vm=vm.name, name=row.name))
    if row.about.get("begun"):
        overlays.delete_unused(vm, connection, row.about.get("files", []))
        if row.cancel_asked_at:
            raise Refused(Message("snapshot.cancelled"))
    running = found.state != Power.OFF
    memory = running and bool(row.about.get("memory"))
    disks = snapshot_xml.disks(found.document)
    if not disks:
        raise Refused(Message("snapshot.no_disk", vm=vm.name))
    reason = snapshot_xml.why_external(found.document, running=running, memory=memory)
    external = bool(reason) or bool(row.about.get("external"))
    places, saved = _places(vm, connection, disks) if external else (dict.fromkeys([d.target for d in disks]), "")
    left_out = dict.fromkeys(snapshot_xml.targets_left_out(found.document), "")
    where = (saved if external else True) if memory else False
    document = snapshot_xml.build(row.name, row.about.get("description", ""), places | left_out, where)
    files = [*filter(None, places.values()), *([saved] if where == saved and saved else [])]
    row.note(begun=True, files=files)
    try:
        disks_only = external and not memory
        call = partial(connection.snapshots.take, vm.uuid_text, document, row.name, disks_only=disks_only)
        if memory:
            progress.watch(row, vm.uuid_text, connection, call)
        else:
            row.steps.watch(Message("step.snapshot"), call)
    except Refused:
        with suppress(Refused):
            overlays.delete_unused(vm, connection, files)
        raise
    overlays.refresh(connection, files)


def present(vm: VM, connection: Connection) -> FoundDomain:
    """Return the domain of a VM; Refused if libvirt does not have it."""
    if (found := connection.domains.get(vm.uuid_text)) is None:
        raise Refused(Message("snapshot.vm_gone", vm=vm.name))
    return found


def _places(vm: VM, connection: Connection, disks: tuple[Disk, ...]) -> tuple[dict[str, str], str]:
    """Return the path of a new overlay for each disk, and one for saved memory."""
    token, places = secrets.token_hex(4), {}
    for disk in disks:
        if disk.kind not in ("file", "volume"):
            raise Refused(Message("snapshot.not_a_file", disk=disk.target, vm=vm.name))
        path = overlays.path_of(connection, disk)
        if not path:
            raise Refused(Message("snapshot.no_volume", disk=disk.target, vm=vm.name, volume=disk.volume))
        places[disk.target] = snapshot_xml.overlay_of(path, token)
    first = next(iter(places.values()))
    return places, f"{dirname(first)}/{vm.boot_volume}.memory-{token}"
