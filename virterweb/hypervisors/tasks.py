"""The worker's tasks for hypervisors, and the work with them that it finds by itself."""

from celery import shared_task

from . import sync
from .dispatch import chores, worker
from .dispatch.work import Work
from .models import Hypervisor

WORK = (
    Work(name="poll", due=Hypervisor.objects.due, run=sync.observe_if_due, hypervisor="pk", at_once=4),
    Work(name="chore", due=chores.due, run=chores.run, hypervisor="", at_once=1),
)


@shared_task
def look(pk: int) -> None:
    """Have the worker look at once for work that is due, such as that of the row with this ID."""
    worker.wake()


def poll_soon(hypervisor_id: int) -> None:
    """Have this worker poll a hypervisor at once, or another if it is faster."""
    sync.ask(hypervisor_id)
    worker.wake()
