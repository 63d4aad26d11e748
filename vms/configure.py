"""*Configure now*: has a running guest set up its network as its ISO says, by its agent, and keeps what it said."""

import shlex
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from virterweb.hypervisors.connections import connected
from virterweb.hypervisors.found import HypervisorError
from virterweb.hypervisors.reconcile import claimed, keep_claim

from . import cloud_init, seed
from .models import VM, GuestRun, Power

SCRIPT = (Path(__file__).parent / "configure.sh").read_text()
LIMIT = 240.0  # seconds: an emulated guest is slow, and a DHCP client that gets no answer asks for a minute
AS_VIRTER = "As Virter, the guest is not told of its cards by MAC, so cloud-init finds none of them while it runs."
LONGEST = 20_000  # characters of what is kept


def ask(vm: VM) -> None:
    """Wish it done; once more, if it was."""
    again = {"asked_at": timezone.now(), "done_at": None, "code": None, "output": ""}
    GuestRun.objects.update_or_create(vm=vm, defaults=again)


def due() -> list[int]:
    """Those that are asked for; not before the ISO is as it should be."""
    open_ = GuestRun.objects.filter(done_at=None, vm__removed_at=None).select_related("vm__status", "vm__hypervisor")
    return [run.pk for run in open_ if run.vm.done]


def run(run_id: int) -> None:
    """Do it, unless another worker is at it. What keeps it from being done is its outcome."""
    with claimed(GuestRun.objects.filter(pk=run_id, done_at=None)) as row:
        if row is None:
            return
        keep_claim(row, timezone.now() + timedelta(seconds=LIMIT + 30))
        vm = VM.objects.select_related("hypervisor", "status").get(pk=row.vm_id)
        code, output = _run(vm)
        # What was asked for again meanwhile stays asked for.
        asked = GuestRun.objects.filter(pk=run_id, asked_at=row.asked_at)
        asked.update(done_at=timezone.now(), code=code, output=output[-LONGEST:].replace("\0", ""))


def _run(vm: VM) -> tuple[int | None, str]:
    if vm.status.power != Power.RUNNING:
        return None, "The VM does not run."
    if vm.as_virter:
        return None, AS_VIRTER
    try:
        # The door beside the usual one: who waits there for a guest keeps nobody from libvirt.
        with connected(-vm.hypervisor_id, vm.hypervisor.uri) as host:
            done = host.run_in_guest(vm.uuid_text, command(vm), LIMIT)
    except HypervisorError as problem:
        return None, f"{str(problem).capitalize()}."
    return done.code, done.text


def command(vm: VM) -> tuple[str, ...]:
    """What the guest is to run."""
    nics = seed.wanted(vm)
    macs = [nic.mac for nic in nics if nic.managed]
    script = f"NICS={shlex.quote(cloud_init.LEFT_OUT)}\n{SCRIPT}"
    return "sh", "-c", script, "configure.sh", *macs, "--", *cloud_init.left_out(nics)
