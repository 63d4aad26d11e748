"""“Configure now”: a running guest applies the network configuration of its ISO; its output is kept."""

import shlex
from pathlib import Path

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from virterweb.activity.choices import Result
from virterweb.enqueue import LOOK, enqueue
from virterweb.hypervisors.claims.due import DueQuerySet
from virterweb.hypervisors.desired.revisions import note_activity
from virterweb.hypervisors.gateway.found import HypervisorError
from virterweb.messages import Message
from vms.cloud_init import seed
from vms.definition import cloud_init
from vms.definition.events import Event
from vms.models import VM, GuestRun, Power

SCRIPT = (Path(__file__).parent / "configure.sh").read_text()
TIMEOUT = 240.0  # seconds: an emulated guest is slow, and a DHCP client that gets no answer asks for a minute
MAX_OUTPUT = 20_000  # characters of what is kept


def ask(vm: VM) -> None:
    """Request it, again if it was done before."""
    again = {"asked_at": timezone.now(), "done_at": None, "code": None, "reason": "", "output": ""}
    with transaction.atomic():
        run, _ = GuestRun.objects.update_or_create(vm=vm, defaults=again)
        note_activity(vm, Event.GUEST_CONFIGURED, result=Result.DONE)
    if vm.done:
        enqueue(LOOK, run.pk)


def due_runs() -> DueQuerySet:
    """Return the requests to carry out; each waits until the ISO is up to date."""
    settled = Q(vm__removed_at=None, vm__status__generation__gte=F("vm__generation"))
    return GuestRun.objects.due().filter(settled, done_at=None).order_by("asked_at")


def run(run_id: int) -> None:
    """Carry out a request, unless another worker does; a failure is recorded as its result."""
    with GuestRun.objects.due().filter(pk=run_id, done_at=None).claim() as row:
        if row is None:
            return
        vm = VM.objects.select_related("hypervisor", "status").get(pk=row.vm_id)
        values = _run(vm)
        # A request that was repeated in the meantime is kept.
        asked = GuestRun.objects.filter(pk=run_id, asked_at=row.asked_at)
        asked.update(done_at=timezone.now(), **values)


def why_not(vm: VM) -> Message:
    """Return why a guest cannot be configured now, according to the VM; an empty message if it can."""
    if vm.status.power != Power.RUNNING:
        return Message("guest.off")
    return Message("guest.as_virter") if vm.as_virter else Message()


def _run(vm: VM) -> dict[str, object]:
    """Configure a guest, and return columns with the result."""
    from virterweb.hypervisors.connections.pool import connected  # only a worker has libvirt

    if reason := why_not(vm):
        return {"code": None, "reason": reason}
    if cloud_init.network_config(seed.wanted(vm)) is None:
        return {"code": 0, "reason": Message("guest.nothing")}
    try:
        # A separate connection: waiting for a guest does not block other calls.
        with connected(-vm.hypervisor_id, vm.hypervisor.uri) as connection:
            done = connection.guest_agent.run(vm.uuid_text, command(vm), TIMEOUT)
    except HypervisorError as problem:
        return {"code": None, "reason": Message("guest.not_run", reason=problem.message)}
    return {"code": done.code, "output": done.text[-MAX_OUTPUT:].replace("\0", "")}


def command(vm: VM) -> tuple[str, ...]:
    """Return the command for the guest."""
    nics = seed.wanted(vm)
    macs = [nic.mac for nic in nics if nic.managed]
    script = f"NICS={shlex.quote(cloud_init.LEFT_OUT)}\n{SCRIPT}"
    return "sh", "-c", script, "configure.sh", *macs, "--", *cloud_init.left_out(nics)
