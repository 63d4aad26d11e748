"""Carries out what is planned for one NIC of a VM, in the running guest and in the stored definition."""

from contextlib import suppress

from virterweb.hypervisors.found import Refused
from virterweb.hypervisors.gateway import Host

from . import domain_xml
from .models import VM
from .nic_plan import NICStep, Verb, fields_changed
from .nic_xml import FoundNIC, put


def carry_out(step: NICStep, vm: VM, host: Host, persistent: bool) -> bool:
    """Do one step; False if the guest has not let go of its card yet. Refused leaves the NIC as it was."""
    match step.verb:
        case Verb.UPDATE:
            _update(step, vm, host)
        case Verb.ATTACH if step.live:
            host.attach_device(vm.uuid_text, step.calls[0], _what(step), live=True, stored=False)
        case Verb.DETACH:
            document = step.calls[0] if step.live else step.definition
            host.detach_device(vm.uuid_text, document, _what(step), live=step.live, stored=step.stored)
            return not (step.live and _found(vm, host, step.mac))
        case Verb.REPLUG if not _replug(step, vm, host):
            return False
    if step.stored and step.verb is not Verb.DETACH and persistent:
        host.define_domain(put(host.stored_domain(vm.uuid_text), step.definition), vm.name)
    return True


def _what(step: NICStep) -> str:
    """The step as the end of a sentence that begins with "Could not"."""
    return f"NIC {step.mac}"


def _update(step: NICStep, vm: VM, host: Host) -> None:
    """Update it live and read it back: libvirt also says success where it changes nothing."""
    try:
        for call in step.calls:
            host.update_device(vm.uuid_text, call, _what(step))
        found = _found(vm, host, step.mac)
        wanted = {change.field for change in step.fields}
        left = [each for each in fields_changed(step.spec, found) if each.field in wanted] if found else []
        if left:
            raise Refused(f"libvirt says it is done, but NIC {step.mac} has not changed: {'; '.join(map(str, left))}.")
    except Refused:
        with suppress(Refused):
            host.update_device(vm.uuid_text, step.undo, _what(step))
        raise


def _replug(step: NICStep, vm: VM, host: Host) -> bool:
    host.detach_device(vm.uuid_text, step.calls[0], _what(step), live=True, stored=False)
    if _found(vm, host, step.mac):
        return False
    try:
        host.attach_device(vm.uuid_text, step.calls[1], _what(step), live=True, stored=False)
    except Refused:
        host.attach_device(vm.uuid_text, step.undo, _what(step), live=True, stored=False)
        raise
    return True


def _found(vm: VM, host: Host, mac: str) -> FoundNIC | None:
    found = host.domain(vm.uuid_text)
    nics = domain_xml.parse(found.document).nics if found else ()
    return next((nic for nic in nics if nic.mac == mac), None)
