"""Blocks of addresses in use on a hypervisor, their conflicts with another block, and the next free one."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network, ip_interface, ip_network

from django.db.models import Case, F, QuerySet, TextField, Value, When

from networks.addresses.gaps import first_free
from networks.definition.document.parse import parse
from networks.definition.form_wording import FREE
from networks.models import Network
from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import Message
from virterweb.people import rights
from virterweb.people.hidden.names import name_for

COLUMNS = ("hypervisor", "name", "managed", "removed_at", "active", "owner", "team")
COLUMNS += ("status__desired", "status__active", "status__bridge", "status__ip_range")
SPACES = ("10.255.0.0/16", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")  # where blocks are proposed


class Use(Enum):
    """What uses a block: a network that runs or is to run, another network, or the host by a route."""

    NETWORK = "network"
    INACTIVE = "inactive network"
    ROUTE = "route"


@dataclass(frozen=True, kw_only=True)
class TakenBlock:
    """A block in use. `holder` is the network's name, or the device of the host that a route leaves by.

    It is empty for a network that the user may not see.
    """

    block: IPv4Network | IPv6Network
    use: Use
    holder: str
    network: int | None = None  # its id; None for a route
    interface: IPv4Interface | IPv6Interface | None = field(default=None, compare=False)  # the host's; None for a route

    def forbids(self, block: IPv4Network | IPv6Network) -> bool:
        """Return whether a network with that block could not start, or its guests be confused with those of another.

        libvirt refuses a block that the host routes just so; wider and narrower routes only take precedence or give it.
        """
        if self.use is Use.NETWORK:
            return self.overlaps(block)
        return self.use is Use.ROUTE and self.block == block

    def wider(self, block: IPv4Network | IPv6Network) -> bool:
        """Return whether it is a route to this block and more."""
        return self.use is Use.ROUTE and self.block.version == block.version and self.block.prefixlen < block.prefixlen

    def overlaps(self, block: IPv4Network | IPv6Network) -> bool:
        return self.block.version == block.version and self.block.overlaps(block)

    @property
    def message(self) -> Message:
        return Message(f"block.{self.use.value}", block=self.block, holder=self.holder)

    def __str__(self) -> str:
        return str(self.message)


def taken_blocks(hypervisor: Hypervisor, user: rights.Actor = None) -> list[TakenBlock]:
    """Return every block in use on a hypervisor: those of networks, and the routes of the host.

    Networks that the user may not see are not named.
    """
    networks = Network.objects.on(hypervisor).select_related("status").only(*COLUMNS)
    return blocks_taken(hypervisor, with_waiting_document(networks), user)


def of_others(taken: Iterable[TakenBlock], network: Network | None) -> list[TakenBlock]:
    """Return the blocks that are not those of this network."""
    return [each for each in taken if network is None or each.network != network.pk]


def with_waiting_document(networks: QuerySet[Network]) -> QuerySet[Network]:
    """Add the document of those that are not carried out, for the blocks that they will have; "" of the others."""
    waits = When(managed=True, generation__gt=F("status__generation"), then=F("document"))
    return networks.annotate(waiting_document=Case(waits, default=Value(""), output_field=TextField()))


def taken_blocks_of(networks: Iterable[Network], user: rights.Actor = None) -> dict[int, list[TakenBlock]]:
    """Return the same by hypervisor, given all their networks, as `with_waiting_document` returns them."""
    by_hypervisor: dict[int, list[Network]] = defaultdict(list)
    for network in networks:
        by_hypervisor[network.hypervisor_id].append(network)
    return {key: blocks_taken(its[0].hypervisor, its, user) for key, its in by_hypervisor.items()}


def blocks_taken(hypervisor: Hypervisor, networks: Iterable[Network], user: rights.Actor) -> list[TakenBlock]:
    """Return the same of one hypervisor, given all its networks, as `with_waiting_document` returns them."""
    networks = [network for network in networks if network.removed_at is None]
    bridges = {network.status.bridge for network in networks}
    taken = []
    for network in networks:
        wanted = parse(network.waiting_document).ip_range if network.waiting_document else ""
        runs = network.status.active or (network.managed and network.active)
        holder = {
            "use": Use.NETWORK if runs else Use.INACTIVE,
            "holder": name_for(user, network),
            "network": network.pk,
        }
        cidrs = dict.fromkeys(filter(None, [*network.status.ip_range.split(","), *wanted.split(",")]))
        taken += [TakenBlock(block=one.network, interface=one, **holder) for one in map(ip_interface, cidrs)]
    for block, device in hypervisor.status.routes:
        if device not in bridges:
            taken.append(TakenBlock(block=ip_network(block), use=Use.ROUTE, holder=device))
    return taken


class Overlaps:
    """Finds which of many blocks overlap another one, without a comparison of each pair.

    Two blocks overlap if one contains the other: those that contain a block are found by its prefixes.
    """

    def __init__(self, taken: Iterable[TakenBlock]) -> None:
        self._taken = list(taken)
        self._at: dict[tuple[int, int, int], list[int]] = defaultdict(list)
        for index, each in enumerate(self._taken):
            self._at[_place(each.block, each.block.prefixlen)].append(index)
        self._lengths = sorted({(version, length) for version, length, _ in self._at})
        self._within: dict[tuple[int, int, int], list[int]] = defaultdict(list)
        for index, each in enumerate(self._taken):
            for place in self._prefixes(each.block):
                self._within[place].append(index)

    def _prefixes(self, block: IPv4Network | IPv6Network) -> list[tuple[int, int, int]]:
        """Return where the known blocks are that contain a block, itself included."""
        lengths = (length for version, length in self._lengths if version == block.version)
        places = (_place(block, length) for length in lengths if length <= block.prefixlen)
        return [place for place in places if place in self._at]

    def of(self, block: IPv4Network | IPv6Network) -> list[TakenBlock]:
        """Return the blocks that overlap one of them, itself included, in the order given."""
        around = (index for place in self._prefixes(block) for index in self._at[place])
        found = {*around, *self._within.get(_place(block, block.prefixlen), ())}
        return [self._taken[index] for index in sorted(found)]

    def problem(self, block: IPv4Network | IPv6Network, network: Network) -> TakenBlock | None:
        """Return the first block of another network, or route of the host, that is a problem for one of a network.

        A wider route, for example of a VPN, is none: the network's own route is more specific. A network that was
        recreated outside has two rows of one name, which are no problem either.
        """
        for other in self.of(block):
            mine = other.use is not Use.ROUTE and (other.network == network.pk or other.holder == network.name)
            if not mine and not other.wider(block):
                return other
        return None


def _place(block: IPv4Network | IPv6Network, length: int) -> tuple[int, int, int]:
    """Return the version, length and bits of the prefix of a block."""
    return block.version, length, int(block.network_address) >> (block.max_prefixlen - length)


def find_overlap(block: IPv4Network | IPv6Network, taken: Iterable[TakenBlock]) -> TakenBlock | None:
    """Return the first block that prevents a network from having this one."""
    return next((other for other in taken if other.forbids(block)), None)


def find_warnings(block: IPv4Network | IPv6Network, taken: Iterable[TakenBlock]) -> list[TakenBlock]:
    """Return the blocks that overlap this one but do not prevent a network from having it."""
    return [other for other in taken if other.overlaps(block) and not other.forbids(block)]


def warning(block: IPv4Network | IPv6Network, other: TakenBlock, free: str) -> str:
    """Return the text about the overlap with another block; `free` is a block to propose, if there is one."""
    if not other.holder:
        return (
            f"{block} is taken by a network that you may not see. The two cannot run at the same time.{proposal(free)}"
        )
    if other.use is Use.ROUTE:
        what = "The host then sends traffic for addresses in both blocks to the guests."
    else:
        what = "The two cannot run at the same time."
    return f"{block} overlaps {other}. {what}{proposal(free)}"


def proposal(free: str) -> str:
    return FREE.format(free=free) if free else ""


def next_free_block(taken: Iterable[TakenBlock], prefix: int = 24) -> str:
    """Return the first IPv4 block of that size in SPACES that no network and no route of the host uses.

    It is written as the address of the host in it; "" if there is none. Routes that cover all of SPACES, such as a
    VPN's default route, are ignored.
    """
    taken = [each for each in taken if each.block.version == 4]
    return _first_free(taken, prefix) or _first_free(without_wide_routes(taken), prefix)


def without_wide_routes(taken: Iterable[TakenBlock]) -> list[TakenBlock]:
    """Return the blocks without routes that cover a whole space, such as a VPN's default route."""
    return [each for each in taken if each.use is not Use.ROUTE or each.block.prefixlen > 8]


def _first_free(taken: list[TakenBlock], prefix: int) -> str:
    used = [each.block for each in taken]
    for space in map(ip_network, SPACES):
        if block := first_free(space, used, prefix):
            return f"{block[1]}/{prefix}"
    return ""
