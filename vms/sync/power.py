"""Carries out requested changes of power: those that stop a VM before its NICs are changed, the others after."""

from datetime import timedelta
from functools import partial

from virterweb.hypervisors.claims.clock import database_time
from virterweb.hypervisors.desired.carry_out import Waiting
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundDomain, Refused
from virterweb.messages import Message
from vms.models import VM, Power, PowerVerb

STOPPING = (PowerVerb.SHUT_DOWN, PowerVerb.FORCE_OFF, PowerVerb.SAVE)


def requested(vm: VM) -> PowerVerb | None:
    """Return the change of power that was requested and not carried out yet.

    What libvirt has refused is not tried again with the next change of the VM, unless it is a start.
    """
    verb = PowerVerb(vm.power_verb)
    if vm.power_generation <= vm.status.power_done:
        return None
    was_refused = vm.status.generation >= vm.power_generation
    return None if was_refused and verb is not PowerVerb.START else verb


def stop(vm: VM, connection: Connection, found: FoundDomain) -> None:
    """Stop a VM as requested: its guest is asked, its state saved, or it is forced off."""
    verb = requested(vm)
    if found.state == Power.OFF and verb is not PowerVerb.SAVE:
        return
    _check_kept(vm, found)
    if verb is PowerVerb.SAVE:
        saved = partial(connection.power.save, vm.uuid_text, vm.name)
        vm.status.steps.watch(Message("step.saving"), saved, partial(connection.jobs.of_memory, vm.uuid_text))
    elif verb is PowerVerb.FORCE_OFF:
        connection.power.force_off(vm.uuid_text, vm.name)
    else:
        _shut_down(vm, connection)


def change(vm: VM, connection: Connection) -> None:
    """Carry out a request that does not stop the VM."""
    power = connection.power
    verbs = {
        PowerVerb.START: power.start,
        PowerVerb.RESUME: power.resume,
        PowerVerb.REBOOT: power.reboot,
        PowerVerb.PAUSE: power.pause,
        PowerVerb.RESET: power.reset,
        PowerVerb.DISCARD: power.discard_saved,
    }
    if (verb := requested(vm)) in verbs:
        call = partial(verbs[verb], vm.uuid_text, vm.name)
        if verb is PowerVerb.START:
            vm.status.steps.watch(Message("step.starting"), call)
        else:
            call()


def record_done(vm: VM) -> None:
    """Record that what was requested last is carried out."""
    vm.status.write(power_done=vm.power_generation, shut_down_at=None)


def _check_kept(vm: VM, found: FoundDomain) -> None:
    """Refuse to stop a VM that became transient since the stop was requested: libvirt would forget it."""
    if found.persistent or vm.may_be_lost:
        return
    VM.objects.filter(pk=vm.pk, generation=vm.generation).update(running=True)
    record_done(vm)
    raise Refused(Message("vm.became_transient", vm=vm.name))


def _shut_down(vm: VM, connection: Connection) -> None:
    """Ask the guest to shut down, once; force it off after the time limit."""
    status, now = vm.status, database_time()
    limit = timedelta(seconds=vm.hypervisor.shutdown_timeout)
    if status.shut_down_at and now >= status.shut_down_at + limit:
        connection.power.force_off(vm.uuid_text, vm.name)
        return
    if status.shut_down_at is None:
        connection.power.shut_down(vm.uuid_text, vm.name)
        status.write(shut_down_at=now)
    left = (status.shut_down_at + limit - now).seconds
    raise Waiting(Message("vm.shutting_down", seconds=left), seconds=0.5)
