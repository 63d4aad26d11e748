"""Plans the steps that make libvirt agree with a desired NIC, and their effect on the guest. Pure: values only.

libvirt changes some fields of a running NIC by virDomainUpdateDeviceFlags; others require it to be unplugged and
plugged in again, or wait for the next boot. Where libvirt reports a change that it does not make, the plan follows what
it does.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from networks.definition.plans.steps import Disruption
from virterweb.messages import Message

from .edit import build, edit, for_update, without_address
from .fields import (
    NEW,
    Change,
    How,
    among,
    changes_between,
    fields_changed,
    how_of,
    names_of,
    only_changed,
    with_found,
    without_lent,
)
from .spec import SOURCES, FoundNIC, NICSpec, key_of
from .steps import Manner, NICPlan, NICStep, NotAttachable, Note, OtherMAC, Verb

NOTES = {
    "inbound": Note.BANDWIDTH,
    "outbound": Note.BANDWIDTH,
    "vlan": Note.VLAN,
    "boot_order": Note.BOOT_ORDER,
}


def plan(
    wanted: NICSpec | None,
    live: FoundNIC | None,
    stored: FoundNIC | None,
    running: bool,
    *,
    replug: bool = True,
    only: frozenset[str] | None = None,
) -> NICPlan:
    """Return the steps from a NIC as found to the desired one, live and stored; `wanted` None removes it.

    Without `replug`, changes that need the card unplugged wait for the next boot. `only` names the requested fields:
    all others stay as found on either side, and so does a side that lacks the NIC.

    Raises: OtherMAC: The MACs differ. NotAttachable: The NIC would have to be attached again, and its kind cannot be.
    """
    live = live if running else None
    found = live or stored
    if wanted is None:
        steps = tuple(_detach(live, stored))
    else:
        for each in filter(None, (live, stored)):
            if each.mac != wanted.mac.lower():
                raise OtherMAC(Message("nic.other_mac", found=each.mac, mac=wanted.mac))
        only = only if found else None
        if live:
            planned = _plan_running(wanted, live, stored, replug, only)
            steps = planned.steps
        elif running and only is None:
            steps = (_attach(wanted, stored),)
        else:
            steps = tuple(_define(wanted, stored, Manner.PLAIN, only=only))
    key = found.key if found else key_of(wanted.mac if wanted else "", "")
    waiting = planned.waiting if wanted and live else ()
    return NICPlan(steps=tuple(replace(step, key=key) for step in steps), waiting=waiting)


def _detach(live: FoundNIC | None, stored: FoundNIC | None) -> Iterator[NICStep]:
    found = live or stored
    if found is None:
        return
    document = _by_mac(found)
    yield NICStep(
        verb=Verb.DETACH,
        mac=found.mac,
        where=(found.kind, found.source),
        live=live is not None,
        stored=stored is not None,
        calls=(document,) if live else (),
        disruption=Disruption.LASTING if live else Disruption.NONE,
        notes=(Note.DETACHED,) if live else (),
    )


def _attach(wanted: NICSpec, stored: FoundNIC | None) -> NICStep:
    """Return the step that attaches a NIC which the running guest lacks.

    The slot in the stored definition may be in use in the guest.
    """
    if not stored:
        _check_attachable(wanted)
    document = edit(stored.document, wanted) if stored else build(wanted)
    changes = fields_changed(wanted, stored) if stored else ()
    keep = bool(changes) or stored is None
    return NICStep(
        verb=Verb.ATTACH,
        mac=wanted.mac,
        spec=wanted,
        where=(wanted.kind, wanted.source),
        manner=Manner.PLAIN if keep else Manner.RUNNING,
        live=True,
        stored=keep,
        calls=(document if wanted.pci else without_address(document),),
        definition=document if keep else "",
        notes=_notes(wanted, names_of(changes_between(wanted, NEW))),
        fields=changes,
    )


def _check_attachable(wanted: NICSpec) -> None:
    if wanted.kind not in SOURCES:
        raise NotAttachable(Message("nic.not_attachable", mac=wanted.mac, kind=wanted.kind))


def _define(
    wanted: NICSpec, stored: FoundNIC | None, manner: Manner, base: str = "", only: frozenset[str] | None = None
) -> Iterator[NICStep]:
    """Yield the step that changes only the stored definition; `base` is the document to add if it lacks the NIC."""
    changes = among(fields_changed(wanted, stored), only) if stored else ()
    if (stored and not changes) or (stored is None and only is not None):
        return
    if stored:
        wanted = only_changed(wanted, stored.spec, changes)
    elif not base:
        _check_attachable(wanted)
    fields = names_of(changes or changes_between(wanted, NEW))
    yield NICStep(
        verb=Verb.DEFINE if stored else Verb.ATTACH,
        mac=wanted.mac,
        where=(wanted.kind, wanted.source),
        manner=manner,
        stored=True,
        definition=edit(stored.document, wanted) if stored else base or build(wanted),
        notes=_notes(wanted, fields - {"inbound", "outbound"}, found=stored),
        fields=changes,
    )


def _plan_running(
    wanted: NICSpec, live: FoundNIC, stored: FoundNIC | None, replug: bool, only: frozenset[str] | None
) -> NICPlan:
    own = without_lent(wanted, live, stored)
    changes = among(changes_between(wanted, own), only)
    kept_changes = among(fields_changed(wanted, stored), only) if stored else ()
    definition, wanted = wanted, wanted if only is None else only_changed(wanted, own, changes)
    how = how_of(wanted, live, changes)
    late = (How.NEXT_BOOT,) if replug else (How.NEXT_BOOT, How.REPLUG)
    now = {change: each for change, each in how.items() if each not in late}
    waiting = tuple(change for change in how if change not in now)
    kept = names_of(kept_changes)
    together = stored is not None and kept <= names_of(now)
    steps: list[NICStep] = []
    if now:
        step = _change_running(with_found(wanted, own, names_of(waiting)), live, stored, now)
        if together and kept:
            kept_spec = only_changed(definition, stored.spec, kept_changes)
            step = replace(step, stored=True, definition=edit(stored.document, kept_spec))
        undo, place = for_update(live.document, own), (wanted.kind, wanted.source)
        disruption = _disruption(step.verb, wanted, names_of(now))
        steps.append(replace(step, where=place, undo=undo, disruption=disruption))
    if not together or not now:
        manner = Manner.NEXT_BOOT if kept & names_of(waiting) else Manner.DEFINITION
        steps += _define(definition, stored, manner, for_update(live.document, wanted), only)
    return NICPlan(steps=tuple(steps), waiting=waiting)


def _change_running(spec: NICSpec, live: FoundNIC, stored: FoundNIC | None, changes: Mapping[Change, How]) -> NICStep:
    """Return the step that changes the NIC of the running guest to `spec`; its place is left empty."""
    verb = Verb.REPLUG if How.REPLUG in changes.values() else Verb.UPDATE
    calls = _replug(spec, live, stored) if verb is Verb.REPLUG else _update(spec, live)
    return NICStep(
        verb=verb,
        mac=spec.mac,
        spec=spec,
        manner=_manner(verb, calls),
        live=True,
        calls=calls,
        notes=_notes(spec, names_of(changes), verb, live),
        fields=tuple(changes),
    )


def _update(spec: NICSpec, live: FoundNIC) -> tuple[str, ...]:
    """Return the calls of an update. A move takes the link down and up, so that the guest requests an address again."""
    call = for_update(live.document, spec)
    moves = (spec.kind, spec.source) != (live.kind, live.source)
    if moves and spec.link_up and live.spec.link_up:
        return for_update(live.document, replace(spec, link_up=False)), call
    return (call,)


def _replug(spec: NICSpec, live: FoundNIC, stored: FoundNIC | None) -> tuple[str, ...]:
    """Return the documents to detach and to attach; the NIC keeps its slot."""
    spec = replace(spec, pci=live.spec.pci)
    return _by_mac(live), edit(stored.document, spec) if stored else for_update(live.document, spec)


def _by_mac(found: FoundNIC) -> str:
    """Return the minimal document that identifies the NIC to detach: the two definitions may differ in the rest."""
    if found.place or found.kind not in SOURCES:  # with its address; of what is not modelled, all but the host's device
        return for_update(found.document, found.spec)
    return build(NICSpec(kind=found.kind, source=found.source, mac=found.mac, model=""))


def _manner(verb: Verb, calls: tuple[str, ...]) -> Manner:
    if verb is Verb.REPLUG:
        return Manner.REPLUG
    return Manner.LINK_BLINKS if len(calls) > 1 else Manner.LIVE


def _disruption(verb: Verb, wanted: NICSpec, fields: frozenset[str]) -> Disruption:
    if "link_up" in fields and not wanted.link_up:
        return Disruption.LASTING
    return Disruption.BRIEF if verb is Verb.REPLUG or "source" in fields else Disruption.NONE


def _notes(
    wanted: NICSpec, fields: frozenset[str], verb: Verb = Verb.UPDATE, found: FoundNIC | None = None
) -> tuple[Note, ...]:
    """Return the notes for the requested fields."""
    notes = [Note.REPLUGGED] if verb is Verb.REPLUG else []
    if found and found.virtual_port:
        notes += [Note.VIRTUAL_PORT] if "source" in fields else []
        fields = fields - {"vlan"}
    notes += [note for field, note in NOTES.items() if field in fields and getattr(wanted, field) is not None]
    return tuple(dict.fromkeys(notes))
