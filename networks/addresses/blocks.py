"""Blocks of addresses in use on a hypervisor, their conflicts with another block, and the next free one."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_interface, ip_network

from networks.definition.document.parse import parse
from networks.definition.form_wording import FREE
from networks.models import Network
from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import Message

NOT_READ = ("status__document", "status__stored")
SPACES = ("10.255.0.0/16", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")  # where blocks are proposed


class Use(Enum):
    """What uses a block: a network that runs or is to run, another network, or the host by a route."""

    NETWORK = "network"
    INACTIVE = "inactive network"
    ROUTE = "route"


@dataclass(frozen=True, kw_only=True)
class TakenBlock:
    """A block in use. `holder` is the network's name, or the device of the host that a route leaves by."""

    block: IPv4Network | IPv6Network
    use: Use
    holder: str

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


def taken_blocks(hypervisor: Hypervisor, but: Network | None = None) -> list[TakenBlock]:
    """Return every block in use on a hypervisor: those of networks, and the routes of the host."""
    networks = list(Network.objects.on(hypervisor).filter(removed_at=None).select_related("status").defer(*NOT_READ))
    bridges = {network.status.bridge for network in networks}
    taken = []
    for network in networks:
        if but and network.pk == but.pk:
            continue
        waits = network.managed and not network.done
        wanted = parse(network.document).ip_range if waits else ""
        runs = network.status.active or (network.managed and network.active)
        cidrs = dict.fromkeys(filter(None, [*network.status.ip_range.split(","), *wanted.split(",")]))
        use = Use.NETWORK if runs else Use.INACTIVE
        taken += [TakenBlock(block=ip_network(cidr, strict=False), use=use, holder=str(network)) for cidr in cidrs]
    for block, device in hypervisor.status.routes:
        if device not in bridges:
            taken.append(TakenBlock(block=ip_network(block), use=Use.ROUTE, holder=device))
    return taken


def find_overlap(block: IPv4Network | IPv6Network, taken: Iterable[TakenBlock]) -> TakenBlock | None:
    """Return the first block that prevents a network from having this one."""
    return next((other for other in taken if other.forbids(block)), None)


def find_warnings(block: IPv4Network | IPv6Network, taken: Iterable[TakenBlock]) -> list[TakenBlock]:
    """Return the blocks that overlap this one but do not prevent a network from having it."""
    return [other for other in taken if other.overlaps(block) and not other.forbids(block)]


def warning(block: IPv4Network | IPv6Network, other: TakenBlock, free: str) -> str:
    """Return the text about the overlap with another block; `free` is a block to propose, if there is one."""
    if other.use is Use.ROUTE:
        what = "The host then sends traffic for addresses in both blocks to the guests."
    else:
        what = "The two cannot run at the same time."
    return f"{block} overlaps {other}. {what}{proposal(free)}"


def proposal(free: str) -> str:
    return FREE.format(free=free) if free else ""


def next_free_block(hypervisor: Hypervisor) -> str:
    """Return the first /24 of SPACES that no network and no route of the host uses.

    Routes that cover all of SPACES, such as a VPN's default route, are ignored.
    """
    taken = [each for each in taken_blocks(hypervisor) if each.block.version == 4]
    narrow = [each for each in taken if each.use is not Use.ROUTE or each.block.prefixlen > 8]
    return _first_free(taken) or _first_free(narrow)


def _first_free(taken: list[TakenBlock]) -> str:
    for space in map(ip_network, SPACES):
        near = [each.block for each in taken if each.block.overlaps(space)]
        if any(space.subnet_of(block) for block in near):
            continue
        for block in space.subnets(new_prefix=24):
            if not any(block.overlaps(other) for other in near):
                return str(ip_interface(f"{block[1]}/24"))
    return ""
