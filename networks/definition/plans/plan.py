"""Plans: the steps that make libvirt agree with a desired network. Pure: values in, steps out.

libvirt changes lists of a running network live, by virNetworkUpdate; all else needs a new definition and a restart.
"""

from collections.abc import Iterable, Iterator

from networks.definition.document.adjust import fill_in, with_netmasks
from networks.definition.document.compare import KEPT_ONLY, Code
from networks.definition.document.edit import OWN_BRIDGE
from networks.definition.document.leaves import leaves
from networks.definition.document.merge import apply_change
from networks.definition.document.parse import parse
from networks.definition.plans.deviation import Deviation
from networks.definition.plans.steps import Disruption, Found, Note, Step, Variant, Verb, Wanted
from networks.definition.plans.updates import updates

SECONDS_TO_RESTART = 0.4  # destroy and start
SECONDS_A_NIC = 0.01
SECONDS_OF_STP = 4.0  # Linux makes a port listen and learn for 2 s each, even where libvirt asks for no delay


def target(agreed: Wanted, wanted: Wanted, found: Found) -> Wanted:
    """Return the target for libvirt: what was found, with the changes since the agreed configuration."""
    return Wanted(
        document=apply_change(agreed.document, wanted.document, found.document),
        live=apply_change(agreed.document, wanted.document, found.live) if found.active else "",
        active=found.active if wanted.active == agreed.active else wanted.active,
        autostart=found.autostart if wanted.autostart == agreed.autostart else wanted.autostart,
        persistent=found.persistent if wanted.persistent == agreed.persistent else wanted.persistent,
    )


def plan(wanted: Wanted, found: Found | None, ignored: Iterable[Code] = ()) -> tuple[Step, ...]:
    """Return the steps from what was found to all that is wanted.

    `ignored` are the codes of differences that this libvirt does not keep: they stayed after the last push.
    """
    return tuple(_plan(wanted, found, frozenset(ignored)))


def _plan(wanted: Wanted, found: Found | None, ignored: frozenset[Code]) -> Iterator[Step]:
    name = parse(wanted.document).name
    if found and parse(found.document).name != name:
        yield from _remove_renamed(found)
        yield from _plan(wanted, None, ignored)
        yield Step(verb=Verb.RECONNECT, variant=Variant.ALL, network=name)
        return
    if found is None:
        yield _define(name, Variant.PLAIN, wanted.document)
    else:
        steps = tuple(_changes(wanted, found, ignored, name))
        needs_it = wanted.persistent or wanted.autostart  # libvirt starts no transient network with the host
        if not found.persistent and needs_it and not any(step.verb is Verb.DEFINE for step in steps):
            yield _define(name, Variant.PERSISTENT, fill_in(wanted.document, found.document))
        yield from steps
    if wanted.autostart and not (found and found.autostart):
        yield Step(verb=Verb.AUTOSTART, network=name)
    if found and found.autostart and not wanted.autostart:
        yield Step(verb=Verb.NO_AUTOSTART, network=name)
    if wanted.active and not (found and found.active):
        yield Step(verb=Verb.START, network=name)
        yield from _reconnect(found.attached if found else ())
    if found and found.active and not wanted.active:
        variant = Variant.PLAIN if found.persistent else Variant.TRANSIENT
        disruption = {"disruption": Disruption.LASTING, "vms": found.attached}
        yield Step(verb=Verb.STOP, variant=variant, network=name, **disruption)


def _remove_renamed(found: Found) -> Iterator[Step]:
    """Remove a network that was renamed outside: libvirt cannot rename it."""
    name = parse(found.document).name
    if found.active:
        yield Step(verb=Verb.STOP, network=name, disruption=Disruption.LASTING, vms=found.attached)
    yield Step(verb=Verb.UNDEFINE, network=name)


def _define(network: str, variant: Variant, document: str) -> Step:
    return Step(verb=Verb.DEFINE, variant=variant, network=network, xml=with_netmasks(document))


def _changes(wanted: Wanted, found: Found, ignored: frozenset[Code], name: str) -> Iterator[Step]:
    desired, desired_live = leaves(wanted.document), leaves(wanted.live or wanted.document)
    off_stored = Deviation.between(desired, leaves(found.document), ignored)
    off_live = Deviation.between(desired_live, leaves(found.live), ignored) if found.active else off_stored
    if not (off_stored.rigid() or off_live.rigid()):
        sides = {"stored": off_stored, "live": off_live} if found.active else {"stored": off_stored}
        yield from updates(sides)
        yield from _reconnect(found.disconnected if found.active else ())
        return
    if off_stored:
        document = fill_in(wanted.document, found.document)
        described = not off_stored.rigid(KEPT_ONLY)  # if only the title changes, nothing else is rewritten
        redefine = Step(verb=Verb.DEFINE, variant=Variant.ANEW, network=name, xml=document)
        yield redefine if described else _define(name, Variant.ANEW, document)
    if not found.active or not wanted.active:
        return
    rigid = off_live.rigid(KEPT_ONLY)
    if not rigid:
        yield from updates({"live": off_live})
        yield from _reconnect(found.disconnected)
        return
    only_live = Deviation.between(desired_live, desired)
    stored = tuple(only_live.rigid(KEPT_ONLY))
    spec = parse(wanted.document)
    stp = spec.stp and spec.forward_mode in OWN_BRIDGE
    yield Step(
        verb=Verb.RESTART,
        variant=Variant.STORED if stored else Variant.PLAIN,
        network=name,
        fields=tuple(rigid),
        stored=stored,
        disruption=Disruption.BRIEF,
        vms=found.attached,
        seconds=SECONDS_TO_RESTART + SECONDS_A_NIC * len(found.attached) + SECONDS_OF_STP * stp,
        noted=Note.STP if stp else Note.NONE,
    )
    yield from updates({"live": only_live.updatable()})  # what runs without being stored is not lost by it
    yield from _reconnect(found.attached)


def _reconnect(vms: tuple[str, ...]) -> Iterator[Step]:
    if vms:
        yield Step(verb=Verb.RECONNECT, vms=vms)
