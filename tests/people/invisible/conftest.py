"""Two teams on one hypervisor that see nothing of each other; every name of the team blue contains a secret word."""

from dataclasses import dataclass

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.utils import timezone

from networks.definition.events import Event
from networks.definition.spec import HostSpec
from networks.models import DHCPHostStatus, Network
from tests.support.making import (
    make_disks,
    make_foreign_network,
    make_host,
    make_hypervisor,
    make_image,
    make_lease,
    make_network,
    make_running,
    make_vm,
    record_volume,
)
from tests.support.teams import make_team
from virterweb.activity.choices import Kind, Via
from virterweb.activity.models import Entry
from virterweb.hypervisors.desired.revisions import record
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus, WorkerProcess
from virterweb.messages import Message
from virterweb.people.models import Team
from vms.definition.events import Event as VMEvent
from vms.models import NIC, VM, ConsoleLog, Image, NICAddress, VMTemplate

WORD = "secret"
DOMAIN = "<domain type='qemu'><name>{name}</name><devices/></domain>"
FOREIGN = """<network><name>secret-foreign</name><uuid>{uuid}</uuid><bridge name='brsecret2'/>
<ip address='10.4.0.1' netmask='255.255.255.0'/></network>"""
RED_MAC, BLUE_MAC, SHARED_MAC = "52:54:00:00:00:08", "52:54:00:00:00:09", "52:54:00:bb:bb:09"
LATE_MAC = "52:54:00:bb:bb:0a"  # of blue, wanted but not found yet


@dataclass(frozen=True, kw_only=True)
class World:
    red: AbstractBaseUser
    lab: Hypervisor
    own: dict[str, object]  # values of the URLs of red's objects
    others: dict[str, object]  # the same of blue's


def _network(lab: Hypervisor, name: str, cidr: str, owner: AbstractBaseUser, team: Team, **status: object) -> Network:
    network = make_network(lab, name, cidr, owner=owner, team=team)
    found = {"present": True, "active": True, "document": network.full_document, "ip_range": cidr}
    found |= {"dhcp": f"{cidr.rsplit('.', 1)[0]}.2-{cidr.rsplit('.', 1)[0]}.254"}
    network.status.write(**{"generation": 1, "made_at": timezone.now(), **found, **status})
    network.note(Event.ADDED, owner, result="done")
    return network


def _vm(lab: Hypervisor, name: str, number: int, owner: AbstractBaseUser, team: Team, **values: object) -> VM:
    vm = make_vm(lab, name, number, owner=owner, team=team, **values)
    disk = {"source": f"/pool/{name}-disk", "target": "vda", "bus": "virtio", "format": "qcow2", "device": "disk"}
    vm.status.write(generation=vm.generation, document=DOMAIN.format(name=name), disks=[disk])
    record(vm, VMEvent.BASELINE, owner, result="done")
    ConsoleLog.objects.create(hypervisor=lab, vm=vm, name=name, text=f"{name} login:")
    return vm


def _fail(thing: Network | VM) -> None:
    thing.status.write(error=Message.external(f"{thing.name} failed"), detail=f"{thing.name} failed")


def _blue(lab: Hypervisor, rednet: Network) -> dict[str, object]:
    """Create what belongs to blue, with a NIC on red's network, and return the values of its URLs."""
    owner = get_user_model().objects.create_user("secret-user")
    team = make_team("blue", {owner: "user"}, on=lab)
    net = _network(lab, "secret-net", "10.2.0.1/24", owner, team, bridge="virbr7")
    _network(lab, "secret-overlap", "10.1.0.129/25", owner, team, bridge="virbr8", active=False)
    make_network(lab, "secret-asked", "10.5.0.1/24", owner=owner, team=team, spec={"bridge": "virbr9"})
    make_foreign_network(lab, FOREIGN)
    image = make_image(lab, "secret-image", owner=owner, team=team, volume="plain-tag")
    vm = _vm(lab, "secret-vm", 9, owner, team, image=image)
    make_running(
        vm, ("access", BLUE_MAC, "vnet1"), ("rednet", SHARED_MAC, "vnet2"), ("secret-net", "52:54:00:bb:bb:0b", "vnet3")
    )
    other = _vm(lab, "secret-other", 10, owner, team, image=image)
    make_running(other, ("access", "52:54:00:00:00:0a", "vnet4"))
    NIC.objects.create(vm=other, position=1, kind="network", source="nowhere", mac=LATE_MAC)
    other.status.nics.create(position=2, kind="bridge", source="secretbr", mac="52:54:00:bb:bb:0c", model="virtio")
    foreign = VM.objects.create(hypervisor=lab, name="secret-external", managed=False)
    foreign.status.write(present=True, power="running", document=DOMAIN.format(name="secret-external"))
    foreign.status.nics.create(position=0, kind="network", source="rednet", network=rednet, mac="52:54:00:bb:bb:0d")
    VM.objects.create(hypervisor=lab, name="secret-wanted", number=11, owner=owner, team=team, host_key="x")
    record_volume(lab, "plain-disk", path="/pool/secret-vm-disk", format="qcow2")
    record_volume(lab, "secret-volume", path="/pool/v", format="qcow2", backing="/pool/plain")
    record_volume(lab, "plain", path="/pool/plain", format="qcow2")
    _fail(net)
    _fail(other)
    make_host(net, "52:54:00:bb:bb:0e", "10.2.0.14")
    lease = make_lease(net, "52:54:00:bb:bb:0b", "10.2.0.11", vm="secret-vm", hostname="secret-guest")
    ids = {"lease": lease.pk, "pk": net.revisions.first().pk, "vm_revision": vm.revisions.first().pk}
    ids["snapshot"] = vm.snapshots.create(name="secret-snapshot", taken_at=timezone.now(), kind="internal").pk
    _template(lab, "secret-template", owner, team)
    names = {"network": "secret-net", "vm": "secret-vm", "image": "secret-image"}
    names |= {"pool": "secret-pool", "template": "secret-template"}
    keys = {"network_pk": net.pk, "vm_pk": vm.pk, "mac": SHARED_MAC, "ip": "10.2.0.14"}
    parts = {"hypervisor": "lab", "group": "g", "suffix": "json", "end": "/", "verb": "start", "change": "reset"}
    parts |= {"target": "vdb", "request_id": make_disks(vm), "page": "network"}
    return {**parts, **ids, **names, **keys}


def _shared(rednet: Network) -> None:
    """Add what a network of red has of blue's guests: leases, reservations, and an address that both have."""
    make_lease(rednet, SHARED_MAC, "10.1.0.8", vm="secret-vm", hostname="guest9", client_id="01:aa")
    make_lease(rednet, "52:54:00:aa:aa:08", "10.1.0.8", vm="red-8", client_id="01:aa", last_seen=timezone.now())
    make_lease(rednet, "52:54:00:aa:aa:08", "10.1.0.9", vm="red-8")
    make_lease(rednet, SHARED_MAC, "10.1.0.30", vm="secret-vm", last_seen=timezone.now())
    make_host(rednet, SHARED_MAC, "10.1.0.20")
    found = HostSpec(mac=SHARED_MAC, ip="10.1.0.20")
    DHCPHostStatus.of(rednet, found).save()
    DHCPHostStatus.of(rednet, HostSpec(mac=BLUE_MAC, ip="10.1.0.21")).save()
    vm = VM.objects.get(name="secret-vm")
    NICAddress.objects.create(vm=vm.status, mac=SHARED_MAC, ip="10.1.0.9", source="agent", seen_at=timezone.now())


def _add_errors(rednet: Network, vm: VM, image: Image) -> None:
    """Have everything of red fail, with messages about VMs of blue."""
    in_use = Message("network.in_use", vms=["red-8", "secret-vm"])
    taken = Message("vm.mac_taken", mac=SHARED_MAC, vms=["secret-vm"])
    rednet.status.write(error=in_use)
    rednet.revisions.update(result="failed", error=in_use)
    vm.status.write(error=taken, progress=taken)
    image.status.write(error=taken, progress=taken)
    whose = {"owner_id": rednet.owner_id, "team_id": rednet.team_id, "who": "red", "via": Via.PAGE}
    place = {"hypervisor": "lab", "hypervisor_id": rednet.hypervisor_id, "name": "rednet", "object_id": rednet.pk}
    Entry.objects.create(kind=Kind.NETWORK, event=Event.ADDED, result="failed", error=taken, **whose, **place)


def _template(lab: Hypervisor, name: str, owner: AbstractBaseUser, team: Team) -> None:
    """Create a template that names an image, a network and a bridge of blue."""
    nics = [{"network": "secret-net", "model": "virtio"}, {"network": "rednet", "model": "virtio"}]
    fields = {"image": "secret-image", "memory": 512, "vcpus": 1, "boot_size": 1, "nics": nics}
    VMTemplate.objects.create(hypervisor=lab, name=name, owner=owner, team=team, fields=fields)


def _pools(lab: Hypervisor) -> None:
    """Create pools that red may use, with volumes of others; one problem is in words of libvirt, one in ours."""
    problem = Message("pool.unreadable_volumes", count=2, name="secret-volume", reason=Message.external("secret"))
    for name, its in (("ssd", problem), ("iso", Message.external("cannot open /secret-folder"))):
        sizes = {"capacity": 10**9, "allocation": 10**8, "available": 9 * 10**8}
        pool = lab.pools.create(name=name, active=True, seen_at=timezone.now(), problem=its, **sizes)
        pool.volumes.create(name=f"secret-{name}", path=f"/secret/{name}", capacity=1)


@pytest.fixture
def world(db, enqueued) -> World:
    """Create red with its objects, blue with its own, and a hypervisor that red has no grant for."""
    Team.objects.update(role_of_all=None)
    WorkerProcess.objects.create(name="worker", seen_at=timezone.now())
    lab = make_hypervisor("lab", access_network="access")
    away = make_hypervisor("secret-hypervisor")
    HypervisorStatus.objects.filter(hypervisor=away).update(error=Message.external("secret-hypervisor is away"))
    red = get_user_model().objects.create_user("red")
    team = make_team("red", {red: "user"}, on=lab, others="")
    make_foreign_network(
        lab, FOREIGN.replace("secret-foreign", "access").replace("brsecret2", "virbr0").replace("4", "6", 1)
    )
    make_host(Network.objects.get(name="access"), "52:54:00:00:00:0c", "10.6.0.12")
    Network.objects.get(name="access").hosts.update(name="secret-host")
    rednet = _network(lab, "rednet", "10.1.0.1/24", red, team, bridge="virbr1")
    nic = ["5f", "secret-vm", SHARED_MAC]
    rednet.status.write(disconnected=[nic], suspect=[[*nic, "vnet2", 0]])
    image = make_image(lab, "redimage", owner=red, team=team)
    vm = _vm(lab, "red-8", 8, red, team, image=image)
    make_running(vm, ("access", RED_MAC, "vnet0"), ("rednet", "52:54:00:aa:aa:08", "vnet9"))
    NIC.objects.create(vm=vm, position=1, kind="network", source="rednet", mac="52:54:00:aa:aa:08")
    lease = make_lease(rednet, "52:54:00:00:00:77", "10.1.0.77")
    _template(lab, "redtemplate", red, team)
    _pools(lab)
    others = _blue(lab, rednet)
    _add_errors(rednet, vm, image)
    _shared(rednet)
    make_network(away, "secret-away", "10.9.0.1/24")
    make_vm(away, "secret-vm-away", 5)
    ids = {"lease": lease.pk, "pk": rednet.revisions.first().pk, "vm_revision": vm.revisions.first().pk}
    own = others | ids | {"network": "rednet", "vm": "red-8", "image": "redimage", "network_pk": rednet.pk}
    own |= {"pool": "ssd", "template": "redtemplate"}
    own |= {"vm_pk": vm.pk, "mac": "52:54:00:aa:aa:08", "ip": "10.1.0.20"}
    return World(red=red, lab=lab, own=own, others=others)
