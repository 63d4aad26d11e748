"""Addresses as columns that sort."""

from ipaddress import IPv4Address, IPv6Address


def sort_key_of(address: IPv4Address | IPv6Address) -> str:
    """Return an address as text that sorts as addresses do, IPv4 before IPv6: 40affff0cf, 6fd00…"""
    return f"{address.version}{address.packed.hex()}"
