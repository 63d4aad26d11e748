"""Users of a network's addresses, and the next free one, for the address map and the forms. Reads only."""

from collections.abc import Collection, Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, ip_address, ip_interface

from django.db.models import Q

from networks.addresses.address_map import AddressMap, draw, next_free
from networks.addresses.grid import Taken, number
from networks.addresses.reserved import reservations, reserved
from networks.attachments import attachments
from networks.models import DHCPHost, DHCPHostStatus, Lease, Network
from virterweb.messages import InvalidValue, Message
from virterweb.people import rights


def blocks(network: Network) -> list[IPv4Interface]:
    """Return the host's own IPv4 addresses with their blocks, from what libvirt has, else from the definition."""
    found = map(ip_interface, filter(None, network.facts.ip_range.split(",")))
    return [interface for interface in found if interface.version == 4]


def ranges(network: Network) -> list[tuple[int, int]]:
    """Return the first and last address of each DHCP range, as numbers."""
    return ranges_in(network.facts.dhcp)


def ranges_in(dhcp: str) -> list[tuple[int, int]]:
    """Return the same of a column of ranges, as `NetworkStatus` has it."""
    pairs = (each.split("-") for each in dhcp.split(",") if each and ":" not in each)
    return [(int(ip_address(first)), int(ip_address(last))) for first, last in pairs]


def taken(network: Network, user: rights.Actor = None) -> Taken:
    """Return everything that uses an IPv4 address of the network."""
    names = network.vm_names(user)
    return Taken(
        leased={number(ip): (names.get(mac) or name, mac) for ip, mac, name in _leased(network) if ":" not in ip},
        seen={number(ip): (names.get(mac, ""), mac) for ip, mac in _reported(network) if ":" not in ip},
        reserved={
            number(ip): (names.get(mac) or name, mac) for ip, mac, name in reservations(network) if ":" not in ip
        },
    )


def other_user(network: Network, ip: str, mac: str, user: rights.Actor = None) -> Message:
    """Return the message that another guest has an address; an empty message if none has it."""
    names = network.vm_names(user)
    if others := reserved([network.pk], Q(ip=ip) & ~Q(mac=mac)):
        host = others[0].host
        return Message("user.reserved", ip=ip, known=names.get(host.mac) or host.name, mac=host.mac)
    for its, whose in _reported(network):
        if its == ip and whose != mac:
            return Message("user.reported", ip=ip, known=names.get(whose, ""), mac=whose)
    for whose, name in network.leases.current().filter(ip=ip).exclude(mac=mac).values_list("mac", "hostname"):
        if whose in names:
            return Message("user.leased", ip=ip, known=names[whose] or name, mac=whose)
    return Message()


def _leased(network: Network) -> Iterator[tuple[str, str, str]]:
    yield from network.leases.current().values_list("ip", "mac", "hostname")


def _reported(network: Network) -> Iterator[tuple[str, str]]:
    """Return what guest agents and ARP tables report: address and MAC."""
    yield from ((ip, mac) for _, ip, mac in attachments().reported([network.pk]))


def maps(network: Network, zoom: str = "", user: rights.Actor = None) -> list[AddressMap]:
    """Return a map of each IPv4 block, or of the part `zoom` of one; raise InvalidValue if that is in none."""
    known, handed_out, found = taken(network, user), ranges(network), blocks(network)
    if not zoom:
        return [draw(interface, handed_out, known) for interface in found]
    part = IPv4Network(zoom)
    for interface in found:
        if part.subnet_of(interface.network):
            return [draw(interface, handed_out, known, part)]
    raise InvalidValue(Message("value.part", part=zoom, whole=network))


def next_free_address(network: Network) -> str:
    """Return the lowest IPv4 address that a guest can have and nobody has; "" if there is none.

    If a block has DHCP, only that block counts: libvirt accepts DHCP reservations in no other.
    """
    numbers, found = _used(network), blocks(network)
    starts = [IPv4Address(first) for first, _ in ranges(network)]
    served = [each for each in found if any(start in each.network for start in starts)]
    return next((address for each in served or found if (address := next_free(each, numbers))), "")


def _used(network: Network) -> frozenset[int]:
    """Return, as numbers, the IPv4 addresses that `taken` names the users of."""
    return frozenset(number(ip) for ip in used_addresses([network.pk])[network.pk] if ":" not in ip)


def used_addresses(networks: Collection[int]) -> dict[int, set[str]]:
    """Return the addresses of each network that are leased, reserved or reported, in two queries for all."""
    tables = (
        Lease.objects.current(),
        DHCPHost.objects.filter(removed_at=None),
        DHCPHostStatus.objects.all(),
    )
    first, *others = (rows.filter(network__in=networks).order_by().values_list("network", "ip") for rows in tables)
    found: dict[int, set[str]] = {network: set() for network in networks}
    for network, ip in first.union(*others):
        found[network].add(ip)
    for network, ip, _ in attachments().reported(networks):
        found[network].add(ip)
    return found
