"""What has to be done to make libvirt agree with a wished network, step by step. Pure: values in, steps out."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .network_xml import HostSpec, NetworkSpec, build, differences, edit, host_xml, parse


class Verb(enum.Enum):
    DEFINE = "define"
    AUTOSTART = "autostart"
    START = "start"
    ADD_HOST = "add host"
    DELETE_HOST = "delete host"
    RESTART = "restart"


class Disruption(enum.Enum):
    """What a step does to the VMs on the network."""

    NONE = "none"
    BRIEF = "brief"
    LASTING = "lasting"


@dataclass(frozen=True, kw_only=True)
class Found:
    """What libvirt has: the stored definition, the live one ("" if inactive), and how it stands."""

    document: str
    live: str
    active: bool
    autostart: bool


@dataclass(frozen=True, kw_only=True)
class Step:
    verb: Verb
    text: str
    xml: str = ""
    disruption: Disruption = Disruption.NONE


def plan(wanted: NetworkSpec, found: Found | None, document: str = "") -> tuple[Step, ...]:
    """The steps from what was found to the wish; `document` is what a network made anew is written into."""
    return tuple(_plan(wanted, found, document))


def _plan(wanted: NetworkSpec, found: Found | None, document: str) -> Iterator[Step]:
    if found is None:
        xml = edit(document, wanted) if document else build(wanted)
        yield Step(verb=Verb.DEFINE, text=f"Define {wanted.name}", xml=xml)
    else:
        yield from _changes(wanted, found)
    if found is None or not found.autostart:
        yield Step(verb=Verb.AUTOSTART, text=f"Start {wanted.name} with the host")
    if found is None or not found.active:
        yield Step(verb=Verb.START, text=f"Start {wanted.name}")


def _changes(wanted: NetworkSpec, found: Found) -> Iterator[Step]:
    """Host entries alone change live; everything else needs a new definition and, if active, a restart."""
    stored = parse(found.document)
    live = parse(found.live) if found.active else stored
    if not differences(wanted, stored) and not differences(wanted, live):
        return
    if (
        found.active
        and not differences(_without_hosts(wanted), _without_hosts(stored))
        and not differences(_without_hosts(wanted), _without_hosts(live))
    ):
        yield from _host_changes(wanted, live)
        return
    if differences(wanted, stored):
        yield Step(verb=Verb.DEFINE, text=f"Define {wanted.name} anew", xml=edit(found.document, wanted))
    if found.active:
        text = f"Restart {wanted.name}: libvirt cannot change this live"
        yield Step(verb=Verb.RESTART, text=text, disruption=Disruption.BRIEF)


def _without_hosts(spec: NetworkSpec) -> NetworkSpec:
    return replace(spec, subnets=tuple(replace(subnet, hosts=()) for subnet in spec.subnets))


def _host_changes(wanted: NetworkSpec, live: NetworkSpec) -> Iterator[Step]:
    there, asked = set(live.hosts), set(wanted.hosts)
    yield from (_delete(host) for host in live.hosts if host not in asked)
    yield from (_add(host) for host in wanted.hosts if host not in there)


def _add(host: HostSpec) -> Step:
    return Step(verb=Verb.ADD_HOST, text=f"Add host entry {host}", xml=host_xml(host))


def _delete(host: HostSpec) -> Step:
    return Step(verb=Verb.DELETE_HOST, text=f"Delete host entry {host}", xml=host_xml(host))


def plan_hosts(add: tuple[HostSpec, ...], remove: tuple[str, ...], found: Found | None) -> tuple[Step, ...]:
    """Steps for host entries alone: those there already are skipped, every entry of a MAC in `remove` goes."""
    if found is None:
        return ()
    there = parse(found.live if found.active else found.document).hosts
    macs = set(remove)
    known = {(host.mac, host.ip) for host in there if host.mac not in macs}
    deletions = tuple(_delete(host) for host in there if host.mac in macs)
    return deletions + tuple(_add(host) for host in add if (host.mac, host.ip) not in known)
