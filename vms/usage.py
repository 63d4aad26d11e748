"""How much of what a team may have its VMs use."""

from collections.abc import Mapping

from django.db.models import Count, Sum

from virterweb.people.limits import Kind
from vms.models import VM, Disk

MIB_OF_GIB = 1024


def use(team: int, hypervisor: int | None) -> Mapping[Kind, int]:
    """Return the number of VMs of a team, with what they may use, running or not: see `limits.Use`."""
    vms = VM.objects.filter(team=team, managed=True)
    if hypervisor is not None:
        vms = vms.filter(hypervisor=hypervisor)
    sums = vms.aggregate(vms=Count("pk"), vcpus=Sum("vcpus"), memory=Sum("memory"), boot=Sum("boot_size"))
    further = Disk.objects.filter(vm__in=vms.order_by()).aggregate(size=Sum("size"))["size"] or 0
    found = {Kind.VMS: sums["vms"], Kind.VCPUS: sums["vcpus"] or 0, Kind.MEMORY: sums["memory"] or 0}
    return found | {Kind.DISK: (sums["boot"] or 0) + -(-further // MIB_OF_GIB)}
