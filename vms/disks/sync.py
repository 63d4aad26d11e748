"""Carries out requested changes of the disks of a VM. Each may be interrupted and run again."""

from functools import partial

from virterweb.hypervisors.desired.carry_out import Waiting
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundDomain, Refused
from virterweb.messages import Message
from vms.definition import disks as disk_xml
from vms.definition import domain as domain_xml
from vms.definition import volume as volume_xml
from vms.definition.disks import FoundDisk
from vms.definition.volume import VolumeSpec
from vms.images import layers
from vms.models import VM, Disk, DiskRequest, Power, Volume
from vms.models.document import disk_spec
from vms.run.make import create_volume
from vms.run.removal import volumes_of_others

MIB = 1024**2
Verb = DiskRequest.Verb


def change_disks(vm: VM, connection: Connection, found: FoundDomain) -> None:
    """Carry out what is requested; a request that is refused keeps its reason, and the others do not wait for it.

    Raises:
        Waiting: a guest has not released a disk yet.
        Refused: for the reasons of all requests that were refused.
    """
    held, detail = [], ""
    for request in vm.disk_requests.filter(refused="").select_related("disk"):
        try:
            done = _Carrier(vm, connection, found).carry_out(request)
        except Refused as problem:
            vm.disk_requests.filter(pk=request.pk).update(refused=problem.message)
            detail = detail or problem.detail
            continue
        if done:
            vm.disk_requests.filter(pk=request.pk).delete()
        else:
            held.append(request.target)
    refused = [request.refused for request in vm.disk_requests.exclude(refused="")]
    if held:
        raise Waiting(Message("disks.held", targets=sorted(held), refused=refused), seconds=3)
    if refused:
        raise Refused(Message("disks.refused", refused=refused), detail)


class _Carrier:
    """One VM while its disks are changed; its documents are read again for each request."""

    def __init__(self, vm: VM, connection: Connection, found: FoundDomain) -> None:
        self.vm, self.connection, self.uuid = vm, connection, vm.uuid_text
        self.running, self.persistent = found.state != Power.OFF, found.persistent
        domains = connection.domains
        self.stored = domains.stored_document(self.uuid) if self.persistent else ""
        now = domains.get(self.uuid) if self.running else None
        self.live = now.document if now else ""

    def carry_out(self, request: DiskRequest) -> bool:
        """Return whether it is done; False while the guest holds the disk."""
        verbs = {
            Verb.ADD: self._add,
            Verb.GROW: self._grow,
            Verb.DETACH: self._detach,
            Verb.DELETE: self._delete,
            Verb.DRIVE: self._add_drive,
            Verb.INSERT: self._change_medium,
            Verb.EJECT: self._change_medium,
        }
        return verbs[Verb(request.verb)](request)

    def _disks(self) -> list[FoundDisk]:
        return [disk for text in (self.live, self.stored) if text for disk in domain_xml.parse(text).disks]

    def _at(self, target: str) -> FoundDisk:
        """Return the disk with this target; Refused if there is none."""
        disk = next((disk for disk in self._disks() if disk.target == target), None)
        if disk is None:
            raise Refused(Message("disk.gone", vm=self.vm.name, target=target))
        return disk

    def _add(self, request: DiskRequest) -> bool:
        disk, pool = request.disk, request.disk.pool or self.vm.hypervisor.pool
        disk.vm = self.vm
        self._create_volume(request, disk, pool)
        there = next((found.target for found in self._disks() if found.source == disk.path), "")
        target = there or disk_xml.free_target([self.live, self.stored], disk.bus)
        device = disk_xml.new_disk(disk_spec(disk, target))
        if there:  # a worker that was killed then has attached it
            self.vm.keep_disk(target, device)
            return True
        live = self.running and disk.bus != Disk.Bus.IDE  # which cannot be plugged in
        self.connection.disks.attach(self.uuid, device, target, live=live, stored=self.persistent)
        self.vm.keep_disk(target, device)
        return True

    def _create_volume(self, request: DiskRequest, disk: Disk, pool: str) -> None:
        """Create the volume of a new disk; Refused if the pool had a volume of this name before."""
        there = self.connection.volumes.get(pool, disk.volume)
        if not request.began:
            if there:
                raise Refused(Message("vm.volume_left", pool=pool, volume=disk.volume))
            DiskRequest.objects.filter(pk=request.pk).update(began=True)
        if there is None:
            sparse = bool(self.connection.pools.folder(pool))
            spec = VolumeSpec(name=disk.volume, capacity=disk.size * MIB, format=disk.format, sparse=sparse)
            create_volume(self.vm, self.connection, pool, spec)
        Disk.objects.filter(pk=disk.pk).update(made=True)

    def _grow(self, request: DiskRequest) -> bool:
        self._at(request.target)
        size, now = request.size * MIB, self.connection.disks.capacity(self.uuid, request.target)
        if size < now:
            raise Refused(Message("disk.smaller", target=request.target, now=-(-now // MIB), size=request.size))
        if size > now:
            self.connection.disks.grow(self.uuid, request.target, size)
        return True

    def _detach(self, request: DiskRequest) -> bool:
        """Detach a disk and keep its volume."""
        if not self._released(request.target):
            return False
        self.vm.keep_disk(request.target)
        if request.disk:
            self._forget(request)
        return True

    def _released(self, target: str) -> bool:
        """Detach the disk with this target; return whether the guest has released it."""
        live, stored = (disk_xml.device(text, target) for text in (self.live, self.stored))
        if device := live or stored:
            self.connection.disks.detach(self.uuid, device, target, live=live is not None, stored=stored is not None)
        now = self.connection.domains.get(self.uuid) if live else None
        return not (now and disk_xml.device(now.document, target))

    def _delete(self, request: DiskRequest) -> bool:
        """Detach a disk and delete its volume, which nothing else may need."""
        disk = request.disk
        if disk is None:
            raise Refused(Message("disk.not_own", vm=self.vm.name, target=request.target))
        disk.vm = self.vm
        pool = disk.pool or self.vm.hypervisor.pool
        if reason := self._in_use(disk, pool):
            raise Refused(reason)
        if not self._released(request.target):
            return False
        self.vm.keep_disk(request.target)
        call = partial(self.connection.volumes.delete, pool, disk.volume, of=self.uuid)
        self.vm.status.steps.watch(Message("step.deleting", volume=disk.volume), call)
        Volume.objects.at(self.vm.hypervisor, [(pool, disk.volume)]).forget()
        self._forget(request)
        return True

    def _forget(self, request: DiskRequest) -> None:
        """Delete the row of a disk that the VM no longer has; the request stays until it is recorded as done."""
        DiskRequest.objects.filter(pk=request.pk).update(disk=None)
        request.disk.delete()

    def _in_use(self, disk: Disk, pool: str) -> Message:
        """Return why the volume of a disk cannot be deleted; an empty message if nothing else needs it."""
        volumes = {volume.name: volume for volume in self.connection.volumes.all(pool)}
        if (volume := volumes.get(disk.volume)) is None:
            return Message()
        needed = layers.in_domains(self.connection, but=self.uuid) | volumes_of_others(self.vm)
        needed |= {volume_xml.parse(each.document).backing for each in volumes.values()}
        if self.connection.snapshots.documents(self.uuid):
            return Message("disk.in_snapshot", vm=self.vm.name)
        if {volume.name, volume.path} & needed:
            return Message("disk.in_use", volume=volume.name)
        return Message()

    def _add_drive(self, request: DiskRequest) -> bool:
        """Add an empty drive to the stored definition: QEMU cannot plug one into a running VM."""
        if not self.stored:
            raise Refused(Message("vm.transient", vm=self.vm.name))
        if not request.target:
            bus = disk_xml.drive_bus(self.stored)
            request.target = disk_xml.free_target([self.live, self.stored], bus)
            DiskRequest.objects.filter(pk=request.pk).update(target=request.target)
        if disk_xml.device(self.stored, request.target) is None:
            device = disk_xml.empty_drive(request.target, disk_xml.drive_bus(self.stored))
            self.connection.disks.attach(self.uuid, device, request.target, live=False, stored=True)
        return True

    def _change_medium(self, request: DiskRequest) -> bool:
        """Insert or eject a medium where the drive is: in the running VM, in the stored definition, or in both."""
        self._at(request.target)
        for text, live in ((self.live, True), (self.stored, False)):
            if device := text and disk_xml.with_medium(text, request.target, request.pool, request.volume):
                self.connection.disks.change_medium(self.uuid, device, request.target, live=live, stored=not live)
        return True
