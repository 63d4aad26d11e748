"""Which blocks of addresses are in use on a hypervisor, and the next that is free."""

from ipaddress import ip_interface, ip_network

from virterweb.hypervisors.models import Hypervisor

from .models import Network
from .network_xml import parse

NOT_READ = ("status__document", "status__stored")


def taken_blocks(hypervisor: Hypervisor, but: Network | None = None) -> list[tuple[object, str]]:
    """Every block in use on a hypervisor, with its holder in words: networks, and the routes of the host."""
    networks = list(Network.objects.on(hypervisor).filter(removed_at=None).select_related("status").defer(*NOT_READ))
    bridges = {network.status.bridge for network in networks}
    taken = []
    for network in networks:
        if but and network.pk == but.pk:
            continue
        wanted = parse(network.document).ip_range if network.managed and not network.done else ""
        cidrs = [*network.status.ip_range.split(","), *wanted.split(",")]
        taken += [(ip_network(cidr, strict=False), f"the network {network}") for cidr in filter(None, cidrs)]
    for block, device in hypervisor.status.routes:
        if device not in bridges:
            taken.append((ip_network(block), f"the host, which routes it through {device}"))
    return taken


def next_free_block(hypervisor: Hypervisor) -> str:
    """The first /24 of 10.255.0.0/16, then of 10.0.0.0/8, that no network and no route of the host uses."""
    taken = [block for block, _ in taken_blocks(hypervisor) if block.version == 4]
    for space in ("10.255.0.0/16", "10.0.0.0/8"):
        for block in ip_network(space).subnets(new_prefix=24):
            if not any(block.overlaps(other) for other in taken):
                return str(ip_interface(f"{block[1]}/24"))
    return ""
