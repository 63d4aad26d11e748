"""The saved definition of a VM as libvirt's document, and as the history keeps it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from networks.definition.addressing import mac_of_id
from networks.models import Network
from virterweb.hypervisors.models import Hypervisor
from vms.definition import disks, hardware
from vms.definition import domain as domain_xml
from vms.definition.disks import PREFIXES, DiskSpec
from vms.definition.documents.passwords import without_passwords
from vms.definition.guest_nic import address_of_id

if TYPE_CHECKING:
    from .disk import Disk
    from .nic import NIC
    from .vm import VM, NICNetworks

SECURE_MACHINE = "q35"  # the machine type that secure boot needs
BOOT = 10  # the boot disk's order, instead of <os><boot/>, so that NICs can come before or after it


def saved_document(vm: "VM", nics: "Sequence[NIC]", *, domain_type: str = "", console_log: str = "") -> str:
    """Return the saved definition: the last one that libvirt had, with the saved values; before that a new one.

    `nics` are the desired NICs. `domain_type` and `console_log` are for a new one; without them, they are as far as the
    database knows.
    """
    if last := vm.status.definition:
        keyed = [(nic.key, nic.spec()) for nic in nics]
        document = domain_xml.edit(last, name=vm.name, memory=vm.memory, vcpus=vm.vcpus, nics=keyed)
        if vm.saved_disks is not None:
            document = disks.with_disks(document, vm.saved_disks)
        return hardware.edit(document, vm.hardware)
    return new_document(vm, nics, domain_type or _known_type(vm.hypervisor), console_log)


def _known_type(hypervisor: Hypervisor) -> str:
    if hypervisor.domain_type != Hypervisor.DomainType.AUTO:
        return hypervisor.domain_type
    return "kvm" if hypervisor.status.kvm else "qemu"


def arch_of_host(hypervisor: Hypervisor) -> str:
    """Return the architecture of a hypervisor's host; x86_64 until it is known."""
    return next(iter(hypervisor.status.archs), hardware.X86)


def new_document(vm: "VM", nics: "Sequence[NIC]", domain_type: str, console_log: str) -> str:
    """Return the document of a new VM; `console_log` is a file on the host, "" without."""
    own = arch_of_host(vm.hypervisor)
    spec = domain_xml.DomainSpec(
        name=vm.name,
        uuid=vm.uuid_text,
        arch=vm.arch or own,
        type=domain_type if vm.arch in ("", own) else "qemu",  # KVM runs only the host's own architecture
        memory=vm.memory,
        vcpus=vm.vcpus,
        disks=tuple(_disks(vm)),
        nics=tuple(nic.spec() for nic in nics),
        host_key=vm.host_key_public,
        ssh_user=vm.ssh_user,
        vnc_port=vm.vnc_port,
        vnc_bind=vm.vnc_bind,
        console_log=console_log,
        machine=SECURE_MACHINE if vm.hardware.get("firmware") == hardware.SECURE else "",
    )
    return hardware.edit(domain_xml.build(spec), vm.hardware)


def disk_spec(disk: "Disk", target: str) -> DiskSpec:
    """Return a further disk of a VM as it is attached, with this target."""
    hypervisor = disk.vm.hypervisor
    return DiskSpec(
        target=target,
        bus=disk.bus,
        pool=disk.pool or hypervisor.pool,
        volume=disk.volume,
        format=disk.format,
        cache=disk.cache or hypervisor.disk_cache,
        discard=disk.discard,
    )


def _disks(vm: "VM") -> list[DiskSpec]:
    common = {"pool": vm.hypervisor.pool, "cache": vm.hypervisor.disk_cache}
    boot = {"target": "vda", "bus": "virtio", "volume": vm.boot_volume, "format": "qcow2", "boot_order": BOOT}
    found = [DiskSpec(**common, **boot)]
    letters = {"virtio": iter("bcdefghijklmnopqrstuvwxyz"), "scsi": iter("bcdefghijklmnop"), "ide": iter("abcd")}
    made = vm.disks.filter(made=True)
    found += [disk_spec(disk, PREFIXES[disk.bus] + next(letters[disk.bus])) for disk in made]
    iso = {"target": "sda", "bus": "scsi", "volume": vm.seed_volume, "format": "raw", "device": "cdrom"}
    return [*found, DiskSpec(**common, **iso)]


def revision_values(vm: "VM", nics: "Sequence[NIC]", networks: "NICNetworks") -> dict[str, object]:
    """Return the saved definition, with these desired NICs, as the columns of a revision."""
    return {
        "document": without_passwords(vm.edited) if vm.edited else saved_document(vm, nics),
        "nics": [{**_columns(nic), "address": address} for nic, address in _with_addresses(vm, nics, networks)],
        "image": vm.image.name if vm.image else "",
        "guest_network": vm.guest_network,
        "running": vm.running,
    }


def _columns(nic: "NIC") -> dict[str, object]:
    return {name: getattr(nic, name) for name in ("mac", "place", "kind", "source", "model", "document", "guest")}


def _with_addresses(vm: "VM", nics: "Sequence[NIC]", networks: "NICNetworks") -> "list[tuple[NIC, str]]":
    """Return NICs with their reserved IPv4 addresses, also with that which making the VM will reserve."""
    of_id = _address_of_id(vm)
    return [(nic, networks.address(nic.spec()) or of_id.get((nic.source, nic.mac), "")) for nic in nics]


def _address_of_id(vm: "VM") -> dict[tuple[str, str], str]:
    """Return the address that the ID of a VM decides, until the VM is made: then it is reserved."""
    if vm.number is None or vm.status.made_at:
        return {}
    access = Network.objects.in_use(vm.hypervisor_id, vm.hypervisor.access_network)
    ip = address_of_id(access.definition, vm.number) if access else ""
    return {(access.name, mac_of_id(vm.number)): ip} if ip else {}
