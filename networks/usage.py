"""Who uses which address of a network, and which is free next: what the address map and the forms ask. Reads only."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, ip_address, ip_interface

from django.db.models import F

from .address_map import AddressMap, Taken, draw, next_free, number
from .models import Network


def blocks(network: Network) -> list[IPv4Interface]:
    """The host's own IPv4 addresses with their blocks; of what libvirt has, else of the wish."""
    found = map(ip_interface, filter(None, network.facts.ip_range.split(",")))
    return [interface for interface in found if interface.version == 4]


def ranges(network: Network) -> list[tuple[int, int]]:
    """First and last address of what DHCP hands out, as numbers."""
    pairs = (each.split("-") for each in network.facts.dhcp.split(",") if each and ":" not in each)
    return [(int(ip_address(first)), int(ip_address(last))) for first, last in pairs]


def taken(network: Network) -> Taken:
    """Everything that is known to use an IPv4 address of the network, in words for a person."""
    names = network.vm_names()
    return Taken(
        leased={number(ip): _who(names, mac, name) for ip, mac, name in _leased(network) if ":" not in ip},
        seen={number(ip): _who(names, mac) for ip, mac in _told(network) if ":" not in ip},
        reserved={number(ip): _who(names, mac, name) for ip, mac, name in _reserved(network) if ":" not in ip},
    )


def other_user(network: Network, ip: str, mac: str) -> str:
    """Who but this MAC has an address, as the end of a sentence; "" if nobody. A guest that is gone has no lease."""
    names = network.vm_names()
    known = [("reserved for", *row) for row in _reserved(network)]
    known += [("used by", ip, mac, "") for ip, mac in _told(network)]
    known += [("leased to", *row) for row in _leased(network) if row[1] in names]
    others = (f"{how} {_who(names, whose, name)}" for how, its, whose, name in known if its == ip and whose != mac)
    return next(others, "")


def _who(names: dict[str, str], mac: str, name: str = "") -> str:
    known = names.get(mac) or name
    return f"{known} ({mac})" if known and mac else known or mac


def _leased(network: Network) -> Iterator[tuple[str, str, str]]:
    yield from network.leases.current().values_list("ip", "mac", "hostname")


def _reserved(network: Network) -> Iterator[tuple[str, str, str]]:
    columns = ("ip", "mac", "name")
    yield from network.found_hosts.values_list(*columns)
    yield from network.hosts.filter(removed_at=None).values_list(*columns)  # under way, failed or undone by others


def _told(network: Network) -> Iterator[tuple[str, str]]:
    """What guests' agents and ARP tables say: address and MAC."""
    running = network.nics.filter(vm__power="running", vm__addresses__mac=F("mac"))
    return running.values_list("vm__addresses__ip", "mac")


def maps(network: Network, zoom: str = "") -> list[AddressMap]:
    """A map of each IPv4 block, or only of the part `zoom` of one; ValueError if that is in none."""
    known, handed_out, found = taken(network), ranges(network), blocks(network)
    if not zoom:
        return [draw(interface, handed_out, known) for interface in found]
    part = IPv4Network(zoom)
    for interface in found:
        if part.subnet_of(interface.network):
            return [draw(interface, handed_out, known, part)]
    raise ValueError(f"{zoom} is no part of {network}.")


def next_free_address(network: Network) -> str:
    """The lowest IPv4 address that a guest can have and nobody has; "" if there is none.

    If some block has DHCP, only that: libvirt takes host entries in no other.
    """
    numbers, found = taken(network).numbers, blocks(network)
    starts = [IPv4Address(first) for first, _ in ranges(network)]
    served = [each for each in found if any(start in each.network for start in starts)]
    return next((address for each in served or found if (address := next_free(each, numbers))), "")
