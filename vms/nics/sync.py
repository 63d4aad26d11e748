"""Carries out the plan for one NIC of a VM, in the running guest and in the stored definition."""

import time
from contextlib import suppress
from dataclasses import replace

from lxml import etree

from networks import sync as networks_sync
from networks.definition.document.parse import PARSER
from networks.definition.spec import BandwidthSpec
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import Refused
from virterweb.messages import Message
from vms.definition.nics.edit import edit, put, take
from vms.definition.nics.fields import GO_ALONG, fields_changed
from vms.definition.nics.parse import find, parse, parse_domain
from vms.definition.nics.spec import FoundNIC
from vms.definition.nics.steps import NICStep, Verb
from vms.models import NIC, VM

LINK_DOWN_TIME = 0.3  # seconds that the link is down in a move; a busy guest may miss a shorter time
NO_LIMIT = BandwidthSpec(average=4_000_000, burst=1024)  # 32 Gbit/s, the most that fits tc's 32 bits


def carry_out(step: NICStep, vm: VM, connection: Connection, persistent: bool) -> bool:
    """Carry out one step; return False if the guest has not released its card yet. Refused leaves the NIC unchanged."""
    if step.live and step.spec:
        _reserve(step, vm, connection)
    match step.verb:
        case Verb.UPDATE:
            _update(step, vm, connection)
        case Verb.ATTACH if step.live:
            connection.domains.attach_nic(vm.uuid_text, step.calls[0], step.mac, live=True, stored=False)
        case Verb.DETACH:
            if step.live:
                connection.domains.detach_nic(vm.uuid_text, step.calls[0], step.mac, live=True, stored=False)
            if step.stored:
                connection.domains.define(take(connection.domains.stored_document(vm.uuid_text), step.key), vm.name)
            return not (step.live and _found(vm, connection, step.key))
        case Verb.REPLUG if not _replug(step, vm, connection):
            return False
    if step.stored and step.verb is not Verb.DETACH and persistent:
        connection.domains.define(
            put(connection.domains.stored_document(vm.uuid_text), step.definition, step.key), vm.name
        )
    return True


def _reserve(step: NICStep, vm: VM, connection: Connection) -> None:
    """Ensure that libvirt has the NIC's reserved address before the guest asks for one."""
    network = vm.network(step.spec)
    entries = network.hosts.filter(mac=step.mac, removed_at=None) if network else ()
    for entry in entries:
        if entry.spec() not in networks_sync.found_hosts(network, connection):
            with suppress(Refused):  # the status of the network tells why
                networks_sync.add_host(network, connection, entry.spec())


def _update(step: NICStep, vm: VM, connection: Connection) -> None:
    """Update the NIC live and read it back: libvirt reports success even where it changes nothing."""
    try:
        if len(step.calls) > 1:
            _ask_for_its_link(step, vm)
        for number, call in enumerate(calls := _calls(step), start=1):
            connection.domains.update_nic(vm.uuid_text, call, step.mac)
            if len(step.calls) > 1 and number == len(calls) - 1:
                time.sleep(LINK_DOWN_TIME)
        found = _found(vm, connection, step.key)
        wanted = {change.field for change in step.fields}
        left = [each for each in fields_changed(step.spec, found) if each.field in wanted] if found else []
        if left:
            changes = [[each.field, each.was, each.becomes] for each in left]
            raise Refused(Message("nic.not_changed", mac=step.mac, changes=changes))
    except Refused as problem:
        if stays := _undo_update(step, vm, connection):
            reason = Message("nic.not_restored", problem=problem.message, stays=stays)
            raise Refused(reason, problem.detail) from problem
        raise


def _ask_for_its_link(step: NICStep, vm: VM) -> None:
    """Save that the link has to be up, in case this worker is interrupted while it is down for a move."""
    for nic in vm.nics.keyed(step.key).exclude(asked_fields=[]):
        vm.nics.filter(pk=nic.pk).update(asked_fields=sorted({*nic.asked_fields, "link_up"}))


def _calls(step: NICStep) -> tuple[str, ...]:
    """Return the step's calls, preceded for a move by one with all other changes.

    If another change failed after the move, libvirt would leave the tap on the new bridge but report the old one.
    """
    was = parse(etree.fromstring(step.undo, PARSER)).spec
    if (was.kind, was.source) == (step.spec.kind, step.spec.source):
        return step.calls
    stays = {name: getattr(was, name) for name in ("kind", "source", "link_up", *GO_ALONG)}
    first = edit(step.undo, replace(step.spec, **stays))
    return step.calls if first == step.undo else (first, *step.calls)


def _undo_update(step: NICStep, vm: VM, connection: Connection) -> Message:
    """Restore the NIC as it was; return why that failed, an empty message if it did not.

    After a partial failure of tc, libvirt removes its settings only when other limits are set.
    """
    calls = [step.undo]
    if {"inbound", "outbound"} & {change.field for change in step.fields}:
        was = parse(etree.fromstring(step.undo, PARSER)).spec
        calls.insert(0, edit(step.undo, replace(was, inbound=None, outbound=NO_LIMIT)))
    said = Message()
    for call in calls:
        try:
            connection.domains.update_nic(vm.uuid_text, call, step.mac)
            said = Message()
        except Refused as problem:
            said = problem.message
    return said


def _replug(step: NICStep, vm: VM, connection: Connection) -> bool:
    asked = _ask_as_a_whole(step, vm)
    try:
        connection.domains.detach_nic(vm.uuid_text, step.calls[0], step.mac, live=True, stored=False)
    except Refused:
        _ask_as_before(vm, asked)
        raise
    if _found(vm, connection, step.key):
        return False
    try:
        connection.domains.attach_nic(vm.uuid_text, step.calls[1], step.mac, live=True, stored=False)
    except Refused:
        connection.domains.attach_nic(vm.uuid_text, step.undo, step.mac, live=True, stored=False)
        _ask_as_before(vm, asked)
        raise
    _ask_as_before(vm, asked)
    return True


def _ask_as_a_whole(step: NICStep, vm: VM) -> list[NIC]:
    """Request the NIC as a whole while its card is not plugged in; return it as it was requested.

    If only some fields stayed requested, it would not be attached by the next attempt, which follows if the guest
    releases the card late or this worker is interrupted.
    """
    asked = list(vm.nics.keyed(step.key).exclude(asked_fields=[]))
    vm.nics.filter(pk__in=[nic.pk for nic in asked]).update(asked_fields=[])
    return asked


def _ask_as_before(vm: VM, asked: list[NIC]) -> None:
    for nic in asked:  # unless something else was requested meanwhile
        vm.nics.filter(pk=nic.pk, asked_at=nic.asked_at, asked_fields=[]).update(asked_fields=nic.asked_fields)


def _found(vm: VM, connection: Connection, key: str) -> FoundNIC | None:
    found = connection.domains.get(vm.uuid_text)
    return find(parse_domain(found.document), key) if found else None
