"""The worker's tasks for hypervisors. A message only requests a poll; a lost one delays it by seconds."""

from celery import shared_task

from . import sync
from .claims.due import end_claims_of_dead
from .models import Hypervisor


@shared_task
def sweep() -> None:
    end_claims_of_dead()
    for pk in Hypervisor.objects.due().values_list("pk", flat=True):
        observe.apply_async([pk], expires=5)


@shared_task
def observe(hypervisor_id: int) -> None:
    sync.observe(hypervisor_id)


@shared_task
def poll_now(hypervisor_id: int) -> None:
    sync.ask(hypervisor_id)
    sync.observe(hypervisor_id)
