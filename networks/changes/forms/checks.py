"""Checks of a network's form across fields: what libvirt always refuses, and what guests cannot use.

The checks get the cleaned values of the form, without those that could not be read. Each problem names the one thing
that it is about, so that earlier problems of the network can be distinguished from those that were typed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv6Interface, ip_address
from itertools import pairwise

from django.core.exceptions import ValidationError

from networks.addresses import blocks
from networks.definition import rules
from networks.definition.form_wording import some
from networks.definition.spec import HostSpec, PortGroupSpec, RangeSpec
from virterweb.messages import Message

FAMILIES = {"ipv4": 4, "ipv6": 6}
MAX_NAMED = 5  # of many things that are wrong in the same way, how many are named
LONGEST_RANGE = 65535  # addresses, of libvirt
Interface = IPv4Interface | IPv6Interface


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A problem of a field: a code with parameters. `about` is a value for its text, which may name several."""

    field: str
    message: Message
    about: str = ""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Facts outside the form: the hypervisor's other networks and routes, and what the XML has beyond the form."""

    taken: tuple[blocks.TakenBlock, ...] = ()
    free: str = ""  # an IPv4 block that nobody uses
    bridges: dict[str, str] = field(
        default_factory=dict
    )  # of other networks, each with the network's name, "" if it is hidden
    records: bool = False  # TXT or SRV, which need DNS
    switch: bool = False  # Open vSwitch, for the whole network
    switch_groups: frozenset[str] = frozenset()  # the port groups that are of Open vSwitch
    movable: bool = False  # entries that are in no block can be moved along to keep their places


def described(problems: list[Problem]) -> Iterator[tuple[str, str]]:
    """Yield fields and sentences, one for all problems of the same kind."""
    kinds: dict[tuple[str, Message], list[str]] = {}
    for problem in problems:
        about = kinds.setdefault((problem.field, problem.message), [])
        if problem.about not in about:
            about.append(problem.about)
    for (name, message), about in kinds.items():
        named = {"about": some(about, MAX_NAMED)} if any(about) else {}
        yield name, str(Message(message.code, **message.params, **named))


def _problem(field: str, code: str, about: object = "", **params: object) -> Problem:
    return Problem(field=field, message=Message(f"form.{code}", **params), about=str(about))


def interfaces(data: dict) -> list[tuple[str, Interface]]:
    """Return every block that could be read, each with its field."""
    single = [(name, data[name]) for name in FAMILIES if data.get(name)]
    return single + [("blocks", block) for block in data.get("blocks") or ()]


def has_dns(data: dict) -> bool:
    """Return whether the network has DNS; by default as Virter: only with a domain or a forward mode."""
    virter = bool(data.get("domain") or data.get("forward_mode"))
    return {"yes": True, "no": False}.get(data.get("dns") or "", virter)


def block_of(address: str, found: list[tuple[str, Interface]]) -> Interface | None:
    return next((block for _, block in found if ip_address(address) in block.network), None)


def problems(data: dict, around: Surroundings, *, typed_blocks: bool, blocks_read: bool) -> Iterator[Problem]:
    """Yield all problems; `typed_blocks`: some block was typed, `blocks_read`: all of them could be read."""
    yield from _mode(data, typed_blocks)
    yield from _bridge(data, around)
    yield from _devices(data)
    yield from _blocks(data, around)
    yield from _dhcp(data, typed_blocks)
    if blocks_read:
        yield from _strays(data, around)
    yield from _ranges(data)
    yield from _hosts(data)
    yield from _routes(data)
    yield from _dns(data, around)
    yield from _boot(data)
    yield from _port_groups(data, around)
    yield from _bandwidth(data)


def _mode(data: dict, typed_blocks: bool) -> Iterator[Problem]:
    mode = data.get("forward_mode")
    if mode == "bridge":
        for name in ("ipv4", "ipv6", "blocks", "domain", "mtu", "routes"):
            if data.get(name):
                yield _problem(name, "host_bridge")
        if data.get("stp") is False:
            yield _problem("stp", "host_stp")
    elif mode in ("nat", "route", "open") and not typed_blocks:
        yield _problem("ipv4", "mode_block", mode=mode)
    if mode != "nat":
        for name in ("nat_ports", "nat_addresses", "nat_ipv6"):
            if data.get(name):
                yield _problem(name, "nat_only")
    if (data.get("mtu") or 1280) < 1280 and data.get("ipv6"):
        yield _problem("mtu", "ipv6_mtu")


def _bridge(data: dict, around: Surroundings) -> Iterator[Problem]:
    mode, bridge, devices = data.get("forward_mode"), data.get("bridge"), data.get("forward_devices")
    if mode != "bridge":
        if network := around.bridges.get(bridge):
            yield _problem("bridge", "bridge_taken", bridge=bridge, network=network)
        elif bridge in around.bridges:
            yield _problem("bridge", "bridge_in_use", bridge=bridge)
    elif "bridge" in data and not bridge and not devices:
        yield _problem("bridge", "no_bridge")
    elif bridge and devices:
        yield _problem("bridge", "bridge_and_devices")


def _devices(data: dict) -> Iterator[Problem]:
    mode = data.get("forward_mode")
    most = {"nat": 1, "route": 1, "open": 0, "": 0}.get(mode)
    if most is not None and len(data.get("forward_devices") or ()) > most:
        yield _problem("forward_devices", "one_device" if most else "no_device")


def _blocks(data: dict, around: Surroundings) -> Iterator[Problem]:
    seen: list[Interface] = []
    for name, interface in interfaces(data):
        block = interface.network
        for other in seen:
            if other.version == block.version and other.network.overlaps(block):
                yield _problem(name, "own_overlap", block=block, other=other.network)
        if taken := blocks.find_overlap(block, around.taken):
            free = around.free if block.version == 4 else ""
            if taken.holder:
                yield _problem(name, "overlap", block=block, other=taken.message, free=free)
            else:
                yield _problem(name, "block_taken", block=block, free=free)
        seen.append(interface)


def _dhcp(data: dict, typed_blocks: bool) -> Iterator[Problem]:
    found, ranges, hosts = interfaces(data), data.get("ranges") or (), data.get("hosts") or ()
    if data.get("dhcp") and not typed_blocks:
        yield _problem("dhcp", "dhcp_block")
    explicit = {block_of(each.start, found) for each in ranges}
    for name, interface in found:
        if data.get("dhcp") and interface not in explicit:
            try:
                rules.dhcp_range(interface)
            except ValidationError:
                large = interface.version == 6 and interface.network.prefixlen < 64
                yield _problem(name, "dhcp_ipv6" if large else "dhcp_no_address", block=interface)
        elif interface.version == 6 and interface.network.prefixlen < 64 and interface in explicit:
            yield _problem(name, "dhcp_ipv6", block=interface)
    served = {block_of(host.ip, found) for host in hosts} | explicit
    served |= {interface for _, interface in found if data.get("dhcp")}
    name = "dhcp" if data.get("dhcp") else "ranges" if ranges else "hosts"
    for version in FAMILIES.values():
        several = [str(block.network) for _, block in found if block.version == version and block in served]
        for block in several[1:]:
            yield _problem(name, "dhcp_blocks", block, version=version)


def _strays(data: dict, around: Surroundings) -> Iterator[Problem]:
    found = interfaces(data)
    for each in data.get("ranges") or ():
        start, end = block_of(each.start, found), block_of(each.end, found)
        if start is None or start != end:
            yield _problem("ranges", "stray", each)
    for host in data.get("hosts") or ():
        if block_of(host.ip, found) is None:
            yield _problem("hosts", "stray_movable" if around.movable else "stray", host)


def _ranges(data: dict) -> Iterator[Problem]:
    ranges: tuple[RangeSpec, ...] = data.get("ranges") or ()
    spans = [(ip_address(each.start), ip_address(each.end)) for each in ranges]
    for version in FAMILIES.values():
        of_family = sorted(span for span in spans if span[0].version == version)
        if any(first[1] >= second[0] for first, second in pairwise(of_family)):
            yield _problem("ranges", "ranges_overlap")
    for each, (first, last) in zip(ranges, spans, strict=True):
        if int(last) - int(first) > LONGEST_RANGE:
            yield _problem("ranges", "long_range", each, most=LONGEST_RANGE)
        for _, block in interfaces(data):
            if first.version != block.version:
                continue
            if first <= block.ip <= last:
                yield _problem("ranges", "host_in_range", each, ip=block.ip)
            ends = (block.network[0], *([block.network[-1]] if block.version == 4 else []))
            if first in ends or last in ends:
                yield _problem("ranges", "range_end", each, block=block.network)


def _hosts(data: dict) -> Iterator[Problem]:
    hosts: tuple[HostSpec, ...] = data.get("hosts") or ()
    for what in ("mac", "duid", "ip"):
        seen: dict[tuple, HostSpec] = {}
        for host in hosts:
            key = (getattr(host, what), ":" in host.ip)
            other = seen.setdefault(key, host) if key[0] else host
            if other is not host:
                yield _problem("hosts", "two_entries", f"{other}, and {host}", what=key[0])
    for _, interface in interfaces(data):
        ends = {str(interface.network[0]), str(interface.network[-1])} if interface.version == 4 else set()
        for host in hosts:
            if host.ip == str(interface.ip):
                yield _problem("hosts", "entry_of_host", host)
            elif host.ip in ends:
                yield _problem("hosts", "entry_at_end", host)


def _routes(data: dict) -> Iterator[Problem]:
    found = interfaces(data)
    for route in data.get("routes") or ():
        if found and block_of(route.gateway, found) is None:
            yield _problem("routes", "gateway", route)


def _dns(data: dict, around: Surroundings) -> Iterator[Problem]:
    if has_dns(data):
        return
    for name in ("dns_hosts", "forwarders"):
        if data.get(name):
            yield _problem(name, "dns_only")
    if around.records:
        yield _problem("dns", "records")


def _boot(data: dict) -> Iterator[Problem]:
    if data.get("boot_file") and not (data.get("dhcp") or data.get("ranges") or data.get("hosts")):
        yield _problem("boot_file", "boot_dhcp")
    if data.get("boot_server") and not data.get("boot_file"):
        yield _problem("boot_file", "boot_file")
    if (data.get("boot_file") or data.get("tftp_root")) and not any(
        block.version == 4 for _, block in interfaces(data)
    ):
        name = "boot_file" if data.get("boot_file") else "tftp_root"
        yield _problem(name, "boot_block")


def _port_groups(data: dict, around: Surroundings) -> Iterator[Problem]:
    groups: tuple[PortGroupSpec, ...] = data.get("port_groups") or ()
    names = [group.name for group in groups]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield _problem("port_groups", "same_groups", name)
    defaults = [group.name for group in groups if group.default]
    if len(defaults) > 1:
        yield _problem("port_groups", "default_groups", names=" and ".join(defaults))
    if data.get("forward_mode") in ("passthrough", "hostdev") or around.switch:
        return
    for group in groups:
        if group.tags and group.name not in around.switch_groups:
            yield _problem("port_groups", "vlan", group.name)


def _bandwidth(data: dict) -> Iterator[Problem]:
    for name in ("inbound", "outbound"):
        limit = data.get(name)
        if limit and data.get("forward_mode") not in ("", "nat", "route", "open") and data.get("forward_devices"):
            yield _problem(name, "device_bandwidth")
        if limit and limit.floor:
            yield _problem(name, "floor")
    for group in data.get("port_groups") or ():
        if any(limit and limit.floor for limit in (group.inbound, group.outbound)):
            yield _problem("port_groups", "group_floor", group.name)
