"""Domain documents of VMs: of a new one, and of one that libvirt no longer has."""

from virterweb.hypervisors.connections import kvm
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import Refused
from vms.definition import domain as domain_xml
from vms.models import VM

BOOT = 10  # the boot disk's order, instead of <os><boot/>, so that NICs can come before or after it


def recreated(vm: VM, connection: Connection) -> str:
    """Return the document of a VM that libvirt lost: its last one, with the saved values. Refused if a disk is gone."""
    nics = [(nic.key, nic.spec()) for nic in vm.nics.filter(removed_at=None)]
    if last := vm.status.definition:
        document = domain_xml.edit(last, name=vm.name, memory=vm.memory, vcpus=vm.vcpus, nics=nics)
    else:
        document = domain_xml.build(domain_spec(vm, connection))
    for disk in domain_xml.parse(document).disks:
        if disk.volume and connection.volumes.get(disk.pool, disk.volume) is None:
            text = "The disk {disk} of {vm} is gone. Delete {vm} here, and run it anew."
            raise Refused(text.format(disk=disk.source, vm=vm.name))
    return document


def domain_spec(vm: VM, connection: Connection) -> domain_xml.DomainSpec:
    pool = vm.hypervisor.pool
    disks = [
        domain_xml.DiskSpec(
            target="vda", bus="virtio", pool=pool, volume=vm.boot_volume, format="qcow2", boot_order=BOOT
        )
    ]
    letters = {"virtio": iter("bcdefghijklmnopqrstuvwxyz"), "scsi": iter("bcdefghijklmnop"), "ide": iter("abcd")}
    prefixes = {"virtio": "vd", "scsi": "sd", "ide": "hd"}
    for disk in vm.disks.all():
        target = prefixes[disk.bus] + next(letters[disk.bus])
        disks.append(
            domain_xml.DiskSpec(
                target=target, bus=disk.bus, pool=disk.pool or pool, volume=disk.volume, format=disk.format
            )
        )
    iso = vm.seed_volume
    disks.append(domain_xml.DiskSpec(target="sda", bus="scsi", pool=pool, volume=iso, format="raw", device="cdrom"))
    return domain_xml.DomainSpec(
        name=vm.name,
        uuid=vm.uuid_text,
        type=kvm.domain_type(vm.hypervisor, connection),
        memory=vm.memory,
        vcpus=vm.vcpus,
        disks=tuple(disks),
        nics=tuple(nic.spec() for nic in vm.nics.filter(removed_at=None)),
        host_key=vm.host_key_public,
        ssh_user=vm.ssh_user,
        disk_cache=vm.hypervisor.disk_cache,
        vnc_port=vm.vnc_port,
        vnc_bind=vm.vnc_bind,
        console_log=console_file(vm, connection),
    )


def console_file(vm: VM, connection: Connection) -> str:
    """Return the file on the host that the console is logged to; "" if it is not, as in a pool without a folder."""
    if vm.console_dir:
        return f"{vm.console_dir}/{vm.name}.log"
    folder = connection.pools.folder(vm.hypervisor.pool) if vm.console_log else ""
    return f"{folder}/{vm.console_volume}" if folder else ""
