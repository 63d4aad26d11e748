"""Conditions under which a push is refused: unseen effects, and objects that were removed outside."""

from networks.definition.document.merge import left_out
from networks.definition.document.parse import parse
from networks.definition.plans.steps import Found, Step, Verb, Wanted, identity
from networks.definition.spec import HostSpec
from networks.models import Network
from virterweb.hypervisors.gateway.found import Refused
from virterweb.messages import Message


def check_accepted(network: Network, steps: tuple[Step, ...]) -> None:
    """Refuse steps that were not shown and accepted, and the disconnection of further VMs.

    A restart for other reasons than shown, or instead of the start that was shown, is accepted: an earlier change was
    carried out in the meantime.
    """
    if not network.status.made_at:
        return
    shown = network.accepted or []
    starts = any(Verb(step["step"]) in (Verb.START, Verb.RESTART) for step in shown)
    known, vms = {identity(step) for step in shown}, {vm for step in shown for vm in step["vms"]}
    unasked = [step for step in steps if step.disruption and not set(step.vms) <= vms]
    if network.accepted is not None:
        stops = [step for step in steps if step.verb in (Verb.RESTART, Verb.STOP) and step.identity not in known]
        unasked += [step for step in stops if step.verb is Verb.STOP or step.stored or network.overwrite or not starts]
        # Only `overwrite` removes reservations from outside, unless their removal was requested.
        updates = [step for step in steps if step.update and not step.harmless and step.identity not in known]
        unasked += [step for step in updates if network.overwrite or step.update.section != "ip-dhcp-host"]
    if unasked:
        raise Refused(Message("network.not_shown", steps=[step.as_json() for step in unasked]))


def check_place(network: Network, goal: Wanted | None) -> None:
    """Refuse a change of what was removed outside: a change of something else does not restore it."""
    if goal is None:
        raise Refused(Message("network.gone", network=network))
    asked = {str(host) for host in network.asked_hosts()}
    lost = {leaf.block for leaf in left_out(network.full_document, goal.document) if leaf.value in asked}
    if lost:
        raise Refused(Message("network.no_block", network=network, blocks=", ".join(sorted(lost))))


def check_names(network: Network, side: Found, released: set[HostSpec]) -> None:
    """Refuse reservations whose name was taken outside: libvirt adds a second one of a name only at a restart."""
    requested = network.asked_hosts()
    own = {host.mac for host in (*requested, *released) if host.mac} | {host.ip for host in requested}
    names = {(host.name, ":" in host.ip) for host in requested if host.name}
    for other in set(parse(side.document).hosts) - released:
        if (other.name, ":" in other.ip) in names and own.isdisjoint((other.mac, other.ip)):
            raise Refused(Message("network.name_taken", name=other.name, entry=other))
