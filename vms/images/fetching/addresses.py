"""Which addresses a worker may fetch images from: public ones, and those of hosts that an operator allows.

A user who gives a URL must not reach what only the worker's machine can reach: itself, its network, or the metadata
service of a cloud.
"""

import socket
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from virterweb.hypervisors.gateway.found import Refused
from virterweb.messages import Message

from .unavailable import Unavailable

NAT64 = IPv6Network("64:ff9b::/96")

Address = IPv4Address | IPv6Address


def is_public(address: Address) -> bool:
    """Return whether an address, and the IPv4 address in it if there is one, is one of the public Internet."""
    embedded = _embedded(address)
    if embedded:
        return all(is_public(each) for each in embedded)
    if address.is_multicast or address.is_reserved or address.is_unspecified or not address.is_global:
        return False
    return address.version == 4 or not address.is_site_local


def _embedded(address: Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses that packets to an IPv6 address may end at."""
    if address.version == 4:
        return ()
    if address in NAT64:
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    one = address.ipv4_mapped or address.sixtofour
    return (one,) if one else address.teredo or ()


def resolve(host: str, port: int, allowed: Collection[str]) -> list[str]:
    """Return the addresses of a host that may be connected to; `allowed` are hosts with any address.

    Raises:
        Refused: The host has no public address.
        Unavailable: The name cannot be resolved now.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as problem:
        raise Unavailable(Message("source.no_address", host=host), str(problem)) from problem
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if host.lower() in allowed:
        return addresses
    public = [each for each in addresses if is_public(ip_address(each.partition("%")[0]))]
    if not public:
        raise Refused(Message("source.private", host=host, address=addresses[0]))
    return public
