"""Make the NICs of one VM as they are desired."""

from django.db import transaction

from virterweb.hypervisors.desired.carry_out import Waiting
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundDomain, Refused
from virterweb.messages import Message
from vms.definition.nics.parse import find, parse_domain
from vms.definition.nics.plan import plan
from vms.definition.nics.spec import FoundNIC, NICSpec, SharedMAC
from vms.definition.nics.steps import NICStep, NotAttachable
from vms.models import NIC, VM, Power
from vms.nics.sync import carry_out
from vms.run.removal import release_addresses, release_entries, release_leases

from .recording import write_nics


def change_nics(vm: VM, connection: Connection, found: FoundDomain) -> None:
    """Make libvirt agree with the NICs that are requested or being removed; leave the others unchanged."""
    running = found.state != Power.OFF
    live = parse_domain(found.document) if running else ()
    kept = parse_domain(connection.domains.stored_document(vm.uuid_text)) if found.persistent else ()
    held, detail = [], ""
    for nic in vm.nics.exclude(asked_at=None, removed_at=None):
        try:
            here, there = find(live, nic.key), find(kept, nic.key)
            _note_left_networks(vm, nic, here, there)
            # A NIC to be removed at shutdown stays in the running guest until then.
            stays = bool(nic.removed_at and nic.at_shutdown and here)
            steps = _planned(nic, None if stays else here, there, running and not stays)
            done = all(carry_out(step, vm, connection, found.persistent) for step in steps)
        except (Refused, SharedMAC, NotAttachable) as problem:  # the other NICs do not wait for it
            vm.nics.filter(pk=nic.pk, asked_at=nic.asked_at).update(asked_at=None, refused=_stored(problem))
            detail = detail or getattr(problem, "detail", "")
            continue
        if not done:
            held.append(nic.mac)
        elif not stays:
            _settle(vm, nic, connection, _arrives(nic, here if running else there, steps, running))
    refused = [nic.refusal for nic in vm.nics.filter(refused__isnull=False)]
    if held:
        write_nics(vm, connection.domains.get(vm.uuid_text))
        raise Waiting(Message("nics.held", macs=sorted(held), refused=refused), seconds=3)
    if refused:
        raise Refused(Message("nics.refused", refused=refused), detail)


def _stored(problem: Refused | SharedMAC | NotAttachable) -> dict[str, str]:
    """Return why a NIC could not be changed, as `NIC.refused` stores it."""
    reason = problem.reason if isinstance(problem, Refused) else None
    cause = {"reason": reason.code, "about": reason.about} if reason else {}
    return {"message": problem.message.stored(), **cause}


def _planned(nic: NIC, here: FoundNIC | None, there: FoundNIC | None, running: bool) -> tuple[NICStep, ...]:
    """Return the steps for what is requested of one NIC."""
    wanted = None if nic.removed_at else nic.spec()
    only = frozenset(nic.asked_fields) or None
    return plan(wanted, here, there, running, replug=not nic.at_shutdown, only=only).steps


def _note_left_networks(vm: VM, nic: NIC, here: FoundNIC | None, there: FoundNIC | None) -> None:
    """Save the networks that the NIC leaves: once it has left, neither a poll nor another worker can find them."""
    found = {each.source for each in (here, there) if each and each.kind == NIC.Kind.NETWORK}
    leaves = sorted({*nic.leaves, *found} - {_network_of(nic)})
    if leaves != nic.leaves:
        nic.leaves = leaves
        with transaction.atomic():
            vm.lock()
            vm.nics.filter(pk=nic.pk).update(leaves=leaves)


def _network_of(nic: NIC) -> str:
    """Return the network that a NIC is to be on; "" if it is to be elsewhere, as on a bridge of the same name."""
    return nic.source if nic.kind == NIC.Kind.NETWORK else ""


def _arrives(nic: NIC, found: FoundNIC | None, steps: tuple[NICStep, ...], running: bool) -> bool:
    """Return whether a NIC, found in the guest or else in the stored definition, is in its place after these steps.

    It may be elsewhere if only other fields were requested, or its place only for the next boot.
    """
    if running:
        moves = any(step.live and step.spec and _in_place(step.spec, nic) for step in steps)
        # An earlier attempt may have taken it from its old place already.
        return (moves and bool(found or nic.leaves)) or (found is not None and _in_place(found, nic))
    moves = any(step.where == (nic.kind, nic.source) for step in steps)
    return moves or found is None or _in_place(found, nic)


def _in_place(found: FoundNIC | NICSpec, nic: NIC) -> bool:
    return (found.kind, found.source) == (nic.kind, nic.source)


def _settle(vm: VM, nic: NIC, connection: Connection, in_place: bool) -> None:
    """Record that a NIC is as desired; once it is on its network, release its addresses on those that it has left."""
    desired = vm.nics.filter(pk=nic.pk, asked_at=nic.asked_at, removed_at=nic.removed_at)
    shared = _has_mac(connection.domains.get(vm.uuid_text), nic)  # the other NIC needs the addresses, too
    if nic.removed_at:
        if not shared:
            release_addresses(vm, connection, {nic.mac})
        desired.delete()
        return
    if in_place and not shared and desired.exists():  # else it was meanwhile requested to be elsewhere
        for network in nic.leaves:
            release_leases(vm, connection, {nic.mac}, network)
        release_entries(vm, connection, {nic.mac}, but=_network_of(nic))
        with transaction.atomic():
            vm.lock()  # a request that has read the NIC saves it first
            vm.nics.filter(pk=nic.pk, leaves=nic.leaves).update(leaves=[])
    if vm.managed:
        desired.update(asked_at=None, refused=None)
    else:
        desired.delete()  # an unmanaged VM: the request is done, and not maintained


def _has_mac(found: FoundDomain | None, nic: NIC) -> bool:
    """Return whether another NIC of the VM has the same MAC."""
    same = [each for each in parse_domain(found.document) if each.mac == nic.mac] if found else []
    return len(same) > (0 if nic.removed_at else 1)
