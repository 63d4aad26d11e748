"""Checks that prevent the restoration of an earlier definition of a VM."""

from collections.abc import Iterable, Iterator

from networks.attaching import Attaching
from virterweb.people import rights
from virterweb.people.hidden.names import HIDDEN_VM, name_for, visible_name
from vms.addresses import ids
from vms.definition import domain as domain_xml
from vms.definition import host_reach
from vms.definition.nics.spec import SharedMAC
from vms.definition.nics.steps import NotAttachable
from vms.models import NIC, VM, Image, NICStatus, VMRevision, Volume

from .nics import NICRestoration
from .wording import say


def problems(revision: VMRevision, now: VMRevision, by: rights.Actor, nics: Iterable[NICRestoration]) -> list[str]:
    """Return why a user cannot restore a revision, one sentence for each obstacle; `now` is what is saved now."""
    host = [] if rights.is_operator(by, revision.desired.hypervisor_id) else _of_the_host(revision, now, by)
    return [*_of_the_vm(revision), *_of_disks(revision, now), *host, *_of_nics(revision.desired, nics)]


def _of_the_vm(revision: VMRevision) -> Iterator[str]:
    vm, uuid = revision.desired, domain_xml.parse(revision.document).uuid
    if uuid and uuid != vm.uuid_text:
        yield say("other VM", vm=vm, uuid=uuid)
    images = Image.objects.on(vm.hypervisor_id).filter(name=revision.image)
    if revision.image and not vm.status.made_at and not images.exists():
        yield say("image", image=revision.image, hypervisor=vm.hypervisor)


def _of_disks(revision: VMRevision, now: VMRevision) -> Iterator[str]:
    """Yield the disks of the revision that the VM no longer has; a disk may have moved to a snapshot's overlay."""
    vm = revision.desired
    there = {disk.target for disk in domain_xml.parse(now.document).disks}
    for disk in domain_xml.parse(revision.document).disks:
        if disk.device == "disk" and disk.target not in there:
            volume = disk.volume or disk.source.rpartition("/")[2]
            exists = Volume.objects.on(vm.hypervisor).filter(name=volume).exists()
            yield say("disk detached" if exists else "disk deleted", target=disk.target, source=disk.source)


def _of_the_host(revision: VMRevision, now: VMRevision, by: rights.Actor) -> list[str]:
    """Return which access to the host would be new that no grant allows."""
    before = host_reach.parts(nic.spec for nic in now.saved.nics)
    after = host_reach.parts(nic.spec for nic in revision.saved.nics)
    return host_reach.refused(before, after, Attaching(by, revision.desired.hypervisor))


def _of_nics(vm: VM, nics: Iterable[NICRestoration]) -> Iterator[str]:
    for nic in nics:
        found = [*_of_mac(vm, nic), *_of_network(vm, nic)] if nic.wanted else []
        yield from found
        try:
            nic.plan  # noqa: B018
        except (NotAttachable, SharedMAC) as problem:
            yield say("NIC", mac=nic.key, reason=problem)
        if not found and nic.address_problem:
            yield say("address", mac=nic.key, reason=nic.address_problem)


def _of_mac(vm: VM, nic: NICRestoration) -> Iterator[str]:
    """Yield the users of the MAC of a NIC that is added again."""
    mac = nic.wanted.spec.mac
    if nic.desired or vm.status.nics.filter(mac=mac).exists():
        return
    desired = NIC.objects.filter(vm__hypervisor=vm.hypervisor_id, mac=mac).exclude(vm=vm)
    seen = NICStatus.objects.filter(vm__desired__hypervisor=vm.hypervisor_id, mac=mac).exclude(vm=vm.status)
    names = ((desired, visible_name(nic.by, "vm", "vm__")), (seen, visible_name(nic.by, "vm", "vm__desired__")))
    holders = [name for rows, column in names for name in rows.values_list(column, flat=True)]
    if holders:
        yield say("MAC", mac=mac, holder=holders[0] or HIDDEN_VM)
    elif not rights.is_operator(nic.by, vm.hypervisor_id) and (network := ids.reserved_on(vm.hypervisor, mac)):
        yield say("MAC reserved", mac=mac, network=name_for(nic.by, network) or "another network")


def _of_network(vm: VM, nic: NICRestoration) -> Iterator[str]:
    """Yield why the NIC cannot be attached again: the network or port group is gone, or the user may not."""
    spec = nic.wanted.spec
    if spec.kind != NIC.Kind.NETWORK or not (nic.spec_changes or nic.leaving):
        return
    network = nic.networks.of(spec)
    if network is None or network.removed_at:
        yield say("network", network=spec.source, mac=nic.key, hypervisor=vm.hypervisor)
    elif spec.port_group and spec.port_group not in {group.name for group in network.definition.port_groups}:
        yield say("port group", network=network, group=spec.port_group, mac=nic.key)
    elif nic.attaches and (reason := Attaching(nic.by, vm.hypervisor).to_network(spec.source)):
        yield say("NIC", mac=nic.key, reason=reason)
