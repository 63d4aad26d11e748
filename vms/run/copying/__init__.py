"""Creates the disks and the document of a duplicate from those of another VM, which is off unless they are linked."""

from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundDomain, Refused
from virterweb.messages import Message
from vms.definition import domain as domain_xml
from vms.definition import volume as volume_xml
from vms.definition.documents.duplicate import Own, duplicate, on_overlays, own_name, volumes
from vms.definition.volume import VolumeSpec
from vms.images.progress import Copy, copy
from vms.models import VM, WORK, Power
from vms.run.domain import console_file

from . import linking


def copied_document(vm: VM, connection: Connection) -> str:
    """Return the document of a duplicate; Refused if the original cannot be copied now."""
    original = _original(vm, connection)
    nics = vm.nics.filter(removed_at=None).order_by("position")
    own = Own(
        name=vm.name,
        uuid=vm.uuid_text,
        volumes={volume: own_name(volume, original.name, vm.name) for volume in _volumes_of(original.name, vm)},
        macs=[nic.mac for nic in nics],
        host_key=vm.host_key_public,
        console_log=console_file(vm, connection),
    )
    document = connection.domains.stored_document(original.uuid)
    if len(domain_xml.parse(document).nics) != len(own.macs):
        raise Refused(Message("duplicate.changed", vm=original.name))
    if vm.linked_to:
        places = linking.links(vm, original, connection).items()
        document = on_overlays(document, {target: (link.pool, link.volume) for target, link in places})
    return duplicate(document, own)


def copy_disks(vm: VM, connection: Connection) -> None:
    """Copy each disk of the original that does not exist yet, or link it; an interrupted copy is made again."""
    original = _original(vm, connection)
    if vm.linked_to:
        linking.create(vm, original, connection)
        return
    wanted = volumes(connection.domains.stored_document(original.uuid))
    for number, (pool, volume) in enumerate(wanted, start=1):
        name = own_name(volume, original.name, vm.name)
        if not volume or name == volume:
            raise Refused(Message("duplicate.not_own", vm=original.name, disk=volume or "?"))
        if name == vm.copying:  # a worker was interrupted, and the copy may be incomplete
            connection.volumes.delete(pool, name, of=vm.uuid_text)
        if connection.volumes.get(pool, name) is None:
            step = Message("step.copying", volume=name, number=number, count=len(wanted))
            spec = _copied(connection, pool, volume, name)
            vm.note_copying(name)
            copy(Copy(pool=pool, source=volume, spec=spec), connection, vm.status.steps, step)
            vm.note_copying("")


def _volumes_of(original: str, vm: VM) -> list[str]:
    own = ["", "-cidata", "-console", *(f"-{disk.name}" for disk in vm.disks.all())]
    return [f"{WORK}{original}{part}" for part in own]


def _copied(connection: Connection, pool: str, source: str, name: str) -> VolumeSpec:
    """Return the copy of a volume, with what it is an overlay on: libvirt copies disks only as a whole."""
    found = connection.volumes.get(pool, source)
    if found is None:
        raise Refused(Message("pool.no_volume", pool=pool, volume=source))
    was = volume_xml.parse(found.document)
    sparse = was.format == "raw" and bool(connection.pools.folder(pool))
    return VolumeSpec(name=name, capacity=was.capacity, format=was.format, sparse=sparse)


def _original(vm: VM, connection: Connection) -> FoundDomain:
    """Return the VM whose disks are copied or linked; Refused if it is gone, or may be writing to them."""
    found = connection.domains.get(str(vm.copied_from))
    if found is None:
        raise Refused(Message("duplicate.gone", vm=vm.name))
    if not vm.linked_to and (found.state != Power.OFF or found.saved):
        raise Refused(Message("duplicate.runs", vm=found.name))
    return found
