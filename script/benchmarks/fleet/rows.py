"""Fills a database with the rows of a fleet, as polls would have recorded them; no libvirt is involved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

DEVICE = "<controller type='pci' index='{n}' model='pcie-root-port'><target chassis='{n}' port='0x{n:x}'/></controller>"
DOMAIN = """<domain type='kvm'><name>{name}</name><memory unit='KiB'>1048576</memory><vcpu>1</vcpu><os>
<type arch='x86_64' machine='q35'>hvm</type></os><devices>{devices}{nics}</devices></domain>"""
NIC = "<interface type='network'><mac address='{mac}'/><source network='{network}'/><model type='virtio'/></interface>"
COMMON = ["lo", "eth0", "eth1", "virbr0", "virbr1"]


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many rows there are: networks and VMs of each hypervisor, NICs of all of its VMs."""

    hypervisors: int
    networks: int = 2
    vms: int = 10
    nics: int = 30

    def macs(self, vm: int) -> list[str]:
        """Return the MACs of a VM; `vm` is its key, from 1."""
        count = self.nics // self.vms + (vm % self.vms < self.nics % self.vms)
        return [f"52:54:{vm >> 16:02x}:{vm >> 8 & 255:02x}:{vm & 255:02x}:{n:02x}" for n in range(count)]

    def network(self, vm: int, position: int) -> int:
        """Return the number of the network of a NIC; NICs of a VM are on different ones, as far as there are enough."""
        return (vm + position) % self.networks


ONE_LAB = Size(hypervisors=1, networks=100, vms=300, nics=1000)


def fill(size: Size) -> None:
    """Create so many hypervisors with their networks, leases, VMs, NICs and a history."""
    from django.utils import timezone

    from virterweb.hypervisors.models import Hypervisor, HypervisorStatus

    now = timezone.now()
    rows = [Hypervisor(name=f"host-{n}", uri="test:///default", access_network="net0") for n in range(size.hypervisors)]
    made = Hypervisor.objects.bulk_create(rows, batch_size=200)
    routes = [[f"10.{n}.0.0/24", f"eth{n}"] for n in range(20)]
    status = {"observed_at": now, "version": "11.3.0", "memory": 65536, "devices": COMMON, "routes": routes}
    HypervisorStatus.objects.bulk_create([HypervisorStatus(hypervisor=each, **status) for each in made], 200)
    for start in range(0, size.hypervisors, 64):
        part = made[start : start + 64]
        _vms(part, _networks(part, size, now), size, now)


def _networks(hypervisors: Iterable[object], size: Size, now: datetime) -> dict[tuple[int, int], object]:
    """Create the networks; return them by hypervisor and number."""
    from networks.definition.document.edit import build
    from networks.definition.spec import NetworkSpec, RangeSpec, SubnetSpec
    from networks.models import Network, NetworkRevision, NetworkStatus

    made = {}
    for each in hypervisors:
        for number in range(size.networks):
            ends = RangeSpec(start=f"10.99.{number}.2", end=f"10.99.{number}.254")
            subnet = SubnetSpec(address=f"10.99.{number}.1", prefix=24, ranges=(ends,))
            network = Network(hypervisor=each, name=f"net{number}")
            spec = NetworkSpec(name=network.name, uuid=network.uuid_text, subnets=(subnet,), forward_mode="nat")
            network.document = network.agreed = build(spec)
            made[each.pk, number] = network
    rows = Network.objects.bulk_create(made.values())
    found = {"generation": 1, "present": True, "active": True, "autostart": True, "made_at": now, "observed_at": now}
    NetworkStatus.objects.bulk_create(
        NetworkStatus(
            desired=row,
            document=row.document,
            forward_mode="nat",
            bridge=f"virbr{row.name[3:]}",
            ip_range=f"10.99.{row.name[3:]}.1/24",
            dhcp=f"10.99.{row.name[3:]}.2-10.99.{row.name[3:]}.254",
            **found,
        )
        for row in rows
    )
    said = {"generation": 1, "event": "added", "result": "done"}
    NetworkRevision.objects.bulk_create(NetworkRevision(desired=row, document=row.document, **said) for row in rows)
    return made


def _vms(hypervisors: Iterable[object], networks: dict, size: Size, now: datetime) -> None:
    from vms.models import VM, Image, VMRevision, VMStatus, Volume

    images = {each.pk: Image(hypervisor=each, name="debian-13", volume="virter:tag:debian-13") for each in hypervisors}
    Image.objects.bulk_create(images.values())
    status = Image._meta.get_field("status").related_model
    status.objects.bulk_create(status(desired=image, generation=1, made_at=now) for image in images.values())
    vms = [
        VM(hypervisor=each, name=f"vm-{each.name}-{n}", number=n + 2, image=images[each.pk], host_key="x")
        for each in hypervisors
        for n in range(size.vms)
    ]
    VM.objects.bulk_create(vms)
    devices = "".join(DEVICE.format(n=n) for n in range(1, 15))
    VMStatus.objects.bulk_create(
        VMStatus(
            desired=vm,
            document=DOMAIN.format(
                name=vm.name,
                devices=devices,
                nics="".join(
                    NIC.format(mac=mac, network=f"net{size.network(vm.pk, at)}")
                    for at, mac in enumerate(size.macs(vm.pk))
                ),
            ),
            **{"generation": 1, "present": True, "power": "running", "memory": 1024, "vcpus": 1, "made_at": now},
        )
        for vm in vms
    )
    said = {"generation": 1, "event": "shut down", "result": "done", "document": "<domain/>"}
    VMRevision.objects.bulk_create(VMRevision(desired=vm, **said) for vm in vms)
    names = (f"virter:work:{vm.name}{end}" for vm in vms for end in ("", "-cidata"))
    hosts = {vm.hypervisor_id: vm.hypervisor for vm in vms}
    known = {"kind": "dir", "active": True}
    pools = {pk: host.pools.get_or_create(name=host.pool, defaults=known)[0] for pk, host in hosts.items()}
    owners = (pools[vm.hypervisor_id] for vm in vms for _ in range(2))
    Volume.objects.bulk_create(Volume(pool=o, name=n, path=n) for o, n in zip(owners, names, strict=True))
    _nics(vms, networks, size)


def _nics(vms: list, networks: dict, size: Size) -> None:
    from networks.models import Lease
    from vms.models import NIC, NICStatus

    def each() -> Iterator[tuple[object, int, str, object]]:
        for vm in vms:
            for position, mac in enumerate(size.macs(vm.pk)):
                yield vm, position, mac, networks[vm.hypervisor_id, size.network(vm.pk, position)]

    NIC.objects.bulk_create(NIC(vm=vm, position=at, source=net.name, mac=mac) for vm, at, mac, net in each())
    found = {"kind": "network", "model": "virtio", "target": "vnet0"}
    NICStatus.objects.bulk_create(
        NICStatus(vm=vm.status, position=at, source=net.name, network=net, mac=mac, **found)
        for vm, at, mac, net in each()
    )
    used = Counter()
    leases = []
    for vm, _, mac, net in each():
        used[net.pk] += 1
        address = f"10.99.{net.name[3:]}.{1 + used[net.pk]}"
        leases.append(Lease.of(net, mac, address, hostname=vm.name, vm=vm.name))
    Lease.objects.bulk_create(leases)
