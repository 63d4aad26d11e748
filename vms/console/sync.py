"""Reads the console logs of VMs, and keeps them for a time after a VM is gone.

libvirt logs a serial port to a file; a file in the hypervisor's pool is read as a volume: often while its page is open,
otherwise seldom.
"""

from datetime import timedelta
from pathlib import PurePosixPath

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from virterweb.hypervisors.claims.clock import Now, database_time
from virterweb.hypervisors.connections.pool import connected
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import HypervisorError, Refused
from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import Message
from vms.definition import domain as domain_xml
from vms.models import VM, ConsoleLog, Power
from vms.observed import console_text
from vms.observed.console_text import Kept

WATCHED_FOR = timedelta(seconds=15)  # how long after its last poll a page counts as open
WATCHED_INTERVAL = timedelta(seconds=1)
UNWATCHED_INTERVAL = timedelta(seconds=60)
RETRY_INTERVAL = timedelta(seconds=10)  # until a log that could not be read is tried again


def due_logs() -> QuerySet[ConsoleLog]:
    """Return the logs to read: of VMs that run or stopped since the last reading, those with an open page first."""
    reachable = ConsoleLog.objects.due().filter(vm__isnull=False, hypervisor__status__unreachable_since=None)
    stopped = Q(read_at=None) | Q(read_at__lt=F("vm__status__observed_at"))
    return reachable.filter(~Q(vm__status__power=Power.OFF) | stopped).order_by(F("wanted_until").desc(nulls_last=True))


def mark_watched(vm: VM) -> None:
    """Record that a console's page is open, so that its log is read often."""
    now = database_time()
    log, made = ConsoleLog.objects.get_or_create(vm=vm, defaults={"hypervisor": vm.hypervisor, "name": vm.name})
    if made or log.wanted_until is None or log.wanted_until < now:
        ConsoleLog.objects.filter(pk=log.pk).update(wanted_until=now + WATCHED_FOR, due_at=now)
    elif log.wanted_until < now + WATCHED_FOR / 2:
        ConsoleLog.objects.filter(pk=log.pk).update(wanted_until=now + WATCHED_FOR)


def begin(vm: VM) -> None:
    """Create the log of a new VM, which is read from then on."""
    ConsoleLog.objects.get_or_create(vm=vm, defaults={"hypervisor": vm.hypervisor, "name": vm.name})


def read(log_id: int) -> None:
    """Read one log if it is due, unless another worker does."""
    with due_logs().select_related("vm__hypervisor", "vm__status").filter(pk=log_id).claim() as log:
        if log:
            _read(log)


def _read(log: ConsoleLog) -> None:
    began = timezone.now()
    ConsoleLog.objects.filter(pk=log.pk).update(due_at=Now() + RETRY_INTERVAL)
    pause = WATCHED_INTERVAL if log.wanted_until and log.wanted_until > database_time() else UNWATCHED_INTERVAL
    try:
        with connected(log.vm.hypervisor_id, log.vm.hypervisor.uri) as connection:
            values = _found(log, connection)
    except HypervisorError:  # the hypervisor's page reports that it cannot be reached
        pause, values = WATCHED_INTERVAL * 5, {}
    else:
        values["read_at"] = began
    # If the log was finished in the meantime, the reading is discarded.
    mine = ConsoleLog.objects.filter(pk=log.pk, size=log.size, gone_at=None)
    mine.update(due_at=Now() + pause, **values)


def finish(vm: VM, connection: Connection) -> None:
    """Read the rest of a VM's log before its file is deleted; delete a log without any output."""
    log = ConsoleLog.objects.filter(vm=vm).first()
    if log is None or log.gone_at:
        return
    log.vm = vm
    values = _found(log, connection, last=True)
    if not values.get("text", log.text):
        log.delete()
        return
    values |= {"team": vm.team_id, "owner": vm.owner_id}  # who may read it when the VM is gone
    ConsoleLog.objects.filter(pk=log.pk).update(gone_at=timezone.now(), read_at=timezone.now(), **values)


def _found(log: ConsoleLog, connection: Connection, *, last: bool = False) -> dict:
    """Return columns with the new content, or with why the file cannot be read."""
    pool = log.vm.hypervisor.pool
    try:
        gone = last and not log.vm.status.document  # undefined outside the portal, but its file exists
        problem = Message() if gone else _why_not(log.vm, connection)
        size = None if problem else connection.volumes.file_size(pool, _volume(log.vm))
        if size is None:
            return {"problem": problem or (log.problem if log.text else Message("console.empty"))}
        return {"problem": "", **_new(log, connection, size, last)}
    except Refused as problem:
        return {"problem": problem.message}


def _new(log: ConsoleLog, connection: Connection, size: int, last: bool) -> dict:
    pool, volume, kept = log.vm.hypervisor.pool, _volume(log.vm), Kept(text=log.text, size=log.size)
    offset = console_text.start(kept, size)
    data = connection.volumes.read(pool, volume, offset, size - offset) or b""
    if not console_text.continues(kept, offset, data):
        kept = console_text.with_restart_line(kept, timezone.now())
        offset = console_text.start(kept, size)
        data = connection.volumes.read(pool, volume, offset, size - offset) or b""
    now = console_text.extended(kept, offset, data, last=last)
    return {} if (now.text, now.size) == (log.text, log.size) else {"text": now.text, "size": now.size}


def tail(vm: VM, connection: Connection, most: int) -> bytes:
    """Return the last bytes of a VM's log up to now; what the database has of it if the file cannot be read."""
    pool, volume, kept = vm.hypervisor.pool, _volume(vm), getattr(vm, "console", None)
    try:
        size = None if _why_not(vm, connection) else connection.volumes.file_size(pool, volume)
        if size is not None:
            return connection.volumes.read(pool, volume, max(0, size - most), most) or b""
    except Refused:
        pass
    return kept.text.encode()[-most:] if kept else b""


def _volume(vm: VM) -> str:
    return PurePosixPath(domain_xml.console_log(vm.status.document)).name or vm.console_volume


def _why_not(vm: VM, connection: Connection) -> Message:
    """Return why a VM's console cannot be read; an empty message if it can."""
    pool = vm.hypervisor.pool
    folder = connection.pools.folder(pool)
    if path := domain_xml.console_log(vm.status.document):
        if folder and PurePosixPath(path).parent == PurePosixPath(folder):
            return Message()
        return Message("console.elsewhere", path=path, pool=pool)
    if not vm.status.document:
        return Message("console.not_yet" if vm.status.made_at is None else "console.gone")
    if vm.managed and not vm.console_log:
        return Message("console.off")
    if vm.managed and not folder:
        return Message("console.no_folder", pool=pool)
    return Message("console.not_logged")


def forget() -> None:
    """Delete the logs of removed VMs that their hypervisor no longer keeps."""
    now = timezone.now()
    ConsoleLog.objects.filter(vm=None, gone_at=None, text="").delete()
    ConsoleLog.objects.filter(vm=None, gone_at=None).update(gone_at=now)  # of VMs that were removed outside the portal
    old = Q(pk__in=())
    for hypervisor in Hypervisor.objects.all():
        old |= Q(hypervisor=hypervisor, gone_at__lt=now - timedelta(days=hypervisor.console_days))
    ConsoleLog.objects.filter(old).delete()
