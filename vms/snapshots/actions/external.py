"""External snapshots: reverts onto new overlays, and merges of overlays into the disks beneath them.

libvirt does neither before 9.9, and this way is the same in all versions. The order of the steps is such that the VM
can be started after each of them, and another worker continues where one was interrupted.
"""

import secrets
from contextlib import suppress
from functools import partial
from posixpath import basename

from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import Refused
from virterweb.messages import Message
from vms.definition import volume as volume_xml
from vms.definition.snapshots import document as snapshot_xml
from vms.definition.snapshots import edit as snapshot_edit
from vms.definition.snapshots.document import FoundSnapshot
from vms.definition.volume import VolumeSpec
from vms.models import VM, Power, SnapshotRequest

from . import overlays
from .merge import merge
from .take import present


def revert(row: SnapshotRequest, vm: VM, connection: Connection, document: str) -> None:
    """Make a VM as in an external snapshot: it continues on new, empty overlays on the disks of then.

    Raises:
        Refused: a disk of then is in no pool, or the saved memory is gone.
    """
    snapshot = snapshot_xml.parse(document)
    if not row.about.get("defined"):
        if snapshot.memory_file:
            overlays.refresh(connection, [snapshot.memory_file])
            if connection.volumes.at(snapshot.memory_file) is None:
                raise Refused(Message("snapshot.memory_gone", name=row.name, path=snapshot.memory_file))
        _define(row, vm, connection, document)
    _finish_revert(row, vm, connection, document)


def _define(row: SnapshotRequest, vm: VM, connection: Connection, document: str) -> None:
    """Create the new overlays and have the VM use them."""
    snapshot, before = snapshot_xml.parse(document), present(vm, connection).document
    token = row.about.get("token") or secrets.token_hex(4)
    bases = {target: overlays.resolved(connection, snapshot.sources[target]) for target in snapshot.overlays}
    new = {target: snapshot_xml.overlay_of(base, token) for target, base in bases.items()}
    tops = [overlays.resolved(connection, each.file) for each in snapshot_xml.disks(before)]
    old = overlays.of_snapshots(tops, _all(vm, connection))
    row.note(token=token, files=row.about.get("files") or [*old, *snapshot.overlays.values()], new=new)
    overlays.delete_unused(vm, connection, new.values())  # what an interrupted worker has left
    try:
        for target, base in bases.items():
            if new[target] not in tops:  # an interrupted worker has defined it so
                _create(connection, vm, base, new[target])
        connection.power.force_off(vm.uuid_text, vm.name)
        connection.domains.define(snapshot_edit.domain_on(document, new), vm.name)
    except Refused:
        overlays.delete_unused(vm, connection, new.values())
        raise
    row.note(defined=True)


def _create(connection: Connection, vm: VM, base: str, path: str) -> None:
    overlays.refresh(connection, [base])
    if (found := connection.volumes.at(base)) is None:
        raise Refused(Message("snapshot.outside", path=base, hypervisor=vm.hypervisor.name))
    pool, volume = found
    spec = volume_xml.parse(volume.document)
    beneath = {"backing": base, "backing_format": spec.format or "qcow2"}
    overlay = VolumeSpec(name=basename(path), capacity=spec.capacity, **beneath)
    connection.volumes.create(pool, volume_xml.build(overlay), overlay.name)


def _finish_revert(row: SnapshotRequest, vm: VM, connection: Connection, document: str) -> None:
    """Have libvirt know which snapshot is the current one, delete what nothing needs, and start the VM."""
    snapshot, new = snapshot_xml.parse(document), row.about["new"]
    others = [each for each in _all(vm, connection) if each.name != snapshot.name]
    branches = {overlays.resolved(connection, source) for each in others for source in each.sources.values()}
    moved = {target: path for target, path in new.items() if snapshot.overlays[target] not in branches}
    now = snapshot_edit.with_overlays(document, moved)
    connection.snapshots.define(vm.uuid_text, now, snapshot.name, current=True)
    with suppress(Refused):  # what cannot be deleted now is listed as unused
        overlays.delete_unused(vm, connection, row.about["files"])
    if present(vm, connection).state != Power.OFF:
        return
    if snapshot.memory_file:
        live = snapshot_edit.domain_on(document, new, live=True)
        call = partial(connection.jobs.restore, snapshot.memory_file, live, vm.name)
        row.steps.watch(Message("step.restoring"), call)
    elif row.about.get("start"):
        row.steps.watch(Message("step.starting"), partial(connection.power.start, vm.uuid_text, vm.name))


def _all(vm: VM, connection: Connection) -> list[FoundSnapshot]:
    return [snapshot_xml.parse(each) for each in connection.snapshots.documents(vm.uuid_text)]


def remove(row: SnapshotRequest, vm: VM, connection: Connection, snapshot: FoundSnapshot) -> None:
    """Delete an external snapshot: merge its overlays if the VM is on them, and delete files that nothing needs.

    Raises:
        Refused: something else needs its disks, or it was cancelled.
    """
    sources = [overlays.resolved(connection, source) for source in snapshot.sources.values()]
    files = [*snapshot.files, *overlays.of_snapshots(sources, _all(vm, connection))]
    row.note(begun=True, files=row.about.get("files") or files)
    try:
        merge(row, vm, connection, snapshot)
    finally:
        if row.about.get("started") and present(vm, connection).state == "paused":
            connection.power.force_off(vm.uuid_text, vm.name)
    found, moved = connection.snapshots.all(vm.uuid_text), row.about.get("merged") or {}
    for document in found.documents:
        name = snapshot_xml.parse(document).name
        secure = connection.snapshots.document(vm.uuid_text, name)
        if name != snapshot.name and (edited := snapshot_edit.with_sources(secure, moved)) != secure:
            connection.snapshots.define(vm.uuid_text, edited, name, current=name == found.current)
    connection.snapshots.forget(vm.uuid_text, snapshot.name)
    clean_up(row, vm, connection)


def clean_up(row: SnapshotRequest, vm: VM, connection: Connection) -> None:
    """Delete the files of a deleted snapshot that nothing needs, also after an interruption."""
    overlays.delete_unused(vm, connection, row.about.get("files") or [])
