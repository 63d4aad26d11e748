"""The worker's tasks for networks."""

from celery import shared_task

from virterweb.hypervisors.reconcile import carry_out

from . import sync
from .models import Network


@shared_task
def sweep() -> None:
    for pk in Network.objects.overdue().values_list("pk", flat=True):
        push.apply_async([pk], expires=5)


@shared_task
def push(network_id: int) -> None:
    carry_out(Network, network_id, sync.push)
