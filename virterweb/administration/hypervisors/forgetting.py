"""What is deleted in the portal with a hypervisor, and what stays in its libvirt."""

from dataclasses import dataclass

from django.db.models import QuerySet

from networks.models import DHCPHost, Lease, Network, NetworkRevision
from virterweb.hypervisors.models import Hypervisor
from virterweb.people.models import Grant
from vms.models import VM, ConsoleLog, Image, Power, VMRevision, Volume


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many rows of a kind there are; the texts are for one and for several."""

    number: int
    one: str
    several: str

    def __str__(self) -> str:
        return f"{self.number} {self.one if self.number == 1 else self.several}"


def _counted(rows: QuerySet, one: str, several: str) -> Count:
    return Count(number=rows.count(), one=one, several=several)


def forgotten(hypervisor: Hypervisor) -> list[Count]:
    """Return the numbers of what is deleted in the portal with a hypervisor, without zeros."""
    here, of_it = {"hypervisor": hypervisor}, {"desired__hypervisor": hypervisor}
    found = (
        _counted(Network.objects.filter(managed=True, **here), "network definition", "network definitions"),
        _counted(VM.objects.filter(managed=True, **here), "VM definition", "VM definitions"),
        _counted(Image.objects.filter(managed=True, **here), "image definition", "image definitions"),
        _counted(NetworkRevision.objects.filter(**of_it), "saved version of networks", "saved versions of networks"),
        _counted(VMRevision.objects.filter(**of_it), "saved version of VMs", "saved versions of VMs"),
        _counted(DHCPHost.objects.filter(network__hypervisor=hypervisor), "DHCP reservation", "DHCP reservations"),
        _counted(Lease.objects.filter(**here), "lease of the lease history", "leases of the lease history"),
        _counted(ConsoleLog.objects.filter(**here), "console log", "console logs"),
        _counted(Grant.objects.filter(**here), "grant of a team", "grants of teams"),
    )
    return [count for count in found if count.number]


def kept(hypervisor: Hypervisor) -> list[Count]:
    """Return the numbers of what stays in libvirt, as the last poll found it, without zeros."""
    networks = Network.objects.filter(hypervisor=hypervisor, status__present=True)
    vms = VM.objects.filter(hypervisor=hypervisor, status__present=True)
    running = vms.exclude(status__power=Power.OFF)
    found = (
        _counted(networks, "network", "networks"),
        _counted(running, "running VM, which keeps running", "running VMs, which keep running"),
        _counted(vms.filter(status__power=Power.OFF), "VM that is off", "VMs that are off"),
        _counted(Volume.objects.on(hypervisor), "volume in its pools", "volumes in its pools"),
    )
    return [count for count in found if count.number]
