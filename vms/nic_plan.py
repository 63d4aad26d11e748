"""What has to be done to make libvirt agree with a wished NIC, and what its guest notices. Pure: values in, steps out.

libvirt changes some fields of a running NIC by virDomainUpdateDeviceFlags; others need it unplugged and plugged in
again, or wait for the next boot. What it says it changed and did not is here as it does, not as it says.
"""

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from lxml import etree

from networks.network_xml import PARSER, NetworkSpec, attribute, number
from networks.plan import Disruption

from .nic_xml import SOURCES, FoundNIC, NICSpec, build, edit, for_update, without_address


class Verb(enum.Enum):
    UPDATE = "update"
    ATTACH = "attach"
    DETACH = "detach"
    REPLUG = "replug"
    DEFINE = "define"


class How(enum.Enum):
    """When a change reaches a running guest."""

    LIVE = "live"
    REPLUG = "unplugged and plugged in again"
    NEXT_BOOT = "at its next boot"


# Each field with its title, and how libvirt 9.0 brings it to a running guest. A MAC cannot change at all.
FIELDS = {
    "source": ("Attached to", How.LIVE),
    "mode": ("macvtap mode", How.REPLUG),
    "port_group": ("Port group", How.REPLUG),  # an update says success and changes nothing
    "model": ("Model", How.REPLUG),
    "mtu": ("MTU", How.REPLUG),
    "link_up": ("Link", How.LIVE),
    "inbound": ("Bandwidth in", How.LIVE),
    "outbound": ("Bandwidth out", How.LIVE),
    "vlan": ("VLAN tag", How.REPLUG),
    "isolated": ("Isolated port", How.LIVE),
    "trust_rx_filters": ("Guest’s receive filters trusted", How.REPLUG),  # as port_group
    "filter": ("Network filter", How.LIVE),
    "filter_parameters": ("Filter parameters", How.LIVE),
    "boot_order": ("Boot order", How.NEXT_BOOT),
    "queues": ("Queues", How.REPLUG),
    "alias": ("Alias", How.NEXT_BOOT),
    "pci": ("PCI address", How.NEXT_BOOT),
}
PLACE = ("kind", "source")  # together they are the field source
LEFT_TO_LIBVIRT = ("mode", "model", "pci")  # empty ones are no wish
GO_ALONG = ("port_group", "trust_rx_filters")  # with a move libvirt takes these too
LENT = ("inbound", "outbound", "vlan", "isolated")  # a running NIC shows what its network lends it as if its own
BRIDGED = ("network", "bridge")  # those that a tap on a bridge serves: it can be put on another one

NOTES = {
    "inbound": "Bandwidth needs tc on the host, and is checked by reading it back.",
    "outbound": "Bandwidth needs tc on the host, and is checked by reading it back.",
    "vlan": "A VLAN tag needs Open vSwitch or SR-IOV: on a plain bridge libvirt refuses it.",
    "boot_order": "libvirt takes a NIC’s boot order only in a VM whose <os> names no boot device.",
}
REPLUGGED = "The guest sees the card leave and come, with the same MAC; it must be up to let go of it."
DETACHED = "The guest must be up to let go of it."
NEW = NICSpec(kind="", mac="", model="")  # what a NIC has that is not there yet

PCI = "devices/*/address[@type='pci']"
SLOTS = 32  # of a PCI bus
I440FX = ("pc-i440fx-", "pc-0.", "pc-1.")
PORTS = ("pcie-root-port", "pcie-switch-downstream-port")
PLUGS_NOTHING = "target[@hotplug='off']"


class OtherMAC(ValueError):
    """A NIC is its MAC: one with another is another NIC."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A field, by name and title, with what it was and what it becomes, in words."""

    field: str
    title: str
    was: str
    becomes: str

    def __str__(self) -> str:
        title = self.title if self.title[:2].isupper() else self.title[0].lower() + self.title[1:]
        return f"{title} {self.was} → {self.becomes}"


@dataclass(frozen=True, kw_only=True)
class NICStep:
    """One thing to do: in the running guest (live), the stored definition, or both.

    `calls` are the documents for the running guest, in turn: of an update each is one, of a replug the first is
    detached and the second attached. `undo` is the NIC as it was, for an update or a replug that fails half-way.
    `definition` is the NIC as the stored definition gets it or, if detached, loses it.
    """

    verb: Verb
    mac: str
    text: str
    spec: NICSpec | None = None  # what the running guest shall have; None if it is detached
    live: bool = False
    stored: bool = False
    calls: tuple[str, ...] = ()
    undo: str = ""
    definition: str = ""
    disruption: Disruption = Disruption.NONE
    note: str = ""
    fields: tuple[Change, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NICPlan:
    """The steps, and what the running guest gets only when it boots next."""

    steps: tuple[NICStep, ...] = ()
    waiting: tuple[Change, ...] = ()


def plan(
    wanted: NICSpec | None, live: FoundNIC | None, stored: FoundNIC | None, running: bool, *, replug: bool = True
) -> NICPlan:
    """The steps from a NIC as found, in the running guest and in the stored definition, to the wish; None: it goes.

    Without `replug` what cannot change under the running guest waits for its next boot. OtherMAC if the MACs differ.
    """
    live = live if running else None
    if wanted is None:
        return NICPlan(steps=tuple(_detach(live, stored)))
    for found in filter(None, (live, stored)):
        if found.mac != wanted.mac.lower():
            raise OtherMAC(f"NIC {found.mac} cannot become {wanted.mac}: attach another, and detach this one.")
    if live:
        return _plan_running(wanted, live, stored, replug)
    if running:
        return NICPlan(steps=(_attach(wanted, stored),))
    return NICPlan(steps=tuple(_define(wanted, stored, "")))


def fields_changed(wanted: NICSpec, found: FoundNIC) -> tuple[Change, ...]:
    """Where a NIC was found otherwise than wanted; what the wish leaves to libvirt does not count."""
    return tuple(_changes(wanted, found.spec))


def drift(wanted: NICSpec, found: FoundNIC, running: bool, *, replug: bool = True) -> tuple[Change, ...]:
    """Where a NIC is otherwise than wished without that anything is still to come of itself.

    What a running guest gets at its next boot is to come, and what its network lends a NIC nobody asked for.
    """
    if not running:
        return fields_changed(wanted, found)
    late = (How.NEXT_BOOT,) if replug else (How.NEXT_BOOT, How.REPLUG)
    own = _own(wanted, found, None)
    if wanted.mtu is None:  # a tap takes its bridge's
        own = replace(own, mtu=None)
    how = _how(wanted, found, tuple(_changes(wanted, own)))
    return tuple(change for change, each in how.items() if each not in late)


def _changes(wanted: NICSpec, found: NICSpec) -> Iterator[Change]:
    for field, (title, _) in FIELDS.items():
        names = PLACE if field == "source" else (field,)
        differs = any(getattr(found, name) != getattr(wanted, name) for name in names)
        if differs and not (field in LEFT_TO_LIBVIRT and not getattr(wanted, field)):
            yield Change(field=field, title=title, was=_words(field, found), becomes=_words(field, wanted))


def _words(field: str, spec: NICSpec) -> str:
    value = getattr(spec, field)
    if field == "source":
        return place(spec)
    if field == "link_up":
        return "up" if value else "down"
    if field == "filter_parameters":
        return ", ".join(f"{name}={text}" for name, text in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value in (None, "") else str(value)


def place(spec: NICSpec) -> str:
    """What a NIC is attached to, in words; a network by its name alone."""
    if spec.kind == "network":
        return spec.source
    if spec.kind == "user":
        return "user networking"
    return f"{'macvtap on' if spec.kind == 'direct' else spec.kind} {spec.source}".strip()


def _detach(live: FoundNIC | None, stored: FoundNIC | None) -> Iterator[NICStep]:
    found = live or stored
    if found is None:
        return
    document = _by_mac(found)
    yield NICStep(
        verb=Verb.DETACH,
        mac=found.mac,
        text=f"Detach NIC {found.mac} from {place(found.spec)}",
        live=live is not None,
        stored=stored is not None,
        calls=(document,) if live else (),
        definition=document if stored else "",
        disruption=Disruption.LASTING if live else Disruption.NONE,
        note=DETACHED if live else "",
    )


def _attach(wanted: NICSpec, stored: FoundNIC | None) -> NICStep:
    """The running guest lacks it. A slot that the stored definition has for it, the guest need not have."""
    document = edit(stored.document, wanted) if stored else build(wanted)
    changes = fields_changed(wanted, stored) if stored else ()
    keep = bool(changes) or stored is None
    return NICStep(
        verb=Verb.ATTACH,
        mac=wanted.mac,
        spec=wanted,
        text=f"Attach NIC {wanted.mac} to {place(wanted)}{'' if keep else ' in the running guest'}",
        live=True,
        stored=keep,
        calls=(document if wanted.pci else without_address(document),),
        definition=document if keep else "",
        note=_notes(wanted, _names(_changes(wanted, NEW))),
        fields=changes,
    )


def _define(wanted: NICSpec, stored: FoundNIC | None, when: str, base: str = "") -> Iterator[NICStep]:
    """The stored definition alone; `base` is the NIC's document to start from where it lacks the NIC."""
    changes = fields_changed(wanted, stored) if stored else ()
    if stored and not changes:
        return
    head = _headline(wanted, changes) if stored else f"Attach NIC {wanted.mac} to {place(wanted)}"
    fields = _names(changes or _changes(wanted, NEW))
    yield NICStep(
        verb=Verb.DEFINE if stored else Verb.ATTACH,
        mac=wanted.mac,
        text=f"{head}: {when}" if when else head,
        stored=True,
        definition=edit(stored.document, wanted) if stored else base or build(wanted),
        note=_notes(wanted, fields - {"inbound", "outbound"}),
        fields=changes,
    )


def _plan_running(wanted: NICSpec, live: FoundNIC, stored: FoundNIC | None, replug: bool) -> NICPlan:
    own = _own(wanted, live, stored)
    how = _how(wanted, live, tuple(_changes(wanted, own)))
    late = (How.NEXT_BOOT,) if replug else (How.NEXT_BOOT, How.REPLUG)
    now = {change: each for change, each in how.items() if each not in late}
    waiting = tuple(change for change in how if change not in now)
    kept = _names(fields_changed(wanted, stored)) if stored else set()
    together = stored is not None and kept <= _names(now)
    steps: list[NICStep] = []
    if now:
        verb = Verb.REPLUG if How.REPLUG in now.values() else Verb.UPDATE
        asked = _with(wanted, own, _names(waiting))
        calls = _replug(asked, live, stored) if verb is Verb.REPLUG else _update(asked, live)
        steps.append(
            NICStep(
                verb=verb,
                mac=wanted.mac,
                spec=asked,
                text=f"{_headline(wanted, now)}: {_manner(verb, calls)}",
                live=True,
                stored=together and bool(kept),
                calls=calls,
                undo=for_update(live.document, own),
                definition=edit(stored.document, wanted) if together and kept else "",
                disruption=_disruption(verb, wanted, _names(now)),
                note=_notes(asked, _names(now) - ({"vlan"} if live.virtual_port else set()), verb),
                fields=tuple(now),
            )
        )
    if not together or not now:
        when = How.NEXT_BOOT.value if kept & _names(waiting) else "in the definition"
        steps += _define(wanted, stored, when, for_update(live.document, wanted))
    return NICPlan(steps=tuple(steps), waiting=waiting)


def own(found: FoundNIC, network: NetworkSpec | None) -> NICSpec:
    """A NIC as found, as a wish: without the place that libvirt chose, and without what its network lends it."""
    lent = _lent(found.spec, network) if network else {}
    given = {name: getattr(NEW, name) for name, value in lent.items() if getattr(found.spec, name) == value}
    return replace(found.spec, pci="", **given)


def _lent(spec: NICSpec, network: NetworkSpec) -> dict[str, object]:
    """What a NIC has only because its network, or the port group there, has it."""
    groups = [group for group in network.port_groups if group.name == spec.port_group]
    groups += [group for group in network.port_groups if group.default and not spec.port_group]
    lent: dict[str, object] = {"isolated": network.isolated_ports, "mtu": network.mtu}
    for group in groups:
        tag = group.tags[0] if len(group.tags) == 1 else None
        lent |= {"inbound": group.inbound, "outbound": group.outbound, "vlan": tag}
    return lent


def _own(wanted: NICSpec, live: FoundNIC, stored: FoundNIC | None) -> NICSpec:
    """The NIC without what its network lends it: that is neither asked for nor in the stored definition."""
    if live.kind != "network":
        return live.spec
    lent = {
        name: getattr(NEW, name)
        for name in LENT
        if getattr(live.spec, name) != getattr(wanted, name)
        and (stored is None or getattr(stored.spec, name) == getattr(NEW, name))
    }
    return replace(live.spec, **lent)


def _how(wanted: NICSpec, live: FoundNIC, changes: tuple[Change, ...]) -> dict[Change, How]:
    """How each change reaches the guest: by libvirt's rules for the field, and for what the NIC is attached to."""
    on_bridges = wanted.kind in BRIDGED and live.actual in BRIDGED and not live.virtual_port
    moves = on_bridges and "source" in _names(changes)
    found = {}
    for change in changes:
        how = FIELDS[change.field][1]
        if moves and change.field in GO_ALONG:
            how = How.LIVE
        elif how is How.LIVE and (live.actual == "hostdev" or (change.field == "source" and not on_bridges)):
            how = How.REPLUG
        found[change] = how
    return found


def _names(changes: Iterable[Change]) -> set[str]:
    return {change.field for change in changes}


def _with(wanted: NICSpec, found: NICSpec, fields: set[str]) -> NICSpec:
    """The wish, but for fields that stay as they were found."""
    names = (name for field in fields for name in (PLACE if field == "source" else (field,)))
    return replace(wanted, **{name: getattr(found, name) for name in names})


def _update(asked: NICSpec, live: FoundNIC) -> tuple[str, ...]:
    """The calls of an update. A move takes the link down and up, so that the guest asks for an address anew."""
    call = for_update(live.document, asked)
    moves = (asked.kind, asked.source) != (live.kind, live.source)
    if moves and asked.link_up and live.spec.link_up:
        return for_update(live.document, replace(asked, link_up=False)), call
    return (call,)


def _replug(asked: NICSpec, live: FoundNIC, stored: FoundNIC | None) -> tuple[str, ...]:
    """What is detached and what is attached: as it is defined, at the place where it was."""
    asked = replace(asked, pci=live.spec.pci)
    return _by_mac(live), edit(stored.document, asked) if stored else for_update(live.document, asked)


def _by_mac(found: FoundNIC) -> str:
    """As little as tells which NIC to detach: the two definitions may differ in the rest."""
    if found.kind not in SOURCES:  # of what is not modelled, all but the host's device
        return for_update(found.document, found.spec)
    return build(NICSpec(kind=found.kind, source=found.source, mac=found.mac, model=""))


def _headline(wanted: NICSpec, changes: Iterable[Change]) -> str:
    parts = [f"Change NIC {wanted.mac}"]
    for change in changes:
        if change.field == "source":
            parts[0] = f"Move NIC {wanted.mac} from {change.was} to {change.becomes}"
        else:
            parts.append(str(change))
    return ", ".join(parts)


def _manner(verb: Verb, calls: tuple[str, ...]) -> str:
    if verb is Verb.REPLUG:
        return How.REPLUG.value
    return "live, its link blinks" if len(calls) > 1 else "live"


def _disruption(verb: Verb, wanted: NICSpec, fields: set[str]) -> Disruption:
    if "link_up" in fields and not wanted.link_up:
        return Disruption.LASTING
    return Disruption.BRIEF if verb is Verb.REPLUG or "source" in fields else Disruption.NONE


def _notes(wanted: NICSpec, fields: set[str], verb: Verb = Verb.UPDATE) -> str:
    """What to know of the fields that are asked for."""
    notes = [REPLUGGED] if verb is Verb.REPLUG else []
    notes += [note for field, note in NOTES.items() if field in fields and getattr(wanted, field) is not None]
    return " ".join(dict.fromkeys(notes))


def free_slots(document: str) -> int | None:
    """How many NICs a running domain can still take: its live document says. None for a machine that is not known.

    On PCI Express each needs a root port of its own, on i440FX a slot of bus 0, and the guest's ACPI to plug it.
    """
    root = etree.fromstring(document.encode(), PARSER)
    controllers = root.findall("devices/controller[@type='pci']")
    models = {each.get("model") for each in controllers}
    places = [(number(each, "bus") or 0, number(each, "slot") or 0) for each in root.iterfind(PCI)]
    if "pcie-root" in models:
        used = {bus for bus, _ in places}
        ports = [each for each in controllers if each.get("model") in PORTS and each.find(PLUGS_NOTHING) is None]
        return sum(number(port, "index") not in used for port in ports)
    if "pci-root" in models and attribute(root, "os/type", "machine").startswith(I440FX):
        used = {slot for bus, slot in places if bus == 0} | {0, 1}  # the host bridge's, and the ISA bridge's
        return SLOTS - len(used) if root.find("features/acpi") is not None else 0
    return None
