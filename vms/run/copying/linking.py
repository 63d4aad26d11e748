"""Creates the disks of a linked clone: overlays on the disks beneath an external snapshot of another VM.

Since the snapshot was taken, the original writes to overlays, so nothing writes to the disks beneath them. What would
change them is refused while an overlay of another VM is on them: merges, internal snapshots, and the deletion of the
original. While a clone is made, no request about the snapshots of its original is accepted.
"""

from dataclasses import dataclass

from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundDomain, Refused
from virterweb.messages import Message
from vms.definition import volume as volume_xml
from vms.definition.documents.duplicate import own_name
from vms.definition.snapshots import document as snapshot_xml
from vms.definition.snapshots.document import Kind
from vms.definition.volume import VolumeSpec
from vms.models import VM
from vms.snapshots.actions import overlays


@dataclass(frozen=True, kw_only=True)
class Link:
    """A disk of a linked clone: the overlay `volume` in `pool`, on `base`, which is a path."""

    pool: str
    volume: str
    base: str
    base_format: str
    capacity: int


def links(vm: VM, original: FoundDomain, connection: Connection) -> dict[str, Link]:
    """Return the disks of a linked clone by target.

    Raises:
        Refused: the snapshot is gone, has other disks than the original has now, or something writes to its disks.
    """
    name = vm.linked_to
    document = connection.snapshots.document(original.uuid, name)
    snapshot = snapshot_xml.parse(document) if document else None
    if snapshot is None or snapshot.kind != Kind.EXTERNAL or not snapshot.domain:
        raise Refused(Message("duplicate.no_snapshot", vm=original.name, name=name))
    stored = connection.domains.stored_document(original.uuid)
    then = snapshot_xml.disks(snapshot.domain)
    targets = {disk.target for disk in then}
    if targets != snapshot.overlays.keys() or targets != {disk.target for disk in snapshot_xml.disks(stored)}:
        raise Refused(Message("duplicate.other_disks", vm=original.name, name=name))
    found = {disk.target: _link(vm, original, disk, connection) for disk in then}
    _check_writers(vm, {link.base for link in found.values()}, connection)
    return found


def _link(vm: VM, original: FoundDomain, disk: snapshot_xml.Disk, connection: Connection) -> Link:
    """Return the overlay on a disk of the snapshot, whose format the definition says: a guest may write a header."""
    volume = own_name(disk.volume, original.name, vm.name)
    if not disk.volume or volume == disk.volume:
        raise Refused(Message("duplicate.later", name=vm.linked_to))
    if not connection.pools.folder(disk.pool):
        raise Refused(Message("duplicate.no_folder", pool=disk.pool))
    base = connection.volumes.get(disk.pool, disk.volume)
    if base is None:
        raise Refused(Message("pool.no_volume", pool=disk.pool, volume=disk.volume))
    spec, expected = volume_xml.parse(base.document), disk.format or "raw"
    if spec.format != expected:
        raise Refused(
            Message("duplicate.format", target=disk.target, name=vm.linked_to, expected=expected, found=spec.format)
        )
    own = {"pool": disk.pool, "volume": volume, "capacity": spec.capacity}
    return Link(base=base.path, base_format=expected, **own)


def _check_writers(vm: VM, bases: set[str], connection: Connection) -> None:
    """Refuse disks that a VM writes to, or would at its next start, such as after changes outside the portal."""
    for domain in connection.domains.all():
        for document in filter(None, (domain.document, domain.stored)):
            tops = {overlays.resolved(connection, disk.file) for disk in snapshot_xml.disks(document)}
            if written := bases & tops:
                path = min(written)
                raise Refused(Message("duplicate.written", vm=domain.name, path=path, name=vm.linked_to))


def create(vm: VM, original: FoundDomain, connection: Connection) -> None:
    """Create each overlay that does not exist yet."""
    for link in links(vm, original, connection).values():
        there = connection.volumes.get(link.pool, link.volume)
        if there is None:
            beneath = {"backing": link.base, "backing_format": link.base_format}
            spec = VolumeSpec(name=link.volume, capacity=link.capacity, **beneath)
            connection.volumes.create(link.pool, volume_xml.build(spec), link.volume)
        elif overlays.backing(there) != link.base:
            raise Refused(Message("duplicate.wrong_base", volume=link.volume, name=vm.linked_to))
