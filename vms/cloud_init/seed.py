"""The cloud-init ISO of a VM: made from its definition, its NICs and their networks, and kept up to date.

A guest reads it at each boot, and when a NIC is plugged in. While the guest runs it is overwritten in place, because
QEMU keeps the file open.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING

from django.utils import timezone

from networks.models import Network
from virterweb.hypervisors.connections.guard import Observation
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus, ReadingProblem
from vms.addresses import ids
from vms.cloud_init import portal_key
from vms.definition import cloud_init
from vms.definition import volume as volume_xml
from vms.definition.cloud_init import GuestNIC
from vms.definition.guest_nic import Attached, address_of_id, guest_nics
from vms.definition.volume import VolumeSpec
from vms.models import NIC, VM, NICNetworks, Power

if TYPE_CHECKING:
    from virterweb.hypervisors.gateway.connection import Connection

HIDDEN = "(the private host key)"
USER_DATA = "user-data"
NOT_SHOWN = "(not shown: it may contain passwords, which only its owner and managers of its team may see)\n"
SLACK = 256 * 1024  # bytes by which the file is larger than its first content, so that later content fits


def write(vm: VM, connection: "Connection") -> None:
    """Write the ISO unless it is up to date; if a running guest's file is too short for it, once the guest is off."""
    pool, name, content = vm.hypervisor.pool, vm.seed_volume, files(vm)
    volume = connection.volumes.get(pool, name)
    if volume and vm.status.seed == digest(content):
        return
    iso = cloud_init.iso(content)
    if volume is None or len(iso) > volume_xml.parse(volume.document).capacity:
        found = connection.domains.get(vm.uuid_text)
        if found and found.state != Power.OFF:
            return
        connection.volumes.delete(pool, name, of=vm.uuid_text)
        size = len(iso) + SLACK
        connection.volumes.create(pool, volume_xml.build(VolumeSpec(name=name, capacity=size, format="raw")), name)
    vm.status.write(seed="")  # until it is complete
    connection.volumes.upload(pool, name, BytesIO(iso), len(iso))
    vm.status.write(seed=digest(content))


def digest(content: dict[str, bytes]) -> str:
    """Return a digest of an ISO's content."""
    return sha256(json.dumps({name: data.decode() for name, data in content.items()}).encode()).hexdigest()


def made_by_portal(vm: VM) -> bool:
    """Return whether the portal made the VM's ISO; it could not make another's again."""
    return bool(vm.managed and vm.host_key)


def files(vm: VM, nics: Iterable[NIC] | None = None) -> dict[str, bytes]:
    """Return the files of the NoCloud ISO, for the given NICs or the desired ones."""
    return files_for(vm, wanted(vm, nics))


def files_for(vm: VM, guests: Sequence[GuestNIC]) -> dict[str, bytes]:
    """Return the same for NICs with this configuration in the guest."""
    if vm.as_virter:
        network, config = {}, cloud_init.virters_network_config(guests)
    else:
        network, config = cloud_init.network_user_data(guests), cloud_init.network_config(guests)
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
        USER_DATA: cloud_init.combined_user_data(data, vm.user_data),
        "network-config": config,
    }
    return {name: text.encode() for name, text in texts.items() if text is not None}


def shown(vm: VM, content: dict[str, bytes], *, secrets: bool) -> dict[str, bytes]:
    """Return the files without the private host key, for display; without `secrets` not what users added to them."""
    if vm.user_data.strip() and not secrets:
        content = content | {USER_DATA: NOT_SHOWN.encode()}
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
    """Return the guest configuration of the given NICs, or the desired ones."""
    nics = vm.nics.filter(removed_at=None) if nics is None else nics
    return guest_nics(attached(vm, nics), as_virter=vm.as_virter)


def attached(vm: VM, nics: Iterable[NIC]) -> Iterator[Attached]:
    """Yield NICs as their guest is to see them."""
    specs = [(nic, nic.spec()) for nic in nics]
    networks = NICNetworks(vm, tuple(spec for _, spec in specs))
    for nic, spec in specs:
        network, reserved = networks.of(spec), networks.address(spec)
        definition = network and network.definition
        if not reserved and network and network.is_access_network and nic.position == 0:
            reserved = address_of_id(definition, vm.number)
        yield Attached(mac=nic.mac, desired=nic.guest_spec(), network=definition, reserved=reserved, mtu=spec.mtu)


def keep_up(hypervisor: Hypervisor) -> bool:
    """Have the ISOs written again that no longer match what the networks offer; return whether they were compared.

    They are compared only if something that they are made from may have changed since the last time.
    """
    signature = _signature(hypervisor)
    if signature == hypervisor.status.seeds_compared:
        return False
    vms = VM.objects.on(hypervisor).filter(managed=True, removed_at=None, status__present=True)
    with Observation(hypervisor, ReadingProblem.Kind.SEED) as reading:
        for vm in vms.exclude(host_key="").select_related("hypervisor", "status", "image"):
            with reading.guard(vm.uuid_text, vm.name):
                if vm.status.generation == vm.generation and vm.status.seed != digest(files(vm)):
                    vm.ask_again()
    HypervisorStatus.objects.filter(hypervisor=hypervisor).update(seeds_compared=signature)
    return True


def _signature(hypervisor: Hypervisor) -> str:
    """Return a digest of what ISOs are made from. It changes daily, as the portal's code may change."""
    networks = Network.objects.on(hypervisor).order_by("pk").values_list("pk", "generation", "status__observed_at")
    options = (hypervisor.guest_network, hypervisor.access_network, hypervisor.ssh_keys)
    return sha256(repr((options, list(networks), timezone.now().date())).encode()).hexdigest()
