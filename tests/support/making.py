"""Rows for tests, with good defaults."""

from django.utils import timezone

from networks.definition.document.edit import build
from networks.definition.document.parse import parse
from networks.definition.spec import NetworkSpec, RangeSpec, SubnetSpec
from networks.models import DHCPHost, DHCPHostStatus, Lease, Network
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus
from virterweb.messages import Message
from virterweb.people.defaults import EVERYONE
from virterweb.people.models import Team
from vms.models import VM, Image, NICStatus, Power, VMStatus, Volume

DEFAULT = """<network><name>default</name><uuid>{uuid}</uuid><forward mode='nat'/><bridge name='virbr0'/>
<domain name='test'/><ip address='192.168.122.1' netmask='255.255.255.0'><dhcp>
<range start='192.168.122.2' end='192.168.122.254'/></dhcp></ip></network>"""

SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICcxosDjfYOvfEZAGm5BGj4/TOpu/OORBuck9i6DvPS+"


def everyone() -> Team:
    """Return the team of a new installation."""
    return Team.objects.get(name=EVERYONE)


def make_hypervisor(name: str = "lab-1", **values) -> Hypervisor:
    hypervisor = Hypervisor.objects.create(name=name, uri=values.pop("uri", "test:///default"), **values)
    HypervisorStatus.objects.filter(hypervisor=hypervisor).update(
        observed_at=timezone.now(), nic_models=["virtio", "e1000e", "e1000", "rtl8139"]
    )
    hypervisor.refresh_from_db()
    return hypervisor


def make_network(hypervisor: Hypervisor, name: str = "net1", cidr: str = "10.255.0.1/24", **values) -> Network:
    """Return a network with one block and its DHCP range, not pushed yet; `spec` has further fields."""
    dhcp, fields = values.pop("dhcp", True), values.pop("spec", {})
    values.setdefault("team", everyone())
    network = Network(hypervisor=hypervisor, name=name, **values)
    subnets = ()
    if cidr:
        address, prefix = cidr.split("/")
        ends = {"start": address.rsplit(".", 1)[0] + ".2", "end": address.rsplit(".", 1)[0] + ".254"}
        ranges = (RangeSpec(**ends),) if dhcp else ()
        subnets = (SubnetSpec(address=address, prefix=int(prefix), ranges=ranges),)
    network.document = build(NetworkSpec(name=name, uuid=network.uuid_text, subnets=subnets, **fields))
    network.save()
    return network


def agree(network: Network) -> None:
    """Record that a network's desired configuration was applied last."""
    agreed = {"agreed": network.document, "agreed_active": network.active, "agreed_autostart": network.autostart}
    Network.objects.filter(pk=network.pk).update(**agreed)
    network.hosts.update(asked_at=None)


def make_foreign_network(hypervisor: Hypervisor, document: str = DEFAULT, **values) -> Network:
    """Return an unmanaged network, as a poll would have recorded it."""
    network = Network.objects.create(hypervisor=hypervisor, name="", managed=False, generation=0)
    document = document.replace("{uuid}", str(network.uuid))
    spec = parse(document)
    Network.objects.filter(pk=network.pk).update(name=spec.name)
    network.status.write(
        **{
            **{"present": True, "active": True, "autostart": True, "document": document},
            **{"forward_mode": spec.forward_mode, "ip_range": spec.ip_range, "domain": spec.domain},
            **{"dhcp": spec.dhcp, "bridge": spec.bridge},
            **values,
        }
    )
    DHCPHostStatus.objects.bulk_create(DHCPHostStatus.of(network, host) for host in spec.hosts)
    network.refresh_from_db()
    return network


def make_image(hypervisor: Hypervisor, name: str = "alma-8", **values) -> Image:
    """An image whose volume is in the pool."""
    values.setdefault("team", everyone())
    image = Image.objects.create(hypervisor=hypervisor, name=name, volume=values.pop("volume", name), **values)
    image.status.write(generation=image.generation, made_at=timezone.now())
    record_volume(hypervisor, image.volume, format="qcow2")
    return image


def record_volume(hypervisor: Hypervisor, name: str, *, pool: str = "", **values) -> Volume:
    """Return the row of a volume in a pool, by default in the one for images and VMs."""
    its, _ = hypervisor.pools.get_or_create(name=pool or hypervisor.pool, defaults={"kind": "dir", "active": True})
    return its.volumes.create(**{"name": name, "path": f"/{pool or 'pool'}/{name}", **values})


def make_vm(hypervisor: Hypervisor, name: str = "alma-8-8", number: int | None = 8, **values) -> VM:
    """Return a managed VM with its access NIC, not pushed yet."""
    values = {"host_key": "made here", "team": everyone(), **values}
    vm = VM.objects.create(hypervisor=hypervisor, name=name, number=number, **values)
    vm.nics.create(position=0, source=hypervisor.access_network, mac=f"52:54:00:00:00:{number or 0:02x}")
    return vm


def make_running(vm: VM, *nics: tuple[str, str, str]) -> None:
    """Write down that a VM runs with NICs given as (network, MAC, host device)."""
    VMStatus.objects.filter(desired=vm).update(
        present=True, power=Power.RUNNING, generation=vm.generation, made_at=timezone.now(), memory=1024, vcpus=1
    )
    for position, (source, mac, target) in enumerate(nics):
        network = Network.objects.filter(hypervisor=vm.hypervisor, name=source).first()
        NICStatus.objects.create(
            vm=vm.status,
            position=position,
            kind="network",
            source=source,
            network=network,
            model="virtio",
            mac=mac,
            target=target,
        )


def make_disks(vm: VM) -> int:
    """Give a VM a disk vdb, an empty drive sdb, and a refused request, whose ID is returned."""
    disk = vm.disks.create(name="data", size=1024)
    found = {"target": "vdb", "bus": "virtio", "device": "disk", "format": "qcow2", "source": disk.path}
    drive = {"target": "sdb", "bus": "scsi", "device": "cdrom", "format": "raw", "source": ""}
    vm.status.write(disks=[*vm.status.disks, found, drive], present=True)
    return vm.disk_requests.create(verb="drive", target="sdc", refused=Message.external("no")).pk


def make_lease(network: Network, mac: str, ip: str, hostname: str = "", **values) -> Lease:
    lease = Lease.of(network, mac, ip, hostname=hostname, **values)
    lease.save()
    return lease


def make_host(network: Network, mac: str, ip: str) -> DHCPHost:
    return DHCPHost.objects.create(network=network, mac=mac, ip=ip)
