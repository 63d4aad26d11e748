"""What a VM was run with, to run another like it, or to write it down."""

from dataclasses import replace

from . import ids, sizes
from .copy_as import FIRST_VNC_PORT, DiskOf, Run, has_more
from .guest_form import guest_initial
from .models import NIC, VM
from .nic_form import USER
from .run_form import PLAIN


def run_of(vm: VM) -> Run:
    """What copies are made of; the VM has an image and an ID."""
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
        console_dir=vm.console_dir,
        vnc_port=vm.vnc_port,
        vnc_bind=vm.vnc_bind,
        ssh_keys=bool(vm.ssh_keys.strip()),
        user_data=bool(vm.user_data.strip()),
    )


def initial(vm: VM) -> dict[str, object]:
    """What RunForm begins with for another such VM, with the next free ID; `left` says what is not taken over."""
    nics, number = _further_nics(vm), ids.next_free_id(vm.hypervisor)
    disks = vm.disks.values("name", "size", "format", "bus", "pool")
    return {
        "hypervisor": vm.hypervisor_id,
        "image": vm.image,
        "name": _name(vm, number),
        **{column: getattr(vm, column) for column in PLAIN},
        # A port is one VM's alone; the one that an ID decides is another for another ID.
        "vnc_by_id": bool(vm.vnc_port and vm.number and vm.vnc_port == FIRST_VNC_PORT + vm.number),
        "nics": [_row(nic) for nic in nics],
        "disks": [{**disk, "size": sizes.text(disk["size"])} for disk in disks],
        "left": [nic.mac for nic in nics if has_more(nic.spec())],
    }


def _name(vm: VM, number: int | None) -> str:
    """By the original's pattern: empty for IMAGE-ID, which the form makes itself; else BASE-ID."""
    base = vm.name.removesuffix(f"-{vm.number}")
    if number is None or base in (vm.name, vm.image.name):
        return ""
    return f"{base}-{number}"


def _further_nics(vm: VM) -> list[NIC]:
    """Those after the access NIC."""
    kinds = NIC.Kind.values  # of another kind the form makes none
    return list(vm.nics.filter(removed_at=None, position__gt=0, kind__in=kinds))


def _row(nic: NIC) -> dict[str, object]:
    """As NICForm's values, without MAC and static addresses, which are one NIC's alone."""
    places = {NIC.Kind.NETWORK: "network", NIC.Kind.BRIDGE: "bridge", NIC.Kind.DIRECT: "device"}
    place = {"network": USER} if nic.kind == NIC.Kind.USER else {places[nic.kind]: nic.source}
    return {**place, "model": nic.model, **guest_initial(replace(nic.guest_spec(), addresses=()))}
