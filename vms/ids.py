"""Virter's IDs: which are taken on a hypervisor, which is free next, what an ID decides. Reads the database only."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Interface, ip_address

from networks.addressing import id_of_mac, ip_of_id, mac_of_id
from networks.models import DHCPHost, Network
from networks.network_xml import NetworkSpec
from virterweb.hypervisors.models import Hypervisor

from .models import NIC, VM, NICStatus


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


def access_block(hypervisor: Hypervisor) -> IPv4Interface | None:
    """The access network's IPv4 block with the host's own address, if it is known and has one."""
    access = access_spec(hypervisor)
    return access[1].block() if access else None


def address(hypervisor: Hypervisor, number: int) -> Address:
    """MAC and IP of an ID; ValueError if the access network's block has no such address."""
    return _address_in(access_block(hypervisor), number)


def _address_in(block: IPv4Interface | None, number: int) -> Address:
    ip = ip_of_id(block, number) if block else ""
    if block and ip == block.ip:
        raise ValueError(f"ID {number} is the host’s own address {ip}.")
    return Address(mac=mac_of_id(number), ip=str(ip))


def problems(hypervisor: Hypervisor, numbers: Sequence[int]) -> list[str]:
    """Why IDs cannot be given to new VMs, a sentence each; in as many queries however many IDs."""
    block, taken, reserved = access_block(hypervisor), taken_macs(hypervisor), reserved_macs(hypervisor)
    wished = VM.objects.on(hypervisor).filter(number__range=(numbers[0], numbers[-1]), managed=True)
    others = dict(wished.values_list("number", "name"))
    found = []
    for number in numbers:
        try:
            mac = _address_in(block, number).mac
        except ValueError as problem:
            found.append(str(problem))
            continue
        if holder := taken.get(mac):
            found.append(f"ID {number} is taken: {holder} has the MAC {mac}.")
        elif number in others:
            found.append(f"ID {number} is taken by {others[number]}.")
        elif hypervisor.static_dhcp and mac not in reserved:
            found.append(f"This hypervisor uses static DHCP, and {mac} has no host entry.")
        elif not hypervisor.static_dhcp and mac in reserved:
            entry = f"{mac} {reserved[mac]}"
            found.append(f"ID {number} is taken: {hypervisor.access_network} has a host entry {entry}.")
    return found


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
