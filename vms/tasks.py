"""The worker's tasks for VMs and images."""

from celery import shared_task

from virterweb.hypervisors.desired.carry_out import carry_out

from . import sync
from .agents import sync as addresses
from .cloud_init import seed
from .console import sync as console
from .guests import configure, ssh
from .images import sync as image_sync
from .models import VM, Image


@shared_task
def sweep() -> None:
    for pk in VM.objects.overdue().values_list("pk", flat=True):
        push.apply_async([pk], expires=5)
    for pk in Image.objects.overdue().values_list("pk", flat=True):
        push_image.apply_async([pk], expires=5)
    for pk in addresses.due_hypervisors().values_list("pk", flat=True):
        ask_guests.apply_async([pk], expires=5)
    for pk in seed.changed():
        keep_up_seeds.apply_async([pk], expires=5)
    for pk in configure.due_runs():
        configure_guest.apply_async([pk], expires=5)
    for pk in console.due_logs().values_list("pk", flat=True)[: console.LOGS_PER_SWEEP]:
        read_console.apply_async([pk], expires=5)
    for pk in ssh.due_checks().values_list("pk", flat=True)[: ssh.MAX_CONNECTIONS]:
        try_ssh.apply_async([pk], expires=5)


@shared_task
def push(vm_id: int) -> None:
    carry_out(VM, vm_id, sync.push)


@shared_task
def push_image(image_id: int) -> None:
    carry_out(Image, image_id, image_sync.push)


@shared_task
def ask_guests(hypervisor_id: int) -> None:
    addresses.ask(hypervisor_id)


@shared_task
def keep_up_seeds(hypervisor_id: int) -> None:
    seed.keep_up(hypervisor_id)


@shared_task
def configure_guest(run_id: int) -> None:
    configure.run(run_id)


@shared_task
def read_console(log_id: int) -> None:
    console.read(log_id)


@shared_task
def try_ssh(check_id: int) -> None:
    ssh.check(check_id)


@shared_task
def forget() -> None:
    console.forget()
