"""VMs after a restart of their host: record which ones it has stopped, and start them again."""

from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef

from networks.models import Network
from virterweb.hypervisors.models import Hypervisor
from vms.models import VM, Interruption, NICStatus, Power, VMQuerySet, VMStatus

MAX_STARTING = 3  # VMs that are being started at a time
TRIES = 3  # after which a VM that does not start holds up the others no longer
SHUTDOWN_WINDOW = timedelta(minutes=10)  # before a restart, in which the host may have guests shut down


def handle(hypervisor: Hypervisor) -> bool:
    """Record which VMs a restart of the host has stopped; start them again if the hypervisor has this setting.

    Return whether VMs are still to be started.
    """
    if hypervisor.status.has_restarted:
        _note_stopped(hypervisor, hypervisor.status.observed_at)
    if hypervisor.after_restart != Hypervisor.AfterRestart.START or not _stopped(hypervisor).exists():
        return False
    free = MAX_STARTING - _starting(hypervisor).count()
    ready = _stopped(hypervisor).exclude(pk__in=_waiting(hypervisor).values("pk"))
    for vm in ready.select_related("hypervisor", "status")[: max(free, 0)]:
        vm.end_interruption(running=True)
    return True


def _note_stopped(hypervisor: Hypervisor, last_polled_at: datetime) -> None:
    """Record which VMs were running when the host restarted, and which guests shut down shortly before.

    Before an orderly restart, the host may shut its guests down. libvirt does not distinguish that from a shutdown by
    a user.
    """
    off = VMStatus.objects.filter(desired__hypervisor=hypervisor, present=True, power=Power.OFF)
    unseen = off.filter(interrupted=Interruption.LIBVIRT, interrupted_at__gt=last_polled_at)
    unseen.update(interrupted=Interruption.HOST)
    shut_down = off.filter(interrupted="", interrupted_at__gt=last_polled_at - SHUTDOWN_WINDOW)
    shut_down.update(interrupted=Interruption.SHUTDOWN)


def _stopped(hypervisor: Hypervisor) -> VMQuerySet:
    return VM.objects.on(hypervisor).interrupted().filter(status__interrupted=Interruption.HOST)


def _starting(hypervisor: Hypervisor) -> VMQuerySet:
    """Return the VMs whose start was requested after the restart, is not carried out and does not fail repeatedly."""
    requested = VM.objects.on(hypervisor).filter(power_generation__gt=F("status__power_done"))
    pending = requested.filter(status__interrupted=Interruption.HOST, status__generation__lt=F("generation"))
    return pending.filter(status__tries__lt=TRIES)


def _waiting(hypervisor: Hypervisor) -> VMQuerySet:
    """Return the VMs with a NIC on a network that is about to be started."""
    pending = Network.objects.on(hypervisor).filter(managed=True, active=True, removed_at=None, status__active=False)
    pending = pending.filter(status__generation__lt=F("generation"))
    nics = NICStatus.objects.filter(vm__desired=OuterRef("pk"), network__in=pending.values("pk"))
    return VM.objects.on(hypervisor).filter(Exists(nics))
