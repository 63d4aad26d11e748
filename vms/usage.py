"""How much of what a team may have its VMs and images use."""

from collections.abc import Mapping

from django.db.models import Case, Count, Exists, F, OuterRef, QuerySet, Subquery, Sum, When
from django.db.models.functions import Coalesce

from networks.models import DHCPHost
from virterweb.people.limits import Kind
from vms.models import NIC, VM, Disk, Image, Snapshot, SnapshotRequest, SnapshotVerb, Upload, Volume

MIB_OF_GIB = 1024
MIB = 1024**2


def use(team: int, hypervisor: int | None) -> Mapping[Kind, int]:
    """Return the number of VMs of a team, with what they may use, running or not, and its images: see `limits.Use`.

    Images that are still being uploaded count with their full size.
    """
    of_team = {"team": team} | ({} if hypervisor is None else {"hypervisor": hypervisor})
    here = of_team | {"managed": True}
    vms = VM.objects.filter(**here)
    sums = vms.aggregate(vms=Count("pk"), vcpus=Sum("vcpus"), memory=Sum("memory"), boot=Sum("boot_size"))
    further = Disk.objects.filter(vm__in=vms.order_by()).aggregate(size=Sum("size"))["size"] or 0
    arriving = Upload.objects.expected().filter(**of_team).aggregate(bytes=Sum("length"))["bytes"] or 0
    further += -(-(_bytes_of(Image.objects.filter(**here)) + arriving) // MIB)
    found = {Kind.VMS: sums["vms"], Kind.VCPUS: sums["vcpus"] or 0, Kind.MEMORY: sums["memory"] or 0}
    found[Kind.DISK] = (sums["boot"] or 0) + -(-further // MIB_OF_GIB)
    found[Kind.SNAPSHOTS] = _snapshots(vms)
    return found | {Kind.RESERVATIONS: _reservations(vms) - _of_vms(team, hypervisor)}


def _snapshots(vms: QuerySet[VM]) -> int:
    """Return the number of snapshots of VMs, with those that are requested and not there yet."""
    taken = Snapshot.objects.filter(vm__in=vms.order_by())
    there = Snapshot.objects.filter(vm=OuterRef("vm"), name=OuterRef("name"))
    asked = SnapshotRequest.objects.filter(~Exists(there), vm__in=vms.order_by(), done_at=None, verb=SnapshotVerb.TAKE)
    return taken.count() + asked.count()


def _bytes_of(images: QuerySet[Image]) -> int:
    """Return the size of the files of images; until a volume is copied, the size of the disk in it."""
    volumes = Volume.objects.of_images(OuterRef("hypervisor")).filter(name=OuterRef("volume")).values("capacity")
    size = Case(When(size=0, then=Coalesce(Subquery(volumes[:1]), 0)), default=F("size"))
    return images.order_by().aggregate(bytes=Sum(size))["bytes"] or 0


def _reservations(vms: QuerySet[VM]) -> int:
    """Return the number of addresses that follow from IDs: they count for the team of the VM, on any network."""
    return vms.filter(number__isnull=False, hypervisor__static_dhcp=False).count()


def _of_vms(team: int, hypervisor: int | None) -> int:
    """Return how many of the reservations on networks of a team follow from the IDs of VMs of any team."""
    hosts = DHCPHost.objects.filter(network__team=team, network__managed=True, removed_at=None)
    if hypervisor is not None:
        hosts = hosts.filter(network__hypervisor=hypervisor)
    access = NIC.objects.filter(position=0, mac=OuterRef("mac"), source=OuterRef("network__name"))
    access = access.filter(vm__hypervisor=OuterRef("network__hypervisor"), vm__managed=True, vm__number__isnull=False)
    return hosts.filter(Exists(access), network__hypervisor__static_dhcp=False).order_by().count()
