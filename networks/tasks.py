"""The worker's tasks for networks, and the work with them that it finds by itself."""

from celery import shared_task

from virterweb.hypervisors.connections.pool import connected
from virterweb.hypervisors.desired.carry_out import carry_out
from virterweb.hypervisors.dispatch import worker
from virterweb.hypervisors.dispatch.work import Work

from . import sync
from .dns_names import sync as dns
from .leases import sync as leases
from .models import Network


@shared_task
def push(network_id: int) -> None:
    carry_out(Network, network_id, sync.push)
    worker.wake()


@shared_task
def release_leases(network_id: int) -> None:
    network = Network.objects.select_related("hypervisor", "status").get(pk=network_id)
    with connected(network.hypervisor_id, network.hypervisor.uri) as connection:
        leases.release(network, connection)


WORK = (
    Work(name="push network", due=Network.objects.overdue, run=push, at_once=4, per_hypervisor=3, inside=True),
    Work(name="release leases", due=leases.to_release, run=release_leases, inside=True),
    Work(name="ask for DNS names", due=dns.due_networks, run=dns.ask, inside=True),
)
