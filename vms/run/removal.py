"""Deletes what belongs to a VM in libvirt: addresses, volumes and the domain.

The domain is undefined last: as long as libvirt has a domain with the VM's UUID, the volumes named after the VM belong
to it, so a worker that is interrupted can continue from what it finds.
"""

import re
from contextlib import suppress
from functools import partial

from django.db.models import Q

from networks import sync as networks_sync
from networks.models import Lease, Network
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import (
    FoundDomain,
    FoundLease,
    FoundVolume,
    PoolUnreadable,
    Refused,
    skip_unreadable,
)
from virterweb.messages import Message
from vms.definition import domain as domain_xml
from vms.definition import volume as volume_xml
from vms.images import layers
from vms.models import LAYER, NIC, TAG, VM, Image, Volume
from vms.snapshots import files as snapshots


def delete_created(vm: VM, connection: Connection) -> None:
    """Delete everything of a VM whose domain has its UUID; without that domain, nothing belongs to the VM."""
    if (found := connection.domains.get(vm.uuid_text)) is None:
        return
    vm.confirm()
    connection.power.force_off(vm.uuid_text, vm.name)
    delete_vm(vm, connection, found)


def delete_vm(vm: VM, connection: Connection, found: FoundDomain | None) -> None:
    """Delete everything of a VM that is off: addresses, volumes, and at last its domain."""
    seen = {nic.mac for nic in domain_xml.parse(found.document).nics} if found else set()
    release_addresses(vm, connection, seen | macs_of(vm))
    if _hold_name(vm, connection):
        delete_volumes(vm, connection, found)
        connection.domains.undefine(vm.uuid_text, vm.name)


def _hold_name(vm: VM, connection: Connection) -> bool:
    """Ensure that the name belongs to the VM in libvirt; return False if another VM has the name.

    If the VM was undefined outside the portal, a minimal domain is defined to hold the name.
    """
    if connection.domains.get(vm.uuid_text):
        return True
    if connection.domains.uuid_of(vm.name) or not vm.status.definition:
        return False
    try:
        connection.domains.define(domain_xml.bare(vm.status.definition, vm.name, vm.uuid_text), vm.name)
    except Refused:
        if connection.domains.uuid_of(vm.name):  # defined since the check above
            return False
        raise
    return True


def macs_of(vm: VM) -> set[str]:
    return set(vm.nics.values_list("mac", flat=True))


def release_addresses(vm: VM, connection: Connection, macs: set[str]) -> None:
    """Delete the VM's DHCP reservations on all networks of its hypervisor, and release its leases."""
    release_entries(vm, connection, macs)
    release_leases(vm, connection, macs)


def release_entries(vm: VM, connection: Connection, macs: set[str], but: str = "") -> None:
    """Delete DHCP reservations of these MACs on the networks that the VM's NICs are on or leave, except on `but`.

    Entries on the access network are kept in static-DHCP mode, and so are entries that another VM's NIC needs. The MAC
    of an ID may have entries on other networks, which do not belong to the VM.
    """
    having = Q(found_hosts__mac__in=macs) | Q(hosts__mac__in=macs)
    nics = vm.nics.filter(mac__in=macs)
    wanted = {nic.source for nic in nics if nic.kind == NIC.Kind.NETWORK}.union(*(nic.leaves for nic in nics))
    seen = vm.status.nics.filter(mac__in=macs).exclude(network=None).values("network")
    own = Network.objects.on(vm.hypervisor_id).filter(Q(name__in=wanted) | Q(pk__in=seen))
    networks = own.filter(having).exclude(name=but).distinct()
    for network in networks.select_related("hypervisor", "status"):
        if not (vm.hypervisor.static_dhcp and network.is_access_network):
            others = network.nics.exclude(vm=vm.status).filter(mac__in=macs).values_list("mac", flat=True)
            spared = partial(_macs_of_others, vm, connection, network, macs)
            networks_sync.delete_hosts(network, connection, macs - set(others), spared)


def _macs_of_others(vm: VM, connection: Connection, network: Network, macs: set[str]) -> set[str]:
    """Return which MACs other domains' NICs on a network have now, including domains that were just run."""
    found = [each for each in connection.domains.all(skip_unreadable) if each.uuid != vm.uuid_text]
    documents = [text for each in found for text in (each.document, each.stored) if any(mac in text for mac in macs)]
    nics = [nic for document in documents for nic in domain_xml.parse(document).nics]
    return macs & {nic.mac for nic in nics if nic.source == network.name}


def release_leases(vm: VM, connection: Connection, macs: set[str], name: str = "") -> None:
    """Release leases of these MACs on the named network, or on all networks of the VM.

    The leases are read from libvirt, because the latest may not have been recorded yet.
    """
    here = Network.objects.on(vm.hypervisor_id).select_related("status")
    leased = Q(pk__in=Lease.objects.current().filter(mac__in=macs).values("network"))
    seen = Q(name=name) if name else Q(nics__vm=vm.status) | leased
    for network in here.filter(seen).distinct():
        leases: list[FoundLease] = []
        with suppress(Refused):  # those that cannot be read expire
            leases = connection.leases.of_network(network.uuid_text)
        mine = macs - _macs_of_others(vm, connection, network, macs) if leases else set()
        for lease in leases:
            if lease.mac in mine:
                with suppress(Refused):  # then it expires
                    connection.leases.release(network.uuid_text, lease.ip, lease.mac, lease.client_id)


def delete_volumes(vm: VM, connection: Connection, found: FoundDomain | None = None) -> None:
    """Delete the volumes named after the VM, except those that another domain, overlay or image needs.

    Their layers are deleted as well, unless something else uses them; the tag of an image does.
    """
    own = vm.volumes()
    disks = domain_xml.parse(found.document).disks if found else ()
    own += [(disk.pool, disk.volume) for disk in disks if disk.volume.startswith(f"{vm.boot_volume}-")]
    held = layers.in_domains(connection, but=vm.uuid_text) | volumes_of_others(vm)
    held |= {image.volume for image in Image.objects.filter(hypervisor=vm.hypervisor)}
    pools = {pool for pool, _ in own}
    volumes = {(pool, volume.name): volume for pool in pools for volume in volumes_in(pool, connection)}
    rotated = re.compile(re.escape(vm.console_volume) + r"\.\d+")  # virtlogd rotates long logs to these names
    own += [place for place in volumes if rotated.fullmatch(place[1])]
    own += snapshots.files(connection, found, volumes, set(own))
    others = [volume_xml.parse(volume.document).backing for place, volume in volumes.items() if place not in own]
    held.update(others, layers.beneath_others(layers.overlays_elsewhere(connection, volumes.values(), pools)))
    kept = {place for place in own if (volume := volumes.get(place)) and held & {volume.name, volume.path}}
    beneath = []
    for pool, name in dict.fromkeys(own):
        if (volume := volumes.get((pool, name))) and (pool, name) not in kept:
            beneath.append((pool, layers.beneath(volume)))
            call = partial(connection.volumes.delete, pool, name, of=vm.uuid_text)
            vm.status.steps.watch(Message("step.deleting", volume=name), call)
    for pool, layer in beneath:
        with suppress(Refused):  # kept while anything unreadable might use it
            layers.delete_unused(connection, pool, layer)
    Volume.objects.at(vm.hypervisor, set(own) - kept).forget()


def volumes_of_others(vm: VM) -> set[str]:
    """Return the volumes of the portal's other VMs, also of undefined ones: disk b of VM a, or VM a-b."""
    others = VM.objects.on(vm.hypervisor_id).filter(managed=True, status__made_at__isnull=False).exclude(pk=vm.pk)
    others = others.select_related("hypervisor").prefetch_related("disks")
    return {name for other in others for _, name in other.volumes()}


def check_removable(vm: VM, connection: Connection, found: FoundDomain | None) -> None:
    """Refuse to delete a VM whose disks something else needs, or whose overlays libvirt cannot delete."""
    own = set(vm.volumes())
    volumes = {
        (pool, volume.name): volume for pool in {pool for pool, _ in own} for volume in volumes_in(pool, connection)
    }
    folders = {connection.pools.folder(pool) for pool, _ in own}
    if outside := snapshots.outside(connection, found, volumes, folders):
        raise Refused(Message("vm.disk_in_snapshot", vm=vm.name, path=outside))
    own |= set(snapshots.files(connection, found, volumes, own))
    paths = {volumes[place].path: place for place in own if place in volumes}
    images = {image.volume for image in Image.objects.filter(hypervisor=vm.hypervisor)}
    elsewhere = layers.overlays_elsewhere(connection, volumes.values(), {pool for pool, _ in own})
    for (pool, name), volume in (volumes | elsewhere).items():
        beneath = paths.get(volume_xml.parse(volume.document).backing)
        if beneath and (pool, name) not in own and name not in images and not name.startswith((LAYER, TAG)):
            raise Refused(Message("vm.disk_in_use", volume=name, pool=pool, beneath=beneath[1], vm=vm.name))


def volumes_in(pool: str, connection: Connection) -> list[FoundVolume]:
    """Return the volumes of a pool, none if libvirt no longer has the pool; PoolUnreadable if it cannot be read."""
    try:
        return connection.volumes.all(pool)
    except PoolUnreadable as problem:
        if problem.missing:
            return []
        raise
