"""The values that a VM was run with, and those of a template: to run such VMs, or to write them down."""

from collections.abc import Iterable
from dataclasses import replace

from networks.attaching import Attaching
from networks.models import Network
from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import Message
from virterweb.people import creating, rights
from virterweb.people.pools import Pools
from virterweb.people.verbs import Verb
from vms.addresses import ids
from vms.definition import host_reach, sizes
from vms.definition.hardware import SECURE
from vms.guests.form import guest_initial
from vms.models import NIC, VM, Disk, Image, VMTemplate
from vms.nics.place_form import USER

from .copy_as import FIRST_VNC_PORT, DiskOf, Run, has_more
from .disk_form import DiskForm
from .form import PLAIN

DISK = DiskForm.FIELDS
OF_HOST = ("console_dir", "vnc_bind")  # fields of operators


def run_of(vm: VM) -> Run:
    """Return the values for copies of a VM, which has an image and an ID."""
    disks = vm.disks.values(*DISK)
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
        arch=vm.arch,
        console_dir=vm.console_dir,
        vnc_port=vm.vnc_port,
        vnc_bind=vm.vnc_bind,
        ssh_keys=bool(vm.ssh_keys.strip()),
        user_data=bool(vm.user_data.strip()),
    )


def initial(vm: VM, user: rights.Actor) -> dict[str, object]:
    """Return initial values of RunForm for a similar VM with the next free ID, and what is not copied (`left`).

    User data is copied only for users who may see it: it may contain passwords.
    """
    nics, number = _further_nics(vm), ids.next_free_id(vm.hypervisor)
    values = values_of(vm, nics, vm.disks.all())
    found = {"hypervisor": vm.hypervisor_id, "name": _name(vm, number), **values}
    return _readable(found, vm, user) | {"left": [nic.mac for nic in nics if has_more(nic.spec())]}


def values_of(vm: VM, nics: Iterable[NIC], disks: Iterable[Disk]) -> dict[str, object]:
    """Return initial values of RunForm for VMs like this one, as JSON has them, without what only one VM can have.

    `nics` are those after the access NIC, and `disks` those after the boot disk.
    """
    return {
        "image": vm.image.name,
        **{column: getattr(vm, column) for column in PLAIN},
        "firmware": vm.hardware.get("firmware", ""),
        # A port belongs to one VM only; a port that follows from the ID differs for another ID.
        "vnc_by_id": bool(vm.vnc_port and vm.number and vm.vnc_port == FIRST_VNC_PORT + vm.number),
        "nics": [_row(nic) for nic in nics],
        "disks": [{**{name: getattr(disk, name) for name in DISK}, "size": sizes.text(disk.size)} for disk in disks],
    }


def of_template(template: VMTemplate, user: rights.Actor, count: int = 1) -> dict[str, object]:
    """Return initial values of RunForm for VMs of a template, with the next free IDs, and messages (`missing`).

    The messages are about what the template has and the user cannot use: it is gone, or was never the user's.
    """
    host, fields = template.hypervisor, _readable(template.fields, template, user)
    number, missing = ids.next_free_id(host, count), fields.pop("missing")
    name = template.name if number is None else f"{template.name}-{number}"
    images = Image.objects.usable_by(user).on(host).filter(removed_at=None, status__gone_at=None)
    if not images.filter(name=fields.get("image")).exists():
        missing.append(Message("template.image", image=fields.pop("image", ""), hypervisor=host))
    if (arch := fields.get("arch")) and arch not in host.status.archs:
        missing.append(Message("template.arch", arch=fields.pop("arch"), hypervisor=host))
    nics = [(row, _nic_refusal(row, place, user, host)) for place, row in enumerate(fields.get("nics", ()), 2)]
    missing += [refusal for _, refusal in nics if refusal]
    team = creating.teams(user, host.pk).first()  # that the form chooses
    pools = Pools(user, team and team.pk, host)
    disks = [(row, pools.refusal(row["pool"]) if row["pool"] else Message()) for row in fields.get("disks", ())]
    missing += [Message("template.pool", disk=row["name"], reason=reason) for row, reason in disks if reason]
    if not rights.is_operator(user, host) and host_reach.parts(**{name: fields.get(name) or "" for name in OF_HOST}):
        missing.append(Message("template.of_host"))
        fields |= dict.fromkeys(OF_HOST, "")
    fields["nics"] = [row for row, refusal in nics if not refusal]
    fields["disks"] = [{**row, "pool": ""} if reason else row for row, reason in disks]
    return {**fields, "hypervisor": host.pk, "name": name, "count": count, "missing": missing}


def _readable(values: dict[str, object], thing: VM | VMTemplate, user: rights.Actor) -> dict[str, object]:
    """Return the values without user data that the user may not see; `missing` says so."""
    if not values.get("user_data") or rights.may(user, Verb.SECRETS, thing):
        return values | {"missing": []}
    return values | {"user_data": "", "missing": [Message("template.user_data", object=thing)]}


def _nic_refusal(row: dict[str, object], number: int, user: rights.Actor, host: Hypervisor) -> Message:
    """Return why a NIC of a template cannot be that of a new VM; an empty message if it can."""
    attaching, network = Attaching(user, host), row.get("network", "")
    if bridge := row.get("bridge"):
        allowed, place = attaching.has_bridge(bridge), f"the bridge {bridge}"
    elif device := row.get("device"):
        allowed, place = attaching.has_device(device), f"the device {device}"
    else:
        allowed, place = network != USER or attaching.operator, "user networking"
    if not allowed:
        return Message("template.host_place", number=number, place=place)
    if network in ("", USER):
        return Message()
    if not Network.objects.visible_to(user).on(host).filter(name=network, removed_at=None).exists():
        return Message("template.network", number=number, hypervisor=host, network=network)
    reason = attaching.to_network(network)
    return Message("template.not_allowed", number=number, reason=reason) if reason else Message()


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
