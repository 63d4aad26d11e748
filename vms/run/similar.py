"""The values that a VM was run with, to run a similar VM or to write them down."""

from dataclasses import replace

from vms.addresses import ids
from vms.definition import sizes
from vms.definition.hardware import SECURE
from vms.guests.form import guest_initial
from vms.models import NIC, VM
from vms.nics.place_form import USER

from .copy_as import FIRST_VNC_PORT, DiskOf, Run, has_more
from .form import PLAIN


def run_of(vm: VM) -> Run:
    """Return the values for copies of a VM, which has an image and an ID."""
    disks = vm.disks.values("name", "size", "format", "bus", "pool")
    return Run(
        image=vm.image.name,
        number=vm.number,
        name=vm.name,
        memory=vm.memory,
        vcpus=vm.vcpus,
        boot_size=vm.boot_size,
        disks=tuple(DiskOf(**disk) for disk in disks),
        nics=tuple(nic.spec() for nic in _further_nics(vm)),
        user=vm.ssh_user,
        wait_ssh=vm.wait_ssh,
        secure_boot=vm.hardware.get("firmware") == SECURE,
        console_dir=vm.console_dir,
        vnc_port=vm.vnc_port,
        vnc_bind=vm.vnc_bind,
        ssh_keys=bool(vm.ssh_keys.strip()),
        user_data=bool(vm.user_data.strip()),
    )


def initial(vm: VM, *, user_data: bool = True) -> dict[str, object]:
    """Return initial values of RunForm for a similar VM with the next free ID, and what is not copied (`left`).

    User data is copied only with `user_data`: it may contain passwords.
    """
    nics, number = _further_nics(vm), ids.next_free_id(vm.hypervisor)
    disks = vm.disks.values("name", "size", "format", "bus", "pool")
    return {
        "hypervisor": vm.hypervisor_id,
        "image": vm.image,
        "name": _name(vm, number),
        **{column: getattr(vm, column) for column in PLAIN if user_data or column != "user_data"},
        "firmware": vm.hardware.get("firmware", ""),
        # A port belongs to one VM only; a port that follows from the ID differs for another ID.
        "vnc_by_id": bool(vm.vnc_port and vm.number and vm.vnc_port == FIRST_VNC_PORT + vm.number),
        "nics": [_row(nic) for nic in nics],
        "disks": [{**disk, "size": sizes.text(disk["size"])} for disk in disks],
        "left": [nic.mac for nic in nics if has_more(nic.spec())],
    }


def _name(vm: VM, number: int | None) -> str:
    """Return a name by the original's pattern BASE-ID; empty for IMAGE-ID, which the form makes itself."""
    base = vm.name.removesuffix(f"-{vm.number}")
    if number is None or base in (vm.name, vm.image.name):
        return ""
    return f"{base}-{number}"


def _further_nics(vm: VM) -> list[NIC]:
    """Return the NICs after the access NIC."""
    kinds = NIC.Kind.values  # the form cannot create other kinds
    return list(vm.nics.filter(removed_at=None, position__gt=0, kind__in=kinds))


def _row(nic: NIC) -> dict[str, object]:
    """Return NICForm's values, without the MAC and static addresses, which only one NIC can have."""
    places = {NIC.Kind.NETWORK: "network", NIC.Kind.BRIDGE: "bridge", NIC.Kind.DIRECT: "device"}
    place = {"network": USER} if nic.kind == NIC.Kind.USER else {places[nic.kind]: nic.source}
    return {**place, "model": nic.model, **guest_initial(replace(nic.guest_spec(), addresses=()))}
