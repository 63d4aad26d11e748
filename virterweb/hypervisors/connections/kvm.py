"""Test whether VMs of a hypervisor run with KVM: a guest is run once after each boot of the host.

That libvirt offers KVM proves nothing: on nested machines guests with it do not start, hang, or crawl.
"""

from datetime import timedelta

from django.utils import timezone

from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus


def domain_type(hypervisor: Hypervisor, connection: Connection) -> str:
    """Return the type of new VMs, kvm or qemu: that of the settings, or with `auto` the proved one."""
    if hypervisor.domain_type != Hypervisor.DomainType.AUTO:
        return hypervisor.domain_type
    status = HypervisorStatus.objects.get(hypervisor=hypervisor)
    if status.kvm is None or not status.kvm_tried_at or _booted_since(status, connection):
        problem = connection.host.kvm_problem()
        status.kvm, status.kvm_problem, status.kvm_tried_at = not problem, problem, timezone.now()
        status.save(update_fields=["kvm", "kvm_problem", "kvm_tried_at"])
    return "kvm" if status.kvm else "qemu"


def _booted_since(status: HypervisorStatus, connection: Connection) -> bool:
    uptime = connection.host.uptime()
    return uptime is not None and timezone.now() - timedelta(seconds=uptime) > status.kvm_tried_at
