"""Makes libvirt's domains and volumes agree with the desired configurations, and records what libvirt has.

All functions may run twice, be interrupted anywhere, and run beside another worker.
"""

from contextlib import suppress
from functools import partial

from django.utils import timezone

from virterweb.hypervisors.claims.clock import database_time
from virterweb.hypervisors.desired.carry_out import Waiting
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundDomain, Refused
from virterweb.messages import Message
from vms.cloud_init import seed
from vms.console import sync as console
from vms.definition import domain as domain_xml
from vms.definition import hardware
from vms.definition.documents.passwords import with_passwords
from vms.definition.domain_diff import Aspect
from vms.definition.nics.edit import put_missing
from vms.disks.reverting import revert_disks
from vms.disks.sync import change_disks
from vms.guests import report as guest_report
from vms.guests import ssh
from vms.images import sync as image_sync
from vms.models import VM, Interruption, Power
from vms.run.domain import recreated
from vms.run.make import make
from vms.run.removal import check_removable, delete_vm

from . import power
from .nic_changes import change_nics
from .polling import observe
from .recording import status_values, write_nics

__all__ = ["observe", "push"]


def push(vm: VM, connection: Connection) -> dict | None:
    """Make libvirt agree with one VM; return columns for its status, or None once the VM is deleted."""
    if vm.removed_at:
        _remove(vm, connection)
        return None
    if vm.managed and vm.status.made_at is None:
        image_sync.refresh_volumes(vm.hypervisor_id)
        make(vm, connection)
        console.begin(vm)
        # From here on the VM exists: its disks are kept even if libvirt refuses a later step.
        vm.status.write(power_done=vm.power_generation if vm.running else 0, made_at=timezone.now())
        if not vm.running:  # a killed worker may have started the VM before the stop was requested
            _follow(vm, connection)
        elif made := connection.domains.get(vm.uuid_text):
            change_nics(vm, connection, made)
    else:
        changes = vm.managed and bool(vm.asked or vm.nics.exclude(asked_at=None, removed_at=None))
        _follow(vm, connection)
        if changes:
            connection.domains.sign(vm.uuid_text, vm.name)
    found = connection.domains.get(vm.uuid_text)
    write_nics(vm, found)
    if found:
        ssh.note_start(vm, found.document)
    guest_report.note(vm.status, found.document if found else "")
    return status_values(vm, found)


def _remove(vm: VM, connection: Connection) -> None:
    found = connection.domains.get(vm.uuid_text)
    vm.confirm()
    if found:
        try:
            if vm.only_if_off and found.state != Power.OFF:
                raise Refused(Message("vm.runs"))
            check_removable(vm, connection, found)
        except Refused as problem:
            vm.withdraw_removal()
            reason = Message("vm.not_deleted", vm=vm.name, reason=problem.message)
            raise Refused(reason, problem.detail) from problem
    if found or vm.status.made_at:  # if it was undefined outside the portal, the rest of it still belongs to the VM
        connection.power.force_off(vm.uuid_text, vm.name)
        console.finish(vm, connection)
        delete_vm(vm, connection, found)
    vm.delete()


def _follow(vm: VM, connection: Connection) -> None:
    """Carry out what was requested since the VM was created: stop it, change its NICs, change its power.

    For an unmanaged VM, only its NICs and its power state.
    """
    found, held = connection.domains.get(vm.uuid_text), None
    if vm.asked:
        try:
            found = _revert_once(vm, connection, found)
        except Waiting as waiting:  # for a guest that holds a disk: the other requests may be what it needs
            held = waiting
    if found is None:
        raise Refused(Message("vm.gone", vm=vm.name))
    verb = power.requested(vm)
    if verb in power.STOPPING:
        power.stop(vm, connection, found)
        found = connection.domains.get(vm.uuid_text)
    if found is None:  # a transient VM is gone once it stops
        power.record_done(vm)
        return
    if off := found.state == Power.OFF:
        _write_seed(vm, connection)
    try:
        change_nics(vm, connection, found)
        change_disks(vm, connection, found)
    finally:
        if not off:  # the ISO is written before the guest reads it: a guest takes seconds to react to a new NIC
            _write_seed(vm, connection)
    if verb:
        power.change(vm, connection)
        power.record_done(vm)
    if held:
        raise held


def _write_seed(vm: VM, connection: Connection) -> None:
    """Write the ISO if the portal made it; if libvirt refuses, the guest keeps the old one."""
    if seed.made_by_portal(vm):
        with suppress(Refused):
            seed.write(vm, connection)


def _revert_once(vm: VM, connection: Connection, found: FoundDomain | None) -> FoundDomain | None:
    """Make libvirt agree in the requested aspects, once: what libvirt refuses is not retried."""
    asked = VM.objects.filter(pk=vm.pk, generation=vm.generation)
    if found and Aspect.DOCUMENT in vm.asked:
        _define_edited(vm, connection, found)
    try:
        if found:
            _revert(vm, connection, found)
        elif Aspect.DOMAIN in vm.asked:
            _recreate(vm, connection)
    except Refused:
        asked.update(asked=[])
        raise
    asked.update(asked=[])
    return connection.domains.get(vm.uuid_text)


def _define_edited(vm: VM, connection: Connection, found: FoundDomain) -> None:
    """Define the document that an operator has edited; if libvirt refuses it, the previous definition stays."""
    try:
        document = with_passwords(vm.edited, connection.domains.stored_document(vm.uuid_text))
        connection.domains.define(document, vm.name)
    except Refused:
        vm.withdraw_document()
        raise
    vm.follow_document(connection.domains.stored_document(vm.uuid_text), running=found.state != Power.OFF)


def _recreate(vm: VM, connection: Connection) -> None:
    """Define a VM that was deleted outside the portal, and start it if it should run; as saved, also with the host."""
    if (other := connection.domains.uuid_of(vm.name)) not in (None, vm.uuid_text):
        raise Refused(Message("vm.recreated", vm=vm.name, uuid=other))
    document = recreated(vm, connection)
    connection.domains.define(document, vm.name)
    if vm.autostart:
        connection.power.set_autostart(vm.uuid_text, vm.name, True)
    _start_recreated(vm, connection)


def _start_recreated(vm: VM, connection: Connection) -> None:
    """Start a VM that was just defined if it should run, or record that it stays off."""
    if vm.running and Aspect.STAYS_OFF not in vm.asked:
        vm.status.steps.watch(Message("step.starting"), partial(connection.power.start, vm.uuid_text, vm.name))
    elif vm.running:
        noted = {"interrupted_at": database_time(), "interrupted_power": vm.power_generation}
        vm.status.write(interrupted=Interruption.REBUILT, **noted)


def _revert(vm: VM, connection: Connection, found: FoundDomain) -> None:
    """Make libvirt agree in the requested aspects of a VM that it has."""
    if Aspect.DOMAIN in vm.asked and found.state == Power.OFF:  # defined by a worker that was killed then
        _start_recreated(vm, connection)
    values = {name: getattr(vm, name) for name in (Aspect.MEMORY, Aspect.VCPUS) if name in vm.asked}
    edited = bool(values) or Aspect.HARDWARE in vm.asked
    if not found.persistent and (edited or Aspect.PERSISTENCE in vm.asked):
        if Aspect.PERSISTENCE not in vm.asked:
            raise Refused(Message("vm.transient", vm=vm.name))
        # libvirt may have kept what was stored before: the NICs that were attached or detached since then are running.
        stored = put_missing(connection.domains.stored_document(vm.uuid_text), found.document)
        connection.domains.define(stored, vm.name)
    if Aspect.DISKS in vm.asked:
        revert_disks(vm, connection, found)
    if Aspect.AUTOSTART in vm.asked and vm.autostart is not None:
        connection.power.set_autostart(vm.uuid_text, vm.name, vm.autostart)
    if edited:
        document = domain_xml.edit(connection.domains.stored_document(vm.uuid_text), **values)
        if Aspect.HARDWARE in vm.asked:
            document = hardware.edit(document, vm.hardware)
        connection.domains.define(document, vm.name)
    if values and found.state != Power.OFF:
        with suppress(Refused):  # then it waits for the next start
            connection.domains.grow_live(vm.uuid_text, vm.name, **values)
    if Aspect.NAME in vm.asked and found.name != vm.name:
        if found.state != Power.OFF:
            raise Refused(Message("vm.rename_running", vm=found.name))
        connection.domains.rename(vm.uuid_text, vm.name)
