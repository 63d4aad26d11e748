"""Live updates of a network's lists, by virNetworkUpdate. Pure."""

from collections.abc import Iterable, Iterator

from lxml import etree

from networks.definition.document.edit import edit
from networks.definition.document.leaves import Leaf, leaves
from networks.definition.document.parse import parse
from networks.definition.plans.deviation import SECTIONS, Deviation
from networks.definition.plans.steps import Command, Found, Step, Update, Verb
from networks.definition.spec import HostSpec


def updates(sides: dict[str, Deviation]) -> Iterator[Step]:
    """Yield one update for each changed entry, for the live and the stored definition at once if both differ."""
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
        what = {"field": leaf.field, "value": leaf.value, "was": was.value if was else ""}
        yield Step(verb=Verb.UPDATE, update=update, **what)


def _order(call: tuple) -> tuple[int, bool]:
    """Return the order: deletions first, a new default port group after the old one: libvirt refuses two."""
    (command, *_), (element, _) = call
    return list(Command).index(command), element.get("default") == "yes"


def _update_xml(command: Command, leaf: Leaf, element: etree._Element) -> str:
    """Return the entry as libvirt reads it.

    A DNS host goes by its address alone: given names too, libvirt finds every other one that has a name of them.
    """
    entry = etree.fromstring(etree.tostring(element, with_tail=False))
    if command is Command.DELETE and leaf.path == "dns host":
        del entry[:]
    return etree.tostring(entry, encoding="unicode")


def plan_hosts(add: Iterable[HostSpec], remove: Iterable[str], found: Found | None) -> tuple[Step, ...]:
    """Return steps for reservations alone: existing ones are skipped, those with a key in `remove` are deleted.

    An added one replaces the one of its guest or of its address.
    """
    if found is None:
        return ()
    wanted, gone, sides = tuple(add), frozenset(remove), {}
    replaced = gone | {value for host in wanted for value in (host.mac, host.duid, host.ip) if value}
    for side, document in {"stored": found.document, "live": found.live if found.active else ""}.items():
        if document:
            spec = parse(document).with_hosts(wanted, without=replaced)
            sides[side] = Deviation.between(leaves(edit(document, spec)), leaves(document))
    return tuple(updates(sides))
