"""What follows for VMs from a restart of their host."""

from django.db.models import Exists, F, OuterRef

from networks.models import Network
from virterweb.hypervisors.models import Hypervisor
from vms.models import VM, Interruption, NICStatus, VMQuerySet, VMStatus

AT_ONCE = 3  # VMs that are being started at a time


def follow(hypervisor: Hypervisor) -> bool:
    """Record which VMs a restart of the host has stopped, and start them again if the hypervisor is set so.

    Return whether VMs are still to be started.
    """
    status = hypervisor.status
    if status.has_restarted:
        stopped = VMStatus.objects.filter(desired__hypervisor=hypervisor, interrupted=Interruption.LIBVIRT)
        stopped.filter(interrupted_at__gt=status.observed_at).update(interrupted=Interruption.HOST)
    if hypervisor.after_restart != Hypervisor.AfterRestart.START or not _stopped(hypervisor).exists():
        return False
    free = AT_ONCE - _starting(hypervisor).count()
    ready = _stopped(hypervisor).exclude(pk__in=_waiting(hypervisor).values("pk"))
    for vm in ready.select_related("hypervisor", "status")[: max(free, 0)]:
        vm.end_interruption(running=True)
    return True


def _stopped(hypervisor: Hypervisor) -> VMQuerySet:
    return VM.objects.on(hypervisor).interrupted().filter(status__interrupted=Interruption.HOST)


def _starting(hypervisor: Hypervisor) -> VMQuerySet:
    """Return the VMs whose start was requested after the restart and is not carried out yet."""
    requested = VM.objects.on(hypervisor).filter(power_generation__gt=F("status__power_done"))
    return requested.filter(status__interrupted=Interruption.HOST, status__generation__lt=F("generation"))


def _waiting(hypervisor: Hypervisor) -> VMQuerySet:
    """Return the VMs with a NIC on a network that is about to be started."""
    pending = Network.objects.on(hypervisor).filter(managed=True, active=True, removed_at=None, status__active=False)
    pending = pending.filter(status__generation__lt=F("generation"))
    nics = NICStatus.objects.filter(vm__desired=OuterRef("pk"), network__in=pending.values("pk"))
    return VM.objects.on(hypervisor).filter(Exists(nics))
