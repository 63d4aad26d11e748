"""Carries out captures of packets, as a worker.

A capture is not repeated. If its worker is killed, tcpdump ends with it, and another worker records that; what was
captured until then is kept.
"""

import logging

from django.db import transaction
from django.utils import timezone

from virterweb.activity.models import Entry
from virterweb.hypervisors.claims.due import DATABASE_AWAY, DueQuerySet
from virterweb.hypervisors.connections.guard import failure
from virterweb.hypervisors.connections.pool import connected
from virterweb.hypervisors.gateway.found import HypervisorError, Refused
from virterweb.hypervisors.gateway.packets import CaptureHost, capturing, check_filter
from virterweb.messages import Message
from vms.definition.nics.parse import parse_domain
from vms.models import VM, Capture, CaptureEnd, Power

from .recorder import Recorder

log = logging.getLogger(__name__)


def due_captures() -> DueQuerySet:
    return Capture.objects.due().filter(done_at=None).order_by("asked_at")


def carry_out(pk: int) -> None:
    """Carry out a capture, unless another worker does, and record its end."""
    with Capture.objects.due().filter(pk=pk, done_at=None).claim() as row:
        if row is None:
            return
        vm = VM.objects.select_related("hypervisor", "status").get(pk=row.vm_id)
        try:
            end = _attempt(row, vm)
        except HypervisorError as problem:
            log.warning("%s: %s (%s)", row, problem, problem.detail)
            _finish(row, error=problem.message)
        except DATABASE_AWAY:
            raise
        except Exception as problem:
            _finish(row, error=failure(problem)[0])
            raise
        else:
            _finish(row, end=end)


def _attempt(row: Capture, vm: VM) -> CaptureEnd:
    if row.begun_at:
        raise Refused(Message("capture.interrupted"))
    if row.stop_asked_at:
        return CaptureEnd.STOPPED
    host, tap = _place(row, vm)
    check_filter(host, row.filter)
    Capture.objects.filter(pk=row.pk).update(begun_at=timezone.now(), tap=tap)
    with capturing(host, tap, row.filter, seconds=row.seconds, packets=row.packets) as tcpdump:
        return Recorder(row, vm, tcpdump).run()


def _place(row: Capture, vm: VM) -> tuple[CaptureHost, str]:
    """Return the host and the NIC's device there, which libvirt names anew at each start of the VM."""
    with connected(-vm.hypervisor_id, vm.hypervisor.uri) as connection:
        found = connection.domains.get(vm.uuid_text)
        host = CaptureHost(name=vm.hypervisor.name, uri=vm.hypervisor.uri, pid=connection.session.pid)
    if found is None or found.state == Power.OFF:
        raise Refused(Message("capture.off", vm=vm.name))
    nic = next((nic for nic in parse_domain(found.document) if nic.key == row.nic), None)
    if nic is None:
        raise Refused(Message("capture.no_nic", vm=vm.name, nic=row.nic))
    if not nic.target:
        raise Refused(Message("capture.no_tap", nic=row.nic))
    return host, nic.target


def _finish(row: Capture, *, end: str = "", error: Message | None = None) -> None:
    with transaction.atomic():
        Entry.objects.conclude_one(row.entry_id, error)
        Capture.objects.filter(pk=row.pk).update(done_at=timezone.now(), end=end, error=error or "")
