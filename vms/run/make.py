"""Creates a VM step by step in Virter's order, and deletes what was created when a step is refused.

The domain is defined first and undefined last: as long as libvirt has a domain with the VM's UUID, the volumes named
after the VM belong to it, so a worker that is interrupted can continue, or clean up, from what it finds.
"""

from functools import partial

from django.db import transaction

from networks import sync as networks_sync
from networks.definition.events import Event
from virterweb.hypervisors.desired.revisions import Revision
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import Refused
from virterweb.messages import Message
from vms.addresses.ids import host_entry
from vms.cloud_init import seed
from vms.definition import domain as domain_xml
from vms.definition import volume as volume_xml
from vms.definition.volume import VolumeSpec
from vms.images import layers
from vms.images.boot_volume import boot_volume_spec
from vms.images.progress import growth
from vms.models import NIC, VM, Power

from .copying import copied_document, copy_disks
from .domain import console_file, new_document
from .removal import delete_created, macs_of, volumes_of_others

MIB = 1024**2


def make(vm: VM, connection: Connection) -> None:
    """Create a VM and start it, unless a stop was requested in the meantime; Refused leaves nothing behind.

    The start is the last step: if the VM runs, a worker was interrupted right after it.
    """
    found = connection.domains.get(vm.uuid_text)
    if found and found.state != Power.OFF:
        return
    if found is None:
        _check(vm, connection)
        _clear_console(vm, connection)
    try:
        _make(vm, connection)
    except Refused:
        delete_created(vm, connection)
        raise


def _make(vm: VM, connection: Connection) -> None:
    pool = vm.hypervisor.pool
    if connection.domains.get(vm.uuid_text) is None:
        document = copied_document(vm, connection) if vm.copied_from else new_document(vm, connection)
        connection.domains.define(document, vm.name)
    if vm.copied_from:
        copy_disks(vm, connection)
    elif connection.volumes.get(pool, vm.boot_volume) is None:
        create_volume(vm, connection, pool, boot_volume_spec(vm, connection))
    if (
        console_file(vm, connection).endswith(f"/{vm.console_volume}")
        and connection.volumes.get(pool, vm.console_volume) is None
    ):
        # virtlogd would create the file; as a volume it can be read and deleted.
        spec = VolumeSpec(name=vm.console_volume, capacity=0, format="raw")
        create_volume(vm, connection, pool, spec)
    seed.write(vm, connection)
    for disk in vm.disks.all():
        if connection.volumes.get(disk.pool or pool, disk.volume) is None:
            sparse = bool(connection.pools.folder(disk.pool or pool))
            spec = VolumeSpec(name=disk.volume, capacity=disk.size * MIB, format=disk.format, sparse=sparse)
            create_volume(vm, connection, disk.pool or pool, spec)
    if not vm.hypervisor.static_dhcp:
        add_entry(vm, connection)
    if vm.running:
        vm.status.steps.watch(Message("step.starting"), partial(connection.power.start, vm.uuid_text, vm.name))


def create_volume(vm: VM, connection: Connection, pool: str, spec: VolumeSpec) -> None:
    """Create a volume of a VM; one that is not sparse is written whole, which may last."""
    call = partial(connection.volumes.create, pool, volume_xml.build(spec), spec.name)
    total = 0 if spec.sparse or spec.format != "raw" else spec.capacity
    look = growth(connection, (pool, spec.name), total)
    vm.status.steps.watch(Message("step.creating", volume=spec.name), call, look)


def _check(vm: VM, connection: Connection) -> None:
    """Refuse, before anything is created, what Virter refuses."""
    hypervisor, macs = vm.hypervisor, macs_of(vm)
    for domain in connection.domains.all():
        if domain.name == vm.name:
            raise Refused(Message("vm.name_taken", vm=vm.name, hypervisor=hypervisor))
        if not any(mac in domain.document for mac in macs):  # faster than parsing hundreds of documents
            continue
        if taken := macs & {nic.mac for nic in domain_xml.parse(domain.document).nics}:
            raise Refused(Message("vm.mac_taken", mac=min(taken), vms=[domain.name]))
    if len(set(vm.volumes())) < len(vm.volumes()):
        raise Refused(Message("vm.disk_name"))
    for pool, name in vm.volumes():
        if name != vm.console_volume and connection.volumes.get(pool, name):
            raise Refused(Message("vm.volume_left", pool=pool, volume=name))
    if vm.copied_from:
        copied_document(vm, connection)
    elif vm.image is None:
        raise Refused(Message("vm.no_image", vm=vm.name))
    elif connection.volumes.get(hypervisor.pool, vm.image.volume) is None:
        raise Refused(Message("image.no_volume", image=vm.image, pool=hypervisor.pool))
    for nic in vm.nics.filter(kind=NIC.Kind.NETWORK):
        if connection.networks.uuid_of(nic.source) is None:
            raise Refused(Message("vm.no_network", about=nic.source, hypervisor=hypervisor))
    _check_host_entry(vm, connection)


def _clear_console(vm: VM, connection: Connection) -> None:
    """Delete the console log of an earlier VM of that name, which Virter leaves when it removes the VM."""
    pool, name = vm.hypervisor.pool, vm.console_volume
    if connection.volumes.get(pool, name) and name not in volumes_of_others(vm):
        layers.delete_unused(connection, pool, name)
    if connection.volumes.get(pool, name):
        raise Refused(Message("vm.volume_taken", pool=pool, volume=name))


def _check_host_entry(vm: VM, connection: Connection) -> None:
    if (decided := host_entry(vm)) is None:
        return
    access, entry = decided
    reserved = {found.mac: found for found in networks_sync.found_hosts(access, connection)}
    if vm.hypervisor.static_dhcp and entry.mac not in reserved:
        raise Refused(Message("vm.no_reservation", network=access, mac=entry.mac))
    if not vm.hypervisor.static_dhcp and entry.mac in reserved:
        raise Refused(Message("vm.number_taken", number=vm.number, network=access, mac=entry.mac))


def add_entry(vm: VM, connection: Connection) -> None:
    """Add the DHCP reservation that the VM's ID decides, live and stored."""
    if (decided := host_entry(vm)) is None:
        return
    access, entry = decided
    with transaction.atomic():
        access.lock()
        known = access.hosts.filter(mac=entry.mac, ip=entry.ip, removed_at=None).exists()
        access.hosts.filter(mac=entry.mac).delete()  # removed outside the portal: libvirt no longer has it
        access.hosts.create(mac=entry.mac, ip=entry.ip)
    if not known:
        access.note(Event.RESERVATION_OF_VM, vm.owner, result=Revision.Result.DONE, vm=vm.name)
    networks_sync.add_host(access, connection, entry)
