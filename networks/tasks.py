"""The worker's tasks for networks."""

from celery import shared_task

from virterweb.hypervisors.connections.pool import connected
from virterweb.hypervisors.desired.carry_out import carry_out

from . import sync
from .dns_names import sync as dns
from .leases import sync as leases
from .models import Network


@shared_task
def sweep() -> None:
    for pk in Network.objects.overdue().values_list("pk", flat=True):
        push.apply_async([pk], expires=5)
    for pk in leases.to_release():
        release_leases.apply_async([pk], expires=5)
    for pk in dns.due_networks().values_list("pk", flat=True)[: dns.NETWORKS_PER_SWEEP]:
        ask_names.apply_async([pk], expires=5)


@shared_task
def push(network_id: int) -> None:
    carry_out(Network, network_id, sync.push)


@shared_task
def release_leases(network_id: int) -> None:
    network = Network.objects.select_related("hypervisor", "status").get(pk=network_id)
    with connected(network.hypervisor_id, network.hypervisor.uri) as connection:
        leases.release(network, connection)


@shared_task
def ask_names(network_id: int) -> None:
    dns.ask(network_id)


@shared_task
def forget() -> None:
    leases.forget()
