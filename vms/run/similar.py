"""The values that a VM was run with, and those of a template: to run such VMs, or to write them down."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from networks.attaching import Attaching
from networks.models import Network
from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import Message
from virterweb.people import creating, rights
from virterweb.people.pools import Pools
from virterweb.people.verbs import Verb
from vms.definition import host_reach, sizes
from vms.definition.hardware import SECURE
from vms.guests.form import guest_initial
from vms.models import NIC, VM, Disk, Image, VMTemplate
from vms.nics.place_form import USER

from .copy_as import FIRST_VNC_PORT, DiskOf, Run, has_more
from .disk_form import DiskForm
from .form import PLAIN
from .template_names import VisibleNames

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
    """Return initial values of RunForm for a similar VM, and what is not copied (`left`).

    User data is copied only for users who may see it: it may contain passwords.
    """
    nics = _further_nics(vm)
    found = {"hypervisor": vm.hypervisor_id, "base": _base(vm), **values_of(vm, nics, vm.disks.all())}
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
    """Return initial values of RunForm for VMs of a template, and messages (`missing`).

    The messages are about what the template has and the user cannot use: it is gone, or was never the user's.
    """
    host, stored, names = template.hypervisor, template.values, VisibleNames(user)
    fields = _readable(stored.fields, template, user)
    missing = fields.pop("missing") + [message for message in [stored.problem(template.name)] if message]
    missing += _take_missing(fields, template, names)
    rows = fields["nics"]
    nics = list(zip(rows, _nic_refusals(rows, host, names), strict=True))
    missing += [refusal for _, refusal in nics if refusal]
    disks = [(row, _pool_refusal(row["pool"], user, host)) for row in fields["disks"]]
    missing += [Message("template.pool", disk=row["name"], reason=reason) for row, reason in disks if reason]
    if not rights.is_operator(user, host) and host_reach.parts(**{name: fields.get(name) or "" for name in OF_HOST}):
        missing.append(Message("template.of_host"))
        fields |= dict.fromkeys(OF_HOST, "")
    fields["nics"] = [row for row, refusal in nics if not refusal]
    fields["disks"] = [{**row, "pool": ""} if reason else row for row, reason in disks]
    return {**fields, "hypervisor": host.pk, "base": template.name, "count": count, "missing": missing}


def _take_missing(fields: dict[str, object], template: VMTemplate, names: VisibleNames) -> Iterator[Message]:
    """Take image and architecture out of the values if they cannot be used, and yield why."""
    host, image = template.hypervisor, fields.get("image", "")
    images = Image.objects.usable_by(names.user).on(host).filter(removed_at=None, status__gone_at=None)
    if not images.filter(name=image).exists():
        fields.pop("image", None)
        if image and names.image(host, image):
            yield Message("template.image", image=image, hypervisor=host)
        else:
            yield Message("template.no_image", template=template, hypervisor=host)
    if (arch := fields.get("arch")) and arch not in host.status.archs:
        yield Message("template.arch", arch=fields.pop("arch"), hypervisor=host)


def _readable(values: dict[str, object], thing: VM | VMTemplate, user: rights.Actor) -> dict[str, object]:
    """Return the values without user data that the user may not see; `missing` says so."""
    if not values.get("user_data") or rights.may(user, Verb.SECRETS, thing):
        return values | {"missing": []}
    return values | {"user_data": "", "missing": [Message("template.user_data", object=thing)]}


def _nic_refusals(rows: Sequence[Mapping[str, object]], host: Hypervisor, known: VisibleNames) -> Iterator[Message]:
    """Yield for each NIC of a template why it cannot be that of a new VM; an empty message if it can."""
    user = known.user
    attaching, visible = Attaching(user, host), Network.objects.visible_to(user).on(host).filter(removed_at=None)
    names = {row["network"] for row in rows if row.get("network")}
    there = {USER, "", *visible.filter(name__in=names).values_list("name", flat=True)} if names else {""}
    for number, row in enumerate(rows, 2):
        network = row.get("network", "")
        if bridge := row.get("bridge"):
            allowed, place = attaching.has_bridge(bridge), f"the bridge {bridge}"
        elif device := row.get("device"):
            allowed, place = attaching.has_device(device), f"the device {device}"
        else:
            allowed, place = network != USER or attaching.operator, "user networking"
        if not allowed:
            yield Message("template.host_place", number=number, place=place)
        elif network not in there:
            yield _no_network(number, network, host, known)
        elif network not in ("", USER) and (reason := attaching.to_network(network)):
            yield Message("template.not_allowed", number=number, reason=reason)
        else:
            yield Message()


def _no_network(number: int, network: str, host: Hypervisor, known: VisibleNames) -> Message:
    if known.network(host, network):
        return Message("template.network", number=number, hypervisor=host, network=network)
    return Message("template.no_network", number=number, hypervisor=host)


def _pool_refusal(pool: str, user: rights.Actor, host: Hypervisor) -> Message:
    """Return why the disk of a template cannot be in its pool; an empty message if it can."""
    if not pool or rights.is_operator(user, host):
        return Message()
    team = creating.teams(user, host.pk).first()  # that the form chooses
    return Pools(user, team and team.pk, host).refusal(pool)


def _base(vm: VM) -> str:
    """Return the name without the ID; empty for a name IMAGE-ID, which the form makes itself, and for other names."""
    base = vm.name.removesuffix(f"-{vm.number}")
    return "" if base in (vm.name, vm.image.name) else base


def _further_nics(vm: VM) -> list[NIC]:
    """Return the NICs after the access NIC."""
    kinds = NIC.Kind.values  # the form cannot create other kinds
    return list(vm.nics.filter(removed_at=None, position__gt=0, kind__in=kinds))


def _row(nic: NIC) -> dict[str, object]:
    """Return NICForm's values, without the MAC and static addresses, which only one NIC can have."""
    places = {NIC.Kind.NETWORK: "network", NIC.Kind.BRIDGE: "bridge", NIC.Kind.DIRECT: "device"}
    place = {"network": USER} if nic.kind == NIC.Kind.USER else {places[nic.kind]: nic.source}
    return {**place, "model": nic.model, **guest_initial(replace(nic.guest_spec(), addresses=()))}
