"""The worker's tasks for VMs and images, and the work with them that it finds by itself."""

from celery import shared_task

from virterweb.hypervisors.desired.carry_out import carry_out
from virterweb.hypervisors.dispatch import worker
from virterweb.hypervisors.dispatch.work import Work

from . import sync
from .agents import sync as addresses
from .capture import work as captures
from .console import sync as console
from .guests import configure, ssh
from .images import sync as image_sync
from .images.exporting import work as exports
from .images.fetching.fetch import fetch
from .leftovers import deletion
from .models import VM, Image, ImageExport, StoragePool, Volume
from .pools import sync as pools
from .snapshots import work as snapshots


@shared_task
def push(vm_id: int) -> None:
    carry_out(VM, vm_id, sync.push)
    worker.wake()


def push_image(image_id: int) -> None:
    carry_out(Image, image_id, image_sync.push, fetch)


WORK = (
    Work(name="push VM", due=VM.objects.overdue, run=push, at_once=6, per_hypervisor=3, inside=True),
    Work(name="push image", due=Image.objects.to_push, run=push_image, inside=True),
    Work(name="fetch image", due=Image.objects.to_fetch, run=push_image, at_once=6, per_hypervisor=3),
    Work(
        name="export image",
        due=ImageExport.objects.to_prepare,
        run=exports.carry_out,
        hypervisor="image__hypervisor",
        inside=True,
    ),
    Work(name="read pool", due=StoragePool.objects.to_read, run=pools.read, inside=True),
    Work(
        name="delete volume",
        due=Volume.objects.to_delete,
        run=deletion.carry_out,
        hypervisor="pool__hypervisor",
        inside=True,
    ),
    Work(
        name="snapshot",
        due=snapshots.due_requests,
        run=snapshots.carry_out,
        hypervisor="vm__hypervisor",
        at_once=4,
        per_hypervisor=2,
    ),
    Work(
        name="capture",
        due=captures.due_captures,
        run=captures.carry_out,
        hypervisor="vm__hypervisor",
        at_once=8,
        per_hypervisor=4,
    ),
    Work(name="ask guests", due=addresses.due_hypervisors, run=addresses.ask, hypervisor="pk"),
    Work(name="configure guest", due=configure.due_runs, run=configure.run, hypervisor="vm__hypervisor"),
    Work(name="read console", due=console.due_logs, run=console.read, inside=True),
    Work(name="try SSH", due=ssh.due_checks, run=ssh.check, hypervisor="vm__hypervisor", at_once=3, per_hypervisor=2),
)
