"""The worker's tasks for hypervisors. A message only says "look again"; losing one costs seconds."""

from celery import shared_task

from . import sync
from .models import Hypervisor


@shared_task
def sweep() -> None:
    for pk in Hypervisor.objects.due().values_list("pk", flat=True):
        observe.apply_async([pk], expires=5)


@shared_task
def observe(hypervisor_id: int) -> None:
    sync.observe(hypervisor_id)
