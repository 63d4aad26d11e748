"""A network's definition as commands of Virter. Pure."""

import shlex
from collections.abc import Iterator
from dataclasses import replace

from networks.copies.common import comment, left_out
from networks.definition import addressing
from networks.definition.document.edit import build
from networks.definition.document.parse import parse
from networks.definition.spec import HostSpec, NetworkSpec, RangeSpec, SubnetSpec


def virter(document: str) -> str:
    """Return `virter network add NAME …`, after a comment on the fields that Virter has no flag for."""
    made = _made_by_virter(parse(document))
    note = comment("Virter has no flag for", left_out(document, build(made)))
    return note + shlex.join(["virter", "network", "add", *_virter_words(made)])


def _made_by_virter(spec: NetworkSpec) -> NetworkSpec:
    """Return the network nearest to the definition among those that Virter's flags can ask for."""
    blocks = [block for family in (4, 6) if (block := _first_block(spec, family))]
    dhcp = bool(blocks) and all(block.ranges == _virter_range(block) != () for block in blocks)
    return NetworkSpec(
        name=spec.name,
        forward_mode=spec.forward_mode,
        nat_ipv6=spec.forward_mode == "nat" and any(block.family == 6 for block in blocks),
        domain=spec.domain,
        local_only=bool(spec.domain),
        dns=bool(spec.domain or spec.forward_mode),
        subnets=tuple(_virter_block(block, dhcp) for block in blocks),
    )


def _first_block(spec: NetworkSpec, family: int) -> SubnetSpec | None:
    return next((block for block in spec.subnets if block.family == family), None)


def _virter_block(block: SubnetSpec, dhcp: bool) -> SubnetSpec:
    plain = SubnetSpec(address=block.address, prefix=block.prefix)
    return replace(plain, ranges=block.ranges, hosts=tuple(_generated_hosts(block))) if dhcp else plain


def _virter_range(block: SubnetSpec) -> tuple[RangeSpec, ...]:
    try:
        start, end = addressing.dhcp_range(block.interface)
    except ValueError:
        return ()
    return (RangeSpec(start=str(start), end=str(end)),)


def _generated_hosts(block: SubnetSpec) -> Iterator[HostSpec]:
    """Yield the reservations that Virter generates: from the first address of the range on, MAC after MAC."""
    if block.family == 6:
        return
    plain = {host.ip: host for host in block.hosts if _is_plain(host)}
    ip, last = block.interface.ip + 1, block.interface.network.broadcast_address - 1
    host = plain.get(str(ip))
    while host and ip <= last:
        yield host
        ip, mac = ip + 1, addressing.mac_plus(host.mac, 1)
        host = plain.get(str(ip))
        if host and host.mac != mac:
            return


def _is_plain(host: HostSpec) -> bool:
    """Return whether a reservation has only MAC and address."""
    try:
        return host == HostSpec(mac=addressing.parse_mac(host.mac), ip=host.ip)
    except ValueError:
        return False


def _virter_words(made: NetworkSpec) -> Iterator[str]:
    odd = made.name.startswith("-")
    if not odd:
        yield made.name
    yield from _flag("--forward-mode", made.forward_mode)
    for flag, family in (("--network-cidr", 4), ("--network-v6-cidr", 6)):
        if block := _first_block(made, family):
            yield from _flag(flag, block.cidr)
    if made.dhcp:
        yield "--dhcp"
    if made.hosts:
        mac = made.hosts[0].mac
        number = addressing.id_of_mac(mac)
        yield from _flag("--dhcp-id", str(number)) if number else _flag("--dhcp-mac", mac)
        yield from _flag("--dhcp-count", str(len(made.hosts)))
    yield from _flag("--domain", made.domain)
    if odd:
        yield from ("--", made.name)


def _flag(name: str, value: str) -> list[str]:
    if value.startswith("-"):
        return [f"{name}={value}"]
    return [name, value] if value else []
