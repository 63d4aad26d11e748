"""Domain documents of VMs: of a new one, and of one that libvirt no longer has."""

from virterweb.hypervisors.connections import kvm
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import Refused
from virterweb.messages import Message
from vms.definition import domain as domain_xml
from vms.models import VM, document


def recreated(vm: VM, connection: Connection) -> str:
    """Return the document of a VM that libvirt lost: its last one, with the saved values. Refused if a disk is gone."""
    new = {} if vm.status.definition else _of_the_host(vm, connection)
    last = document.saved_document(vm, vm.nics.filter(removed_at=None), **new)
    for disk in domain_xml.parse(last).disks:
        if disk.volume and connection.volumes.get(disk.pool, disk.volume) is None:
            raise Refused(Message("vm.disk_gone", disk=disk.source, vm=vm.name))
    return last


def new_document(vm: VM, connection: Connection) -> str:
    """Return the document of a new VM."""
    return document.new_document(vm, vm.nics.filter(removed_at=None), **_of_the_host(vm, connection))


def _of_the_host(vm: VM, connection: Connection) -> dict[str, str]:
    return {"domain_type": kvm.domain_type(vm.hypervisor, connection), "console_log": console_file(vm, connection)}


def console_file(vm: VM, connection: Connection) -> str:
    """Return the file on the host that the console is logged to; "" if it is not, as in a pool without a folder."""
    if vm.console_dir:
        return f"{vm.console_dir}/{vm.name}.log"
    folder = connection.pools.folder(vm.hypervisor.pool) if vm.console_log else ""
    return f"{folder}/{vm.console_volume}" if folder else ""
