"""Users of a network's addresses, and the next free one, for the address map and the forms. Reads only."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, ip_address, ip_interface

from networks.addresses.address_map import AddressMap, draw, next_free
from networks.addresses.grid import Taken, number
from networks.addresses.reserved import reserved
from networks.attachments import attachments
from networks.models import Network


def blocks(network: Network) -> list[IPv4Interface]:
    """Return the host's own IPv4 addresses with their blocks, from what libvirt has, else from the definition."""
    found = map(ip_interface, filter(None, network.facts.ip_range.split(",")))
    return [interface for interface in found if interface.version == 4]


def ranges(network: Network) -> list[tuple[int, int]]:
    """Return the first and last address of each DHCP range, as numbers."""
    pairs = (each.split("-") for each in network.facts.dhcp.split(",") if each and ":" not in each)
    return [(int(ip_address(first)), int(ip_address(last))) for first, last in pairs]


def taken(network: Network) -> Taken:
    """Return everything that is known to use an IPv4 address of the network, in words."""
    names = network.vm_names()
    return Taken(
        leased={number(ip): _who(names, mac, name) for ip, mac, name in _leased(network) if ":" not in ip},
        seen={number(ip): _who(names, mac) for ip, mac in _told(network) if ":" not in ip},
        reserved={number(ip): _who(names, mac, name) for ip, mac, name in _reserved(network) if ":" not in ip},
    )


def other_user(network: Network, ip: str, mac: str) -> str:
    """Return who else has an address, as the end of a sentence; "" if nobody. A guest that is gone has no lease."""
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
    """Yield address, MAC and name of every reservation, in progress, failed or about to be removed included."""
    rows = sorted(reserved([network.pk]), key=lambda each: each.found is not None)
    yield from ((host.ip, host.mac, host.name) for host in (each.found or each.host for each in rows))


def _told(network: Network) -> Iterator[tuple[str, str]]:
    """Return what guest agents and ARP tables report: address and MAC."""
    yield from attachments().reported(network.pk)


def maps(network: Network, zoom: str = "") -> list[AddressMap]:
    """Return a map of each IPv4 block, or of the part `zoom` of one; raise ValueError if that is in none."""
    known, handed_out, found = taken(network), ranges(network), blocks(network)
    if not zoom:
        return [draw(interface, handed_out, known) for interface in found]
    part = IPv4Network(zoom)
    for interface in found:
        if part.subnet_of(interface.network):
            return [draw(interface, handed_out, known, part)]
    raise ValueError(f"{zoom} is not a part of {network}.")


def next_free_address(network: Network) -> str:
    """Return the lowest IPv4 address that a guest can have and nobody has; "" if there is none.

    If some block has DHCP, only that: libvirt takes DHCP reservations in no other.
    """
    numbers, found = taken(network).numbers, blocks(network)
    starts = [IPv4Address(first) for first, _ in ranges(network)]
    served = [each for each in found if any(start in each.network for start in starts)]
    return next((address for each in served or found if (address := next_free(each, numbers))), "")
