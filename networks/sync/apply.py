"""Pushes of desired networks to libvirt.

Safe to run twice, to be killed anywhere, and to run beside another worker.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from time import monotonic

from django.utils import timezone

from networks.definition.document.compare import differences
from networks.definition.document.edit import edit
from networks.definition.document.parse import parse
from networks.definition.events import Event
from networks.definition.plans.plan import plan, target
from networks.definition.plans.steps import Found, Step, Verb, Wanted
from networks.definition.plans.updates import plan_hosts
from networks.models import DHCPHost, Network
from networks.sync.progress import with_progress
from networks.sync.refusals import check_accepted, check_names, check_place
from networks.sync.reservations import forget_requests, requests_of
from networks.sync.seen import status_values, write_reservations
from networks.sync.steps import found_side, run_step
from virterweb.hypervisors.desired.revisions import Revision, conclude
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundNetwork, Refused
from virterweb.messages import Message

BARE = "<network/>"


def push(network: Network, connection: Connection) -> dict | None:
    """Make libvirt agree with one desired configuration; return columns for its status, None once it is deleted."""
    if network.removed_at:
        _remove(network, connection)
        return None
    began, done, running = monotonic(), [], None
    requests = requests_of(network.hosts.all())
    released = list(network.hosts.exclude(removed_at=None))
    wanted = network.wanted if network.managed else None  # as of now: reservations may be requested meanwhile
    agreed = None if network.overwrite else network.agreed_on
    before = None
    try:
        if agreed and (released or network.asked_hosts()):
            done += _hosts_first(network, connection, agreed, requests)
        before = found_side(network, connection, with_nics=False) if agreed else None
        for running in with_progress(network, tuple(_steps(network, connection, wanted, released)), "steps"):
            run_step(running, network, connection)
            done.append(running.as_json())
    except Refused as problem:
        if network.managed and not network.status.made_at:
            _remove_incomplete(network, connection)
        conclude(network, problem.message, plan=done, seconds=monotonic() - began)
        if running and running.verb is not Verb.RECONNECT and before and network.set_aside(problem):
            return _restore(network, connection, before)
        raise
    if network.managed and done:
        connection.networks.sign(network.uuid_text, network.name)
    # Except those that were requested again in the meantime.
    network.hosts.filter(pk__in=[entry.pk for entry in released]).exclude(removed_at=None).delete()
    found = _read_hosts(network, connection)
    _agree(network, requests)
    conclude(network, plan=done, seconds=monotonic() - began)
    return _settled(network, found, wanted, agreed)


def _read_hosts(network: Network, connection: Connection) -> FoundNetwork | None:
    """Record the applied DHCP reservations before their requests are deleted.

    One that is neither requested nor found counts as removed outside the portal. A poll that began earlier does not
    undo it.
    """
    found = connection.networks.get(network.uuid_text)
    network.status.write(observed_at=timezone.now())
    write_reservations(network, found)
    return found


def _hosts_first(network: Network, connection: Connection, agreed: Wanted, requests: dict[int, datetime]) -> list[dict]:
    """Apply DHCP reservations before all other changes, so that a refusal of those does not delay them."""
    side = found_side(network, connection)
    if side is None:
        return []
    spec = parse(network.agreed).having_hosts(network.wanted_hosts())
    wanted = replace(agreed, document=edit(network.agreed, spec))
    goal = target(agreed, wanted, side)
    steps = plan(goal, side, network.status.ignored)
    if not all(step.update for step in steps):
        return []
    check_names(network, side, {entry.spec() for entry in network.hosts.exclude(removed_at=None)})
    for step in with_progress(network, steps, "steps"):
        run_step(step, network, connection)
    _read_hosts(network, connection)
    there = set(parse(goal.document).hosts)
    carried_out = [entry.pk for entry in network.hosts.filter(removed_at=None) if entry.spec() in there]
    forget_requests(network, {pk: requests[pk] for pk in carried_out if pk in requests})
    return [step.as_json() for step in steps]


def _restore(network: Network, connection: Connection, before: Found) -> dict:
    """Restore the previous definition after a change that libvirt refused half-way, and reconnect every VM."""
    goal = Wanted(document=before.document, live=before.live, active=before.active, autostart=before.autostart)
    for step in plan(goal, found_side(network, connection)):
        run_step(step, network, connection)
    network.note(Event.REFUSED, result=Revision.Result.DONE)
    return _settled(network, _read_hosts(network, connection), network.agreed_on, network.agreed_on)


def _agree(network: Network, requests: dict[int, datetime]) -> None:
    """Record that the desired configuration is carried out: the next change starts from here."""
    forget_requests(network, requests)
    if not network.managed:
        return
    agreed = {"agreed": network.document, "agreed_active": network.active, "agreed_autostart": network.autostart}
    agreed["agreed_persistent"] = True
    Network.objects.filter(pk=network.pk, generation=network.generation).update(overwrite=False, **agreed)


def _steps(network: Network, connection: Connection, wanted: Wanted | None, released: list[DHCPHost]) -> Iterable[Step]:
    side = found_side(network, connection)
    if wanted is None:
        gone = {entry.mac or entry.duid or entry.ip for entry in released}
        return plan_hosts(network.asked_hosts(), gone, side)
    if side and not network.overwrite:
        check_names(network, side, {entry.spec() for entry in released})
    if side is None and network.status.made_at and connection.networks.uuid_of(network.name):
        raise Refused(Message("network.recreated", network=network))
    goal = network.goal(side, wanted, network.overwrite)
    check_place(network, goal)
    steps = plan(goal, side, network.status.ignored)
    check_accepted(network, steps)
    return steps


def _remove_incomplete(network: Network, connection: Connection) -> None:
    """Remove a network whose creation failed halfway."""
    network.confirm()
    connection.networks.stop(network.uuid_text, network.name)
    connection.networks.undefine(network.uuid_text, network.name)


def _settled(network: Network, found: FoundNetwork | None, wanted: Wanted | None, agreed: Wanted | None) -> dict:
    """Return the status after a push; remaining differences are those that this libvirt does not keep."""
    if found and wanted:
        requested = differences(wanted.document, agreed.document if agreed else BARE)
        pushed, before = {(one.field, one.wanted) for one in requested}, network.status.ignored
        left = [one for one in differences(wanted.document, found.stored) if not (one.found and one.listed)]
        ignored = [one.code for one in left if (one.field, one.wanted) in pushed or one.code in before]
        network.status.not_kept = ignored  # decides what counts as drift
    return {**status_values(network, found), "not_kept": network.status.not_kept, **_left_to_the_poll(network, found)}


def _left_to_the_poll(network: Network, found: FoundNetwork | None) -> dict:
    """Return what makes the next poll find that others have stopped a network, as a restart of its host does."""
    stopped = found and not found.active and network.status.active
    return {"active": True, "fingerprint": ""} if stopped and network.managed and network.active else {}


def _remove(network: Network, connection: Connection) -> None:
    users = sorted({nic.vm for nic in connection.ports.of_network(network.uuid_text)} - set(network.allow_disconnect))
    if users:
        network.withdraw_removal()
        raise Refused(Message("network.in_use", vms=list(users)))
    network.confirm()
    connection.networks.stop(network.uuid_text, network.name)
    connection.networks.undefine(network.uuid_text, network.name)
    network.hypervisor.status.forget_routes(network.status.bridge)
    network.leases.end()
    network.delete()
