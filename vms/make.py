"""Runs a new VM step by step in Virter's order, and takes back what was made when a step is refused.

The domain is defined first and undefined last: while one with our UUID is there, the volumes named after it are ours,
so a worker that is killed anywhere can go on, or clean up, from what it finds.
"""

import re
from contextlib import suppress

from django.db.models import Q

from networks import sync as networks_sync
from networks.addressing import ip_of_id, mac_of_id
from networks.models import DHCPHost, Lease, Network
from networks.network_xml import HostSpec
from virterweb.hypervisors.found import FoundDomain, Refused
from virterweb.hypervisors.gateway import Host
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus

from . import domain_xml, qcow2, seed, volume_xml
from .models import NIC, TAG, VM, Image, Volume
from .volume_xml import VolumeSpec

BOOT = 10  # the boot disk's order, instead of <os><boot/>: a NIC can be before it or behind
GIB = 1024**3
MIB = 1024**2


def make(vm: VM, host: Host) -> None:
    """Bring a VM into being and start it; Refused leaves nothing behind."""
    if host.domain(vm.uuid_text) is None:
        _check(vm, host)
    try:
        _make(vm, host)
    except Refused:
        unmake(vm, host)
        raise


def _make(vm: VM, host: Host) -> None:
    pool = vm.hypervisor.pool
    if host.domain(vm.uuid_text) is None:
        host.define_domain(domain_xml.build(_domain_spec(vm, host)), vm.name)
    if host.volume(pool, vm.boot_volume) is None:
        host.create_volume(pool, volume_xml.build(_boot_volume(vm, host)), vm.boot_volume)
    if console_file(vm, host).endswith(f"/{vm.console_volume}") and host.volume(pool, vm.console_volume) is None:
        # Who writes the log would make the file; this way it is known as a volume, to be read and deleted.
        spec = VolumeSpec(name=vm.console_volume, capacity=0, format="raw")
        host.create_volume(pool, volume_xml.build(spec), vm.console_volume)
    seed.write(vm, host)
    for disk in vm.disks.all():
        if host.volume(disk.pool or pool, disk.volume) is None:
            spec = VolumeSpec(name=disk.volume, capacity=disk.size * MIB, format=disk.format)
            host.create_volume(disk.pool or pool, volume_xml.build(spec), disk.volume)
    if not vm.hypervisor.static_dhcp:
        _add_host_entry(vm, host)
    host.start_domain(vm.uuid_text, vm.name)


def unmake(vm: VM, host: Host) -> None:
    """Delete everything of a VM whose domain has our UUID; without that domain, nothing is ours."""
    if (found := host.domain(vm.uuid_text)) is None:
        return
    host.destroy_domain(vm.uuid_text, vm.name)
    take_away(vm, host, found)


def take_away(vm: VM, host: Host, found: FoundDomain | None) -> None:
    """Delete what a VM that does not run has: addresses, volumes, and its domain, as it was found, last."""
    seen = {nic.mac for nic in domain_xml.parse(found.document).nics} if found else set()
    release_addresses(vm, host, seen | _macs(vm))
    delete_volumes(vm, host)
    host.undefine_domain(vm.uuid_text, vm.name)


def _macs(vm: VM) -> set[str]:
    return set(vm.nics.values_list("mac", flat=True))


def release_addresses(vm: VM, host: Host, macs: set[str]) -> None:
    """Delete the VM's host entries on every network of its hypervisor and have its leases forgotten."""
    release_entries(vm, host, macs)
    release_leases(vm, host, macs)


def release_entries(vm: VM, host: Host, macs: set[str], but: str = "") -> None:
    """Delete the host entries of these MACs on all networks but the one of that name.

    Those of the access network are not touched in static-DHCP mode; nor is one that another VM's NIC there needs.
    """
    having = Q(found_hosts__mac__in=macs) | Q(hosts__mac__in=macs)
    networks = Network.objects.on(vm.hypervisor_id).filter(having).exclude(name=but).distinct()
    for network in networks.select_related("hypervisor", "status"):
        if not (vm.hypervisor.static_dhcp and network.is_access_network):
            others = network.nics.exclude(vm=vm.status).filter(mac__in=macs).values_list("mac", flat=True)
            networks_sync.delete_hosts(network, host, macs - set(others))


def release_leases(vm: VM, host: Host, macs: set[str], name: str = "") -> None:
    """Have leases of these MACs forgotten, on all networks that the VM was seen on or on the one of that name.

    As libvirt has them this moment: the latest may not have been read yet.
    """
    here = Network.objects.on(vm.hypervisor_id).select_related("status")
    leased = Q(pk__in=Lease.objects.current().filter(mac__in=macs).values("network"))
    seen = Q(name=name) if name else Q(nics__vm=vm.status) | leased
    for network in here.filter(seen).distinct():
        for lease in host.leases(network.uuid_text):
            if lease.mac in macs:
                with suppress(Refused):  # then it expires
                    host.release_lease(network.status.bridge, lease.ip, lease.mac, lease.client_id)


def delete_volumes(vm: VM, host: Host) -> None:
    """Delete the volumes that are named after the VM, save those that another domain, overlay or image needs."""
    own = vm.volumes()
    needed = {image.volume for image in Image.objects.filter(hypervisor=vm.hypervisor)}
    for domain in host.domains():
        if domain.uuid != vm.uuid_text:
            needed |= {name for disk in domain_xml.parse(domain.document).disks for name in (disk.volume, disk.source)}
    volumes = {(pool, volume.name): volume for pool in {pool for pool, _ in own} for volume in host.volumes(pool)}
    rotated = re.compile(re.escape(vm.console_volume) + r"\.\d+")  # virtlogd's way with a log that became too long
    own += [place for place in volumes if rotated.fullmatch(place[1])]
    needed |= {volume_xml.parse(volume.document).backing for place, volume in volumes.items() if place not in own}
    for pool, name in own:
        if (found := volumes.get((pool, name))) and name not in needed and found.path not in needed:
            host.delete_volume(pool, name)
    Volume.objects.filter(hypervisor=vm.hypervisor, name__in=[name for _, name in own]).delete()


def _check(vm: VM, host: Host) -> None:
    """Refuse, before anything is made, whatever Virter refuses."""
    hypervisor, macs = vm.hypervisor, _macs(vm)
    for domain in host.domains():
        if domain.name == vm.name:
            raise Refused(f"There is a VM {vm.name} on {hypervisor} already.")
        if not any(mac in domain.document for mac in macs):  # quicker than to read hundreds of documents
            continue
        if taken := macs & {nic.mac for nic in domain_xml.parse(domain.document).nics}:
            raise Refused(f"The MAC {min(taken)} is in use by {domain.name}.")
    if len(set(vm.volumes())) < len(vm.volumes()):
        raise Refused("A disk cannot be called cidata or console: the VM has volumes of these names.")
    for pool, name in vm.volumes():
        if host.volume(pool, name):
            raise Refused(f"The pool {pool} has a volume {name} left over; delete it or take another name.")
    if vm.image is None or host.volume(hypervisor.pool, vm.image.volume) is None:
        raise Refused(f"The image {vm.image or ''} has no volume in the pool {hypervisor.pool}.")
    for nic in vm.nics.filter(kind=NIC.Kind.NETWORK):
        if host.network_uuid(nic.source) is None:
            raise Refused(f"There is no network {nic.source} on {hypervisor}.")
    _check_host_entry(vm, host)


def _check_host_entry(vm: VM, host: Host) -> None:
    entry = host_entry(vm)
    if entry is None:
        return
    access = access_network(vm.hypervisor)
    reserved = {found.mac: found for found in networks_sync.found_hosts(access, host)}
    if vm.hypervisor.static_dhcp and entry.mac not in reserved:
        raise Refused(f"{access} has no host entry for {entry.mac}, and this hypervisor uses static DHCP.")
    if not vm.hypervisor.static_dhcp and entry.mac in reserved:
        raise Refused(f"ID {vm.number} is taken: {access} has a host entry for {entry.mac} already.")


def access_network(hypervisor: Hypervisor) -> Network:
    """The network of every VM's first NIC; Refused if libvirt has none of that name."""
    network = Network.objects.on(hypervisor.pk).filter(name=hypervisor.access_network).order_by("-managed").first()
    if network is None:
        raise Refused(f"{hypervisor} has no network {hypervisor.access_network}, which every VM's first NIC needs.")
    return network


def host_entry(vm: VM) -> HostSpec | None:
    """MAC and address on the access network that the ID decides; None where that has no IPv4 block."""
    block = access_network(vm.hypervisor).definition.block()
    if vm.number is None or block is None:
        return None
    try:
        return HostSpec(mac=mac_of_id(vm.number), ip=str(ip_of_id(block, vm.number)))
    except ValueError as problem:  # the block has been changed since
        raise Refused(str(problem)) from problem


def _add_host_entry(vm: VM, host: Host) -> None:
    if (entry := host_entry(vm)) is None:
        return
    access = access_network(vm.hypervisor)
    if DHCPHost.objects.get_or_create(network=access, mac=entry.mac, ip=entry.ip)[1]:
        access.note(f"host entry of VM {vm}", vm.owner, result="done")
    networks_sync.add_host(access, host, entry)


def _domain_spec(vm: VM, host: Host) -> domain_xml.DomainSpec:
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
        type=_domain_type(vm.hypervisor, host),
        memory=vm.memory,
        vcpus=vm.vcpus,
        disks=tuple(disks),
        nics=tuple(nic.spec() for nic in vm.nics.filter(removed_at=None)),
        host_key=vm.host_key_public,
        ssh_user=vm.ssh_user,
        disk_cache=vm.hypervisor.disk_cache,
        vnc_port=vm.vnc_port,
        vnc_bind=vm.vnc_bind,
        console_log=console_file(vm, host),
    )


def console_file(vm: VM, host: Host) -> str:
    """The file on the host that a VM's console is to be logged to; "" for none, as in a pool that is no folder."""
    if vm.console_dir:
        return f"{vm.console_dir}/{vm.name}.log"
    folder = host.pool_folder(vm.hypervisor.pool) if vm.console_log else ""
    return f"{folder}/{vm.console_volume}" if folder else ""


def _domain_type(hypervisor: Hypervisor, host: Host) -> str:
    """kvm or qemu; `auto` has seen a KVM guest run before it says kvm."""
    if hypervisor.domain_type != Hypervisor.DomainType.AUTO:
        return hypervisor.domain_type
    works = hypervisor.status.kvm
    if works is None:
        works = host.kvm_works()
        HypervisorStatus.objects.filter(hypervisor=hypervisor).update(kvm=works)
    return "kvm" if works else "qemu"


def _boot_volume(vm: VM, host: Host) -> VolumeSpec:
    """A copy-on-write overlay on the image; a Virter tag is an empty overlay itself, so on the layer beneath it."""
    found = host.volume(vm.hypervisor.pool, vm.image.volume)
    if found is None:
        raise Refused(f"The image {vm.image} has no volume in the pool {vm.hypervisor.pool}.")
    image = volume_xml.parse(found.document)
    check_image(vm.image, image, host)
    tagged = vm.image.volume.startswith(TAG) and image.backing
    return VolumeSpec(
        name=vm.boot_volume,
        capacity=max(image.capacity, vm.boot_size * GIB),
        backing=image.backing if tagged else found.path,
        backing_format=image.backing_format if tagged else image.format,
    )


def check_image(image: Image, found: VolumeSpec, host: Host) -> None:
    """Refuse an image that QEMU would read another file through, outside the pool, or guess the format of."""
    pool = image.hypervisor.pool
    if found.format not in qcow2.FORMATS:
        raise Refused(f"The image {image} is a {found.format} file. {qcow2.CONVERT}.")
    if found.backing:
        backings = {volume.path: volume_xml.parse(volume.document).backing for volume in host.volumes(pool)}
        if out := qcow2.outside(found.backing, backings):
            raise Refused(f"The image {image}: {qcow2.refused_backing(out, pool)}")
