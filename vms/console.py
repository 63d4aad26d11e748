"""Reads what VMs' consoles were logged to say, and keeps it for a time when the VM is gone.

libvirt logs a serial port to a file; one that lies in the hypervisor's pool is read as a volume, often while somebody
looks, else seldom.
"""

from datetime import timedelta
from pathlib import PurePosixPath

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from virterweb.hypervisors.connections import connected
from virterweb.hypervisors.found import HypervisorError, Refused
from virterweb.hypervisors.gateway import Host
from virterweb.hypervisors.models import LONGEST_PAUSE, Hypervisor

from . import console_text, domain_xml
from .console_text import Kept
from .models import VM, ConsoleLog, Power

LOOKED_AT = timedelta(seconds=15)  # how long after a poll of the page somebody still counts as looking
OFTEN = timedelta(seconds=1)
SELDOM = timedelta(seconds=60)
CLAIM = timedelta(seconds=10)  # after which another takes over what a killed worker began
FEW = 8  # logs that a sweep hands out: the others are due half a second later


def due() -> QuerySet[ConsoleLog]:
    """Logs to read again: of VMs that run, or have stopped since; first those that somebody looks at."""
    now = timezone.now()
    reachable = ConsoleLog.objects.filter(vm__isnull=False, hypervisor__status__unreachable_since=None)
    time = reachable.filter(Q(next_at__lte=now) | Q(next_at__gt=now + LONGEST_PAUSE))  # the clock was put back
    stopped = Q(read_at=None) | Q(read_at__lt=F("vm__status__observed_at"))
    return time.filter(~Q(vm__status__power=Power.OFF) | stopped).order_by(F("wanted_until").desc(nulls_last=True))


def look(vm: VM) -> None:
    """Somebody looks at a VM's console: have it read often for a while."""
    now = timezone.now()
    log, made = ConsoleLog.objects.get_or_create(vm=vm, defaults={"hypervisor": vm.hypervisor, "name": vm.name})
    if made or log.wanted_until is None or log.wanted_until < now:
        ConsoleLog.objects.filter(pk=log.pk).update(wanted_until=now + LOOKED_AT, next_at=now)
    elif log.wanted_until < now + LOOKED_AT / 2:
        ConsoleLog.objects.filter(pk=log.pk).update(wanted_until=now + LOOKED_AT)


def begin(vm: VM) -> None:
    """A VM was made: from now on its console is read now and then."""
    ConsoleLog.objects.get_or_create(vm=vm, defaults={"hypervisor": vm.hypervisor, "name": vm.name})


def read(log_id: int) -> None:
    """Read one log if it is due, unless another worker is at it."""
    log = due().select_related("vm__hypervisor", "vm__status").filter(pk=log_id).first()
    began = timezone.now()
    if log is None or not ConsoleLog.objects.filter(pk=log_id, next_at=log.next_at).update(next_at=began + CLAIM):
        return
    pause = OFTEN if log.wanted_until and log.wanted_until > began else SELDOM
    try:
        with connected(log.vm.hypervisor_id, log.vm.hypervisor.uri) as host:
            values = _found(log, host)
    except HypervisorError:  # its own page says that it cannot be reached
        pause, values = OFTEN * 5, {}
    else:
        values["read_at"] = began
    # What was read of a log that is finished meanwhile, or read by another, is dropped.
    mine = ConsoleLog.objects.filter(pk=log.pk, size=log.size, gone_at=None)
    mine.update(next_at=timezone.now() + pause, **values)


def finish(vm: VM, host: Host) -> None:
    """Read the rest of a VM's log, before its file is deleted with it; one that never said anything is forgotten."""
    log = ConsoleLog.objects.filter(vm=vm).first()
    if log is None or log.gone_at:
        return
    log.vm = vm
    values = _found(log, host, last=True)
    if not values.get("text", log.text):
        log.delete()
        return
    ConsoleLog.objects.filter(pk=log.pk).update(gone_at=timezone.now(), read_at=timezone.now(), **values)


def _found(log: ConsoleLog, host: Host, *, last: bool = False) -> dict:
    """Columns that say what is new in the file, or why it cannot be read; none of text if nothing is."""
    pool = log.vm.hypervisor.pool
    try:
        gone = last and not log.vm.status.document  # undefined behind our back, yet its file is there
        problem = "" if gone else _why_not(log.vm, host)
        size = None if problem else host.file_size(pool, _volume(log.vm))
        if size is None:
            return {"problem": problem or (log.problem if log.text else "Nothing was logged yet.")}
        return {"problem": "", **_new(log, host, size, last)}
    except Refused as problem:
        return {"problem": str(problem)}


def _new(log: ConsoleLog, host: Host, size: int, last: bool) -> dict:
    pool, volume, kept = log.vm.hypervisor.pool, _volume(log.vm), Kept(text=log.text, size=log.size)
    offset = console_text.start(kept, size)
    data = host.read_volume(pool, volume, offset, size - offset) or b""
    if not console_text.continues(kept, offset, data):
        kept = console_text.begun_anew(kept, timezone.now())
        offset = console_text.start(kept, size)
        data = host.read_volume(pool, volume, offset, size - offset) or b""
    now = console_text.extended(kept, offset, data, last=last)
    return {} if (now.text, now.size) == (log.text, log.size) else {"text": now.text, "size": now.size}


def _volume(vm: VM) -> str:
    return PurePosixPath(domain_xml.console_log(vm.status.document)).name or vm.console_volume


def _why_not(vm: VM, host: Host) -> str:
    """Why a VM's console cannot be read, in a sentence; "" if it can."""
    pool = vm.hypervisor.pool
    folder = host.pool_folder(pool)
    if path := domain_xml.console_log(vm.status.document):
        if folder and PurePosixPath(path).parent == PurePosixPath(folder):
            return ""
        return f"It is logged to {path} on the host, which is not in the pool {pool}: read it there."
    if not vm.status.document:
        return "libvirt has no such VM yet." if vm.status.made_at is None else "libvirt no longer has it."
    if vm.managed and not vm.console_log:
        return "It is not logged: the VM was run without a console log."
    if vm.managed and not folder:
        return f"It is not logged: the pool {pool} is no folder of files."
    return "It is not logged: the VM’s definition says nothing of a log. One that is run here from now on has it."


def forget() -> None:
    """Drop the logs of removed VMs that their hypervisor no longer keeps."""
    now = timezone.now()
    ConsoleLog.objects.filter(vm=None, gone_at=None, text="").delete()
    ConsoleLog.objects.filter(vm=None, gone_at=None).update(gone_at=now)  # of VMs that others removed
    old = Q(pk__in=())
    for hypervisor in Hypervisor.objects.all():
        old |= Q(hypervisor=hypervisor, gone_at__lt=now - timedelta(days=hypervisor.console_days))
    ConsoleLog.objects.filter(old).delete()
