"""The cloud-init ISO of a VM: made from its wish, its NICs and their networks, and kept up with them while it lives.

A guest reads it at each boot, and when a card is plugged in. Under a running guest it is written over in place, for
QEMU holds the file open.
"""

import json
from collections.abc import Iterable
from hashlib import sha256
from io import BytesIO

from networks.models import Network
from virterweb.hypervisors.gateway import Host
from virterweb.hypervisors.models import Hypervisor

from . import cloud_init, ids, nic_address, portal_key, volume_xml
from .cloud_init import GuestNIC
from .guest_nic import Attached, guest_nics
from .models import NIC, VM, Power
from .volume_xml import VolumeSpec

HIDDEN = "(the private host key)"
SLACK = 256 * 1024  # bytes that a new ISO's file is longer than its first content: what is written later may be, too

_kept_up: dict[int, object] = {}


def write(vm: VM, host: Host) -> None:
    """Write the ISO, unless it is as it should be. Too long for a running guest's file, it waits until that is off."""
    pool, name, content = vm.hypervisor.pool, vm.seed_volume, files(vm)
    volume = host.volume(pool, name)
    if volume and vm.status.seed == digest(content):
        return
    iso = cloud_init.iso(content)
    if volume is None or len(iso) > volume_xml.parse(volume.document).capacity:
        found = host.domain(vm.uuid_text)
        if found and found.state != Power.OFF:
            return
        host.delete_volume(pool, name)
        size = len(iso) + SLACK
        host.create_volume(pool, volume_xml.build(VolumeSpec(name=name, capacity=size, format="raw")), name)
    vm.status.write(seed="")  # until it is whole
    host.upload(pool, name, BytesIO(iso), len(iso))
    vm.status.write(seed=digest(content))


def digest(content: dict[str, bytes]) -> str:
    """What tells one ISO's content from another's."""
    return sha256(json.dumps({name: data.decode() for name, data in content.items()}).encode()).hexdigest()


def ours(vm: VM) -> bool:
    """Whether its ISO is one that the portal made: another's it could not make again."""
    return bool(vm.managed and vm.host_key)


def files(vm: VM, nics: Iterable[NIC] | None = None) -> dict[str, bytes]:
    """What the guest finds on its NoCloud ISO; with the NICs given, or those wished."""
    attached = _attached(vm, nics if nics is not None else vm.nics.filter(removed_at=None))
    if vm.as_virter:
        plain = guest_nics(Attached(mac=nic.mac, network=nic.network) for nic in attached)
        network, config = {}, cloud_init.virters_network_config(plain)
    else:
        found = guest_nics(attached)
        network, config = cloud_init.network_user_data(found), cloud_init.network_config(found)
    access = ids.access_spec(vm.hypervisor)
    keys = [*vm.hypervisor.ssh_keys.splitlines(), *vm.ssh_keys.splitlines()]
    if vm.wait_ssh:
        keys.append(portal_key.authorized_line())
    data = cloud_init.user_data(
        name=vm.name,
        domain=access[0].status.domain if access else "",
        keys=tuple(key for key in keys if key.strip()),
        private_key=vm.host_key,
        public_key=vm.host_key_public,
        network=network,
    )
    texts = {
        "meta-data": cloud_init.meta_data(vm.name),
        "user-data": cloud_init.combined_user_data(data, vm.user_data),
        "network-config": config,
    }
    return {name: text.encode() for name, text in texts.items() if text is not None}


def shown(vm: VM, content: dict[str, bytes]) -> dict[str, bytes]:
    """The files without what nobody is to read over a shoulder: the private host key."""
    secret = vm.host_key.strip().splitlines()
    hidden = {}
    for name, data in content.items():
        lines = data.decode().splitlines(keepends=True)
        at = next((n for n, line in enumerate(lines) if secret and line.strip() == secret[0]), None)
        if at is not None:
            kept = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
            lines[at : at + len(secret)] = [f"{kept}{HIDDEN}\n"]
        hidden[name] = "".join(lines).encode()
    return hidden


def wanted(vm: VM, nics: Iterable[NIC] | None = None) -> tuple[GuestNIC, ...]:
    """What the guest is to do with its NICs, those given or those wished, by the portal's own rule."""
    return guest_nics(_attached(vm, nics if nics is not None else vm.nics.filter(removed_at=None)))


def attached(vm: VM, nic: NIC) -> Attached:
    """A NIC as its guest is to see it."""
    spec = nic.spec()
    network = vm.network(spec)
    reserved = nic_address.fixed(vm, spec)
    if not reserved and network and network.is_access_network and nic.position == 0 and vm.number:
        reserved = _address_of_id(vm)
    return Attached(
        mac=nic.mac,
        wish=nic.guest_spec(),
        network=network and network.definition,
        reserved=reserved,
        mtu=spec.mtu,
    )


def _attached(vm: VM, nics: Iterable[NIC]) -> tuple[Attached, ...]:
    return tuple(attached(vm, nic) for nic in nics)


def _address_of_id(vm: VM) -> str:
    try:
        return ids.address(vm.hypervisor, vm.number).ip
    except ValueError:  # the block has been changed since
        return ""


def changed() -> list[int]:
    """Hypervisors of which something that ISOs are made from may have changed since `keep_up` in this process."""
    return [pk for pk, signature in _signatures().items() if _kept_up.get(pk) != signature]


def keep_up(hypervisor_id: int) -> None:
    """Have the ISOs written anew that no longer say what the networks offer."""
    signature = _signatures().get(hypervisor_id)
    vms = VM.objects.on(hypervisor_id).filter(managed=True, removed_at=None, status__present=True)
    for vm in vms.exclude(host_key="").select_related("hypervisor", "status", "image"):
        if vm.status.generation == vm.generation and vm.status.seed != digest(files(vm)):
            vm.ask_again()
    _kept_up[hypervisor_id] = signature


def _signatures() -> dict[int, object]:
    columns = ("hypervisor", "pk", "generation", "status__observed_at")
    networks: dict[int, list] = {}
    for pk, *values in Network.objects.order_by("pk").values_list(*columns):
        networks.setdefault(pk, []).append(values)
    settings = Hypervisor.objects.values_list("pk", "guest_network", "access_network", "ssh_keys")
    return {pk: (values, networks.get(pk, [])) for pk, *values in settings}
