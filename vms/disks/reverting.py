"""Gives a VM the disks that were saved for it, after others have detached or attached some. May run again."""

from virterweb.hypervisors.desired.carry_out import Waiting
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundDomain, Refused
from virterweb.messages import Message
from vms.definition import disks as disk_xml
from vms.images import layers
from vms.models import VM, Power


def revert_disks(vm: VM, connection: Connection, found: FoundDomain) -> None:
    """Attach the saved disks that are missing and detach the others, whose volumes are kept.

    Raises:
        Waiting: The guest has not released a disk yet.
        Refused: The volume of a saved disk is gone, or libvirt refuses.
    """
    if vm.saved_disks is None:
        return
    stored = connection.domains.stored_document(vm.uuid_text) if found.persistent else ""
    live = found.document if found.state != Power.OFF else ""
    documents = [text for text in (stored, live) if text]
    _check_snapshots(vm, connection, documents)
    _check_volumes(vm, connection, documents)
    if stored:
        connection.domains.define(disk_xml.with_disks(stored, vm.saved_disks), vm.name)
    if live:
        _revert_live(vm, connection, live)


def _check_snapshots(vm: VM, connection: Connection, documents: list[str]) -> None:
    """Refuse to put a disk in the place of an overlay of a snapshot: what was written since then would be lost."""
    saved = {target: disk_xml.parse_device(device).source for target, device in vm.saved_disks.items()}
    moved = any(saved.get(disk.target, disk.source) != disk.source for text in documents for disk in _found(text))
    if moved and connection.snapshots.documents(vm.uuid_text):
        raise Refused(Message("disks.in_snapshots", vm=vm.name))


def _check_volumes(vm: VM, connection: Connection, documents: list[str]) -> None:
    """Refuse a disk to attach again that is gone, or that another VM has now."""
    there = {(disk.target, disk.source) for text in documents for disk in _found(text)}
    saved = map(disk_xml.parse_device, vm.saved_disks.values())
    missing = [disk for disk in saved if (disk.target, disk.source) not in there]
    taken = layers.in_domains(connection, but=vm.uuid_text) if missing else set()
    for disk in missing:
        if {disk.volume, disk.source} & taken:
            raise Refused(Message("disks.taken", disk=disk.source, vm=vm.name))
        if disk.volume and connection.volumes.get(disk.pool, disk.volume) is None:
            raise Refused(Message("vm.disk_gone", disk=disk.source, vm=vm.name))


def _found(document: str) -> list[disk_xml.FoundDisk]:
    return [disk_xml.parse_device(device) for device in disk_xml.devices(document).values()]


def _revert_live(vm: VM, connection: Connection, document: str) -> None:
    """Plug disks in and out; those that cannot be follow at the next boot."""
    wanted, there = _hotpluggable(vm.saved_disks), _hotpluggable(disk_xml.devices(document))
    for target in there.keys() - _matching_targets(there, wanted):
        device = disk_xml.device(document, target)
        connection.disks.detach(vm.uuid_text, device, target, live=True, stored=False)
    now = connection.domains.get(vm.uuid_text)
    there = _hotpluggable(disk_xml.devices(now.document)) if now else {}
    if held := there.keys() - _matching_targets(there, wanted):
        raise Waiting(Message("disks.held", targets=sorted(held), refused=[]), seconds=3)
    for target in wanted.keys() - there.keys():
        connection.disks.attach(vm.uuid_text, wanted[target], target, live=True, stored=False)


def _matching_targets(there: dict[str, str], wanted: dict[str, str]) -> set[str]:
    """Return the targets of the disks that are as they are wanted."""
    return {
        target for target in there.keys() & wanted.keys() if disk_xml.have_same_source(there[target], wanted[target])
    }


def _hotpluggable(devices: dict[str, str]) -> dict[str, str]:
    """Return the disks that can be plugged into a running VM, and unplugged."""
    return {
        target: text
        for target, text in devices.items()
        if disk_xml.parse_device(text).bus not in disk_xml.NOT_HOTPLUGGABLE
    }
