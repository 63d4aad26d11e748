"""Carries out what is planned for one NIC of a VM, in the running guest and in the stored definition."""

import time
from contextlib import suppress
from dataclasses import replace

from lxml import etree

from networks import sync as networks_sync
from networks.network_xml import PARSER, BandwidthSpec
from virterweb.hypervisors.found import Refused
from virterweb.hypervisors.gateway import Host

from . import domain_xml
from .models import VM
from .nic_plan import GO_ALONG, NICStep, Verb, fields_changed
from .nic_xml import FoundNIC, edit, parse, put

BLINK = 0.3  # seconds for which a link is down in a move: a guest that is busy overlooks less
NO_LIMIT = BandwidthSpec(average=4_000_000, burst=1024)  # 32 Gbit/s, the most that fits tc's 32 bits


def carry_out(step: NICStep, vm: VM, host: Host, persistent: bool) -> bool:
    """Do one step; False if the guest has not let go of its card yet. Refused leaves the NIC as it was."""
    if step.live and step.spec:
        _reserve(step, vm, host)
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


def _reserve(step: NICStep, vm: VM, host: Host) -> None:
    """Have the NIC's fixed address in libvirt before its guest asks for one there."""
    network = vm.network(step.spec)
    wished = network.hosts.filter(mac=step.mac, removed_at=None) if network else ()
    for entry in wished:
        if entry.spec() not in networks_sync.found_hosts(network, host):
            with suppress(Refused):  # the network's own wish says why
                networks_sync.add_host(network, host, entry.spec())


def _what(step: NICStep) -> str:
    """The step as the end of a sentence that begins with "Could not"."""
    return f"NIC {step.mac}"


def _update(step: NICStep, vm: VM, host: Host) -> None:
    """Update it live and read it back: libvirt also says success where it changes nothing."""
    try:
        for number, call in enumerate(calls := _calls(step), start=1):
            host.update_device(vm.uuid_text, call, _what(step))
            if len(step.calls) > 1 and number == len(calls) - 1:
                time.sleep(BLINK)
        found = _found(vm, host, step.mac)
        wanted = {change.field for change in step.fields}
        left = [each for each in fields_changed(step.spec, found) if each.field in wanted] if found else []
        if left:
            raise Refused(f"libvirt says it is done, but NIC {step.mac} has not changed: {'; '.join(map(str, left))}.")
    except Refused as problem:
        if stays := _undo_update(step, vm, host):
            raise Refused(f"{problem} Nor could it be put back as it was: {stays}", problem.detail) from problem
        raise


def _calls(step: NICStep) -> tuple[str, ...]:
    """The step's calls, and before a move one for all else.

    If that fails behind the move, libvirt leaves the tap on the new bridge and believes it on the old one.
    """
    was = parse(etree.fromstring(step.undo, PARSER)).spec
    if (was.kind, was.source) == (step.spec.kind, step.spec.source):
        return step.calls
    stays = {name: getattr(was, name) for name in ("kind", "source", "link_up", *GO_ALONG)}
    first = edit(step.undo, replace(step.spec, **stays))
    return step.calls if first == step.undo else (first, *step.calls)


def _undo_update(step: NICStep, vm: VM, host: Host) -> str:
    """Have the NIC as it was, or say why not.

    Where tc has failed half-way, libvirt takes that away only as it sets other limits.
    """
    calls = [step.undo]
    if {"inbound", "outbound"} & {change.field for change in step.fields}:
        was = parse(etree.fromstring(step.undo, PARSER)).spec
        calls.insert(0, edit(step.undo, replace(was, inbound=None, outbound=NO_LIMIT)))
    said = ""
    for call in calls:
        try:
            host.update_device(vm.uuid_text, call, _what(step))
            said = ""
        except Refused as problem:
            said = str(problem)
    return said


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
