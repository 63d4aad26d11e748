"""Virter's IDs: which are taken on a hypervisor, which is free next, what an ID decides. Reads the database only."""

from dataclasses import dataclass
from ipaddress import ip_address

from networks.addressing import id_of_mac, ip_of_id, mac_of_id
from networks.models import DHCPHost, Network
from networks.network_xml import NetworkSpec
from virterweb.hypervisors.models import Hypervisor

from .models import NIC, NICStatus


@dataclass(frozen=True, kw_only=True)
class Address:
    """What an ID decides on the access network; `ip` is empty where that has no IPv4 block."""

    mac: str
    ip: str


def access_spec(hypervisor: Hypervisor) -> tuple[Network, NetworkSpec] | None:
    """The access network with its definition, or None if it is not known yet."""
    found = Network.objects.on(hypervisor.pk).filter(name=hypervisor.access_network).order_by("-managed")
    network = found.select_related("status").first()
    return network and (network, network.definition)


def address(hypervisor: Hypervisor, number: int) -> Address:
    """MAC and IP of an ID; ValueError if the access network's block has no such address."""
    access = access_spec(hypervisor)
    block = access[1].block() if access else None
    ip = ip_of_id(block, number) if block else ""
    if block and ip == block.ip:
        raise ValueError(f"ID {number} is the host’s own address {ip}.")
    return Address(mac=mac_of_id(number), ip=str(ip))


def taken_macs(hypervisor: Hypervisor) -> dict[str, str]:
    """MACs of NICs, seen or wished, on a hypervisor, each with its VM's name."""
    wished = NIC.objects.filter(vm__hypervisor=hypervisor).values_list("mac", "vm__name")
    seen = NICStatus.objects.filter(vm__wish__hypervisor=hypervisor).values_list("mac", "vm__wish__name")
    return {mac.lower(): name for mac, name in [*wished, *seen]}


def reserved_macs(hypervisor: Hypervisor) -> dict[str, str]:
    """MACs with a host entry on the access network, found or wished, each with its IP."""
    access = access_spec(hypervisor)
    if not access:
        return {}
    network, spec = access
    wished = DHCPHost.objects.filter(network=network).values_list("mac", "ip")
    return {mac.lower(): ip for mac, ip in [*wished, *((host.mac, host.ip) for host in spec.hosts)]}


def next_free_id(hypervisor: Hypervisor) -> int | None:
    """The lowest ID from 2 on that no domain's MAC, no host entry and no lease uses; None if the block is full."""
    access = access_spec(hypervisor)
    if not access:
        return None
    network, spec = access
    block = spec.block()
    leases = dict(network.leases.current().values_list("mac", "ip"))
    reserved = reserved_macs(hypervisor)
    used = {id_of_mac(mac) for mac in [*taken_macs(hypervisor), *reserved, *leases]}
    if block is None:
        return next(number for number in range(2, 2**24) if number not in used)
    start = int(block.network.network_address)
    addresses = [ip_address(ip) for ip in [*reserved.values(), *leases.values()] if ip]
    used |= {int(ip) - start for ip in addresses if ip.version == 4 and ip in block.network}
    used.add(int(block.ip) - start)
    return next((number for number in range(2, block.network.num_addresses - 1) if number not in used), None)
