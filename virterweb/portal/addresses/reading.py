"""Reads the blocks of all networks that a user may see, for the address plan, in a constant number of queries."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from itertools import chain

from networks.addresses.address_map import filled
from networks.addresses.blocks import Overlaps, TakenBlock, Use, blocks_taken
from networks.addresses.grid import number
from networks.addresses.usage import used_addresses
from networks.models import Network
from virterweb.pages.tables import natural
from virterweb.people import rights
from virterweb.people.hidden.names import sees_all_names
from virterweb.people.verbs import Verb
from virterweb.portal.checks import networks_around, overlap

from .plan import Used, on_other_hypervisors


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The blocks in use that a user may see, and all that are taken, by hypervisor, as forms for networks know them."""

    rows: list[Used]
    taken: list[TakenBlock]
    hypervisors: list[str]


def read(user: rights.Actor, hypervisor: str = "") -> Reading:
    """Return the blocks of the hypervisors of a user, or of the one of that name."""
    visible = list(rights.visible_hypervisors(user).select_related("status").order_by(natural("name")))
    chosen = [one for one in visible if hypervisor in ("", one.name)]
    networks: dict[int, list[Network]] = defaultdict(list)
    for network in networks_around([one.pk for one in chosen]):
        networks[network.hypervisor_id].append(network)
    mine = {its.pk: its for its in chain(*networks.values()) if rights.may(user, Verb.LIST, its)}
    used = used_addresses(mine)
    rows, taken = [], []
    for one in chosen:
        its = blocks_taken(one, networks[one.pk], user)
        rows += _rows(its, mine, used, sees_all_names(user, one.pk) and one.name)
        taken += its
    return Reading(rows=_with_others(rows), taken=taken, hypervisors=[one.name for one in visible])


def _rows(
    taken: list[TakenBlock], mine: Mapping[int, Network], used: Mapping[int, set[str]], routed: str | bool
) -> Iterator[Used]:
    """Yield a row for each block of a hypervisor; routes of the host only to those who may see all, with its name."""
    overlaps, done = Overlaps(taken), set()
    for each in taken:
        if each.use is Use.ROUTE and routed:
            yield Used(block=each.block, hypervisor=str(routed), device=each.holder)
        network = mine.get(each.network) if each.network else None
        if network is None or (network.name, each.block) in done:  # a network that was recreated outside has two rows
            continue
        done.add((network.name, each.block))
        other = overlaps.problem(each.block, network)
        found = overlap(network, each.block, other) if other else None
        yield Used(
            block=each.block,
            hypervisor=network.hypervisor.name,
            network=network,
            ranges=tuple(_ranges(network, each)),
            waits=str(each.interface) not in network.status.ip_range.split(","),
            overlap=found.text if found else "",
            **_filled(each, used[network.pk]),
        )


def _filled(taken: TakenBlock, addresses: Iterable[str]) -> dict[str, int | None]:
    """Return how many addresses of a block are used, and for IPv4 how many can be."""
    if taken.interface.version == 4:
        used, usable = filled(taken.interface, [number(ip) for ip in addresses if ":" not in ip])
        return {"used": used, "usable": usable}
    numbers = {ip_address(ip) for ip in addresses if ":" in ip} - {taken.interface.ip}
    return {"used": sum(ip in taken.block for ip in numbers), "usable": None}


def _ranges(network: Network, taken: TakenBlock) -> Iterator[str]:
    """Yield the DHCP ranges in a block, as libvirt has them."""
    for pair in filter(None, network.status.dhcp.split(",")):
        if ip_address(pair.partition("-")[0]) in taken.block:
            yield pair.replace("-", " – ")


def _with_others(rows: list[Used]) -> list[Used]:
    """Add the networks of other hypervisors with the same addresses; only those that the user may see are rows."""
    others = on_other_hypervisors((row.block, row.hypervisor, row.name) for row in rows if row.network)
    return [replace(row, elsewhere=others.get((row.block, row.hypervisor), ())) if row.network else row for row in rows]
