"""What has to be done to make libvirt agree with a wished network, step by step. Pure: values in, steps out.

libvirt changes lists of a running network live, by virNetworkUpdate; all else needs a new definition and a restart.
"""

import enum
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from lxml import etree

from .compare_xml import Leaf, changed, describe, leaves
from .edit_xml import OWN_BRIDGE, edit, fill_in
from .network_xml import HostSpec, parse


class Verb(enum.Enum):
    DEFINE = "define"
    AUTOSTART = "autostart"
    NO_AUTOSTART = "no autostart"
    START = "start"
    STOP = "stop"
    UPDATE = "update"
    RESTART = "restart"
    RECONNECT = "reconnect"


class Disruption(enum.IntEnum):
    """What a step does to the running VMs on the network."""

    NONE = 0
    BRIEF = 1
    LASTING = 2


class Command(enum.Enum):
    """What an update does, in the order in which several are done."""

    DELETE = "delete"
    MODIFY = "change"
    ADD = "add"


# The lists that libvirt updates live, by their leaf's path, with the name of libvirt's section.
SECTIONS = {
    "ip dhcp host": "ip-dhcp-host",
    "ip dhcp range": "ip-dhcp-range",
    "forward interface": "forward-interface",
    "portgroup": "portgroup",
    "dns host": "dns-host",
    "dns txt": "dns-txt",
    "dns srv": "dns-srv",
}
# By which attributes together libvirt tells an entry from those it has: one to add, and one to delete.
ADDED_BY = {
    "ip dhcp host": (("mac",), ("name",), ("ip",)),
    "ip dhcp range": (("start", "end"),),
    "portgroup": (("name",),),
    "dns host": (("ip",),),
    "dns txt": (("name",),),
}
DELETED_BY = {path: names for path, names in ADDED_BY.items() if path != "ip dhcp host"}
DHCP = {"ip dhcp host", "ip dhcp range"}
# What a running network need not be restarted for: it is only kept.
KEPT_ONLY = {"title", "description", "metadata"}

SECONDS_TO_RESTART = 0.4  # destroy and start
SECONDS_A_NIC = 0.01
SECONDS_OF_STP = 4.0  # Linux makes a port listen and learn for 2 s each, even where libvirt asks for no delay


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The wish: its whole document, whether it runs, whether it starts with the host."""

    document: str
    active: bool = True
    autostart: bool = True


@dataclass(frozen=True, kw_only=True)
class Found:
    """What libvirt has: the stored definition, the live one ("" if inactive), and how it stands.

    `attached` are the running VMs on the network, `cut` those of them whose NICs a restart left hanging in the air.
    """

    document: str
    live: str
    active: bool
    autostart: bool
    attached: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Update:
    """One call of virNetworkUpdate: `index` counts the network's <ip> blocks; live and stored say what it affects."""

    command: Command
    section: str
    xml: str
    index: int = -1
    live: bool
    stored: bool


@dataclass(frozen=True, kw_only=True)
class Step:
    verb: Verb
    text: str
    xml: str = ""
    update: Update | None = None
    disruption: Disruption = Disruption.NONE
    vms: tuple[str, ...] = ()
    seconds: float = 0  # how long VMs are expected to be cut off
    note: str = ""

    @property
    def harmless(self) -> bool:
        """A host entry that is added or changed: wishes ask for such at any time."""
        return bool(self.update and self.update.section == "ip-dhcp-host" and self.update.command != Command.DELETE)

    def as_json(self) -> dict:
        return {
            "step": self.verb.value,
            "text": self.text,
            "disruption": self.disruption.name.lower(),
            "vms": list(self.vms),
            "seconds": round(self.seconds, 2),
            "note": self.note,
        }


def worst(steps: Iterable[Step]) -> Disruption:
    return max((step.disruption for step in steps if step.vms), default=Disruption.NONE)


def plan(wanted: Wanted, found: Found | None, ignored: Iterable[str] = ()) -> tuple[Step, ...]:
    """The steps from what was found to the wish.

    `ignored` are differences, in words, that stayed after the last push: this libvirt does not keep what they ask for.
    """
    return tuple(_plan(wanted, found, frozenset(ignored)))


def _plan(wanted: Wanted, found: Found | None, ignored: frozenset[str]) -> Iterator[Step]:
    name = parse(wanted.document).name
    if found is None:
        yield Step(verb=Verb.DEFINE, text=f"Define {name}", xml=wanted.document)
    else:
        yield from _changes(wanted, found, ignored, name)
    if wanted.autostart and not (found and found.autostart):
        yield Step(verb=Verb.AUTOSTART, text=f"Start {name} with the host from now on")
    if found and found.autostart and not wanted.autostart:
        yield Step(verb=Verb.NO_AUTOSTART, text=f"Start {name} with the host no longer")
    if wanted.active and not (found and found.active):
        yield Step(verb=Verb.START, text=f"Start {name}")
        yield from _reconnect(found.attached if found else ())
    if found and found.active and not wanted.active:
        yield Step(verb=Verb.STOP, text=f"Stop {name}", disruption=Disruption.LASTING, vms=found.attached)


def _changes(wanted: Wanted, found: Found, ignored: frozenset[str], name: str) -> Iterator[Step]:
    asked, stored = leaves(wanted.document), leaves(found.document)
    live = leaves(found.live) if found.active else stored
    off_stored, off_live = (_Off.between(asked, side, ignored) for side in (stored, live))
    if not (off_stored.rigid() or off_live.rigid()):
        sides = {"stored": off_stored, "live": off_live} if found.active else {"stored": off_stored}
        yield from _updates(sides)
        yield from _reconnect(found.cut if found.active else ())
        return
    if off_stored:
        document = fill_in(wanted.document, found.document)
        yield Step(verb=Verb.DEFINE, text=f"Define {name} anew", xml=document)
    if not found.active or not wanted.active:
        return
    rigid = off_live.rigid(KEPT_ONLY)
    if not rigid:
        yield from _updates({"live": off_live})
        yield from _reconnect(found.cut)
        return
    text = f"Restart {name}, for libvirt cannot change this live: {', '.join(rigid)}"
    spec = parse(wanted.document)
    stp = spec.stp and spec.forward_mode in OWN_BRIDGE
    yield Step(
        verb=Verb.RESTART,
        text=text,
        disruption=Disruption.BRIEF,
        vms=found.attached,
        seconds=SECONDS_TO_RESTART + SECONDS_A_NIC * len(found.attached) + SECONDS_OF_STP * stp,
        note=f"{SECONDS_OF_STP:.0f} s of it is the bridge’s STP, which can be turned off" if stp else "",
    )
    yield from _reconnect(found.attached)


def _reconnect(vms: tuple[str, ...]) -> Iterator[Step]:
    if vms:
        text = f"Put {len(vms)} running VM{'s' * (len(vms) > 1)} back on the wire: {', '.join(vms)}"
        yield Step(verb=Verb.RECONNECT, text=text, vms=vms)


@dataclass(frozen=True, kw_only=True)
class _Off:
    """What one definition lacks and what it has too much; each leaf with the element that says so."""

    missing: dict[Leaf, etree._Element]
    extra: dict[Leaf, etree._Element]
    asked: dict[Leaf, etree._Element]
    there: dict[Leaf, etree._Element]

    @classmethod
    def between(cls, asked: dict, there: dict, ignored: frozenset[str] = frozenset()) -> "_Off":
        missing, extra = changed(asked, there)
        if ignored:
            kept = [one for one in describe(missing, extra) if str(one) not in ignored]
            wanted, found = {(one.field, one.wanted) for one in kept}, {(one.field, one.found) for one in kept}
            missing = [leaf for leaf in missing if (leaf.title, leaf.value) in wanted]
            extra = [leaf for leaf in extra if (leaf.title, leaf.value) in found]
        sides = {"missing": {leaf: asked[leaf] for leaf in missing}, "extra": {leaf: there[leaf] for leaf in extra}}
        return cls(asked=asked, there=there, **sides)

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra)

    def rigid(self, kept: Iterable[str] = ()) -> list[str]:
        """The fields that no update can change, but for those that are only kept."""
        sides = (self.missing, _alike(self.asked, ADDED_BY)), (self.extra, _alike(self.there, DELETED_BY))
        emptied = self._of_emptied_blocks()
        missing, extra = (
            [leaf for leaf in side if leaf.path not in kept and (leaf.path not in SECTIONS or leaf in alike | emptied)]
            for side, alike in sides
        )
        return list(dict.fromkeys(one.field for one in describe(missing, extra)))

    def _of_emptied_blocks(self) -> set[Leaf]:
        """DHCP entries that none outlasts in a block with a boot file: libvirt forgets that once there are none."""
        missing, extra = ({leaf for leaf in side if leaf.path in DHCP} for side in (self.missing, self.extra))
        stay = {leaf.block for leaf in self.there if leaf.path in DHCP and leaf not in extra}
        stay |= {leaf.block for leaf in self.modified()}
        boot = {leaf.block for leaf in self.asked if leaf.path == "ip dhcp bootp file"}
        emptied = boot & {leaf.block for leaf in missing} & {leaf.block for leaf in extra} - stay
        return {leaf for leaf in missing | extra if leaf.block in emptied}

    def modified(self) -> dict[Leaf, Leaf]:
        """Entries that libvirt changes in place, each with what it was: host entries by MAC, port groups by name.

        Not so a host entry whose new name another has: libvirt would take that for the one to be changed.
        """
        was = {key: leaf for leaf, element in self.extra.items() if (key := _key(leaf, element))}
        holders = {
            (leaf.block, name): element.get("mac")
            for leaf, element in self.there.items()
            if leaf.path == "ip dhcp host" and (name := element.get("name"))
        }
        return {
            leaf: was[key]
            for leaf, element in self.missing.items()
            if (key := _key(leaf, element)) in was
            and holders.get((leaf.block, element.get("name")), element.get("mac")) == element.get("mac")
        }

    @cached_property
    def blocks(self) -> list[str]:
        return [leaf.value for leaf in self.there if leaf.path == "ip"]

    def index(self, leaf: Leaf) -> int:
        """Which <ip> of what was found an entry is in; -1 for what is in none."""
        return self.blocks.index(leaf.block) if leaf.block else -1


def _key(leaf: Leaf, element: etree._Element) -> tuple[str, str, str] | None:
    name = {"ip dhcp host": "mac", "portgroup": "name"}.get(leaf.path)
    value = element.get(name) if name else None
    return (leaf.path, leaf.block, value) if value else None


def _alike(side: dict[Leaf, etree._Element], told_by: dict[str, tuple[tuple[str, ...], ...]]) -> set[Leaf]:
    """Entries of lists that libvirt cannot tell from another one of the same list."""
    same: dict[tuple, list[Leaf]] = {}
    for leaf, element in side.items():
        for names in told_by.get(leaf.path, ()):
            if values := tuple(filter(None, map(element.get, names))):
                same.setdefault((leaf.path, leaf.block, names, values), []).append(leaf)
    return {leaf for leaves in same.values() if len(leaves) > 1 for leaf in leaves}


def _updates(sides: dict[str, _Off]) -> Iterator[Step]:
    """One update a changed entry, for live and stored definition at once where it differs in both."""
    calls: dict[tuple[Command, Leaf, Leaf | None, int], tuple[etree._Element, set[str]]] = {}
    for side, off in sides.items():
        modified = off.modified()
        replaced = set(modified.values())
        for leaf, element in off.extra.items():
            if leaf.path in SECTIONS and leaf not in replaced:
                calls.setdefault((Command.DELETE, leaf, None, off.index(leaf)), (element, set()))[1].add(side)
        for leaf, element in off.missing.items():
            if leaf.path in SECTIONS:
                command = Command.MODIFY if leaf in modified else Command.ADD
                call = (command, leaf, modified.get(leaf), off.index(leaf))
                calls.setdefault(call, (element, set()))[1].add(side)
    for (command, leaf, was, index), (element, affected) in sorted(calls.items(), key=_order):
        update = Update(
            command=command,
            section=SECTIONS[leaf.path],
            xml=_update_xml(command, leaf, element),
            index=index,
            live="live" in affected,
            stored="stored" in affected,
        )
        yield Step(verb=Verb.UPDATE, text=_update_text(command, leaf, was), update=update)


def _order(call: tuple) -> tuple[int, bool]:
    """Deletions first, and a default port group after the one that is it no longer: libvirt refuses two."""
    (command, *_), (element, _) = call
    return list(Command).index(command), element.get("default") == "yes"


def _update_text(command: Command, leaf: Leaf, was: Leaf | None) -> str:
    title = leaf.title if leaf.title[:2].isupper() else leaf.title[0].lower() + leaf.title[1:]
    return f"{command.value.capitalize()} {title}: {f'{was.value} → ' if was else ''}{leaf.value}"


def _update_xml(command: Command, leaf: Leaf, element: etree._Element) -> str:
    """The entry as libvirt reads it.

    A DNS host goes by its address alone: given names too, libvirt finds every other one that has a name of them.
    """
    entry = etree.fromstring(etree.tostring(element, with_tail=False))
    if command is Command.DELETE and leaf.path == "dns host":
        del entry[:]
    return etree.tostring(entry, encoding="unicode")


def keep_others(wanted: Wanted, found: Found, gone: Iterable[HostSpec]) -> Wanted:
    """The wish with the host entries that others added: a change of something else leaves them alone.

    `gone` are ours that are wished away.
    """
    asked, dropped = parse(wanted.document), set(gone)
    ours = {host.mac for host in (*asked.hosts, *dropped) if host.mac}
    others = [host for host in parse(found.document).hosts if host not in dropped and host.mac not in ours]
    return replace(wanted, document=edit(wanted.document, asked.with_hosts(others))) if others else wanted


def token(steps: Iterable[Step], found: Found | None) -> str:
    """Stands for what somebody was shown: libvirt's side, and the steps that disturb VMs."""
    shown = [found and (found.document, found.live, found.active, found.autostart)]
    shown += [(step.text, step.vms) for step in steps if step.disruption]
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def plan_hosts(add: Iterable[HostSpec], remove: Iterable[str], found: Found | None) -> tuple[Step, ...]:
    """Steps for host entries alone: those there already are skipped, all whose MAC, DUID or IP is in `remove` go.

    One that is to be added replaces what its guest, or its address, has.
    """
    if found is None:
        return ()
    wanted, gone, sides = tuple(add), frozenset(remove), {}
    replaced = gone | {value for host in wanted for value in (host.mac, host.duid, host.ip) if value}
    for side, document in {"stored": found.document, "live": found.live if found.active else ""}.items():
        if document:
            spec = parse(document).with_hosts(wanted, without=replaced)
            sides[side] = _Off.between(leaves(edit(document, spec)), leaves(document))
    return tuple(_updates(sides))
