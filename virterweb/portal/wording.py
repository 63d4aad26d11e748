"""Texts for problems of addresses. Pure: no decision depends on them."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

NAMED = 3  # how many of several names are listed

KINDS = {
    "two-machines": "one address, two machines",
    "one-client-id": "one client ID, two guests",
    "overlap": "overlapping blocks",
    "gone": "points to something gone",
    "full": "nearly full",
    "other-address": "not the reserved address",
    "lease-of-nobody": "a lease of nobody",
    "unused": "unused DHCP reservations",
}

WHO = {
    "known": "{name} ({mac})",
    "unknown": "{mac}",
    "named": "{mac} ({name})",
    "lease": "{who}, by its lease",
    "agent": "{who}, as its agent says",
    "arp": "{who}, as the ARP table says",
    "and": " and ",
    "some": "{names} and {count} more",
}

PROBLEMS = {
    "two machines": "{ip} is answered for by {count} machines: {claims}. Give one of them another.",
    "one client ID": "{other} and {who} send one client ID, {client_id}: DHCP gives both {ip}. Their machine-id is a "
    "copy: in one of them empty /etc/machine-id and restart it.",
    "few free": "{network}: only {free} of {size} addresses that DHCP hands out are free.",
    "one free": "{network}: only 1 of {size} addresses that DHCP hands out is free.",
    "none free": "{network}: none of the {size} addresses of DHCP is free.",
    "NIC elsewhere": "{ip} is reserved here for {who}, whose NIC hangs on {source}.",
    "older lease": "{who} has {ip}, though {reserved} is reserved for it: its lease is older. It takes {reserved} when "
    "it renews; restarting it does so at once.",
    "older lease until": "{who} has {ip}, though {reserved} is reserved for it: its lease is older. It takes "
    "{reserved} when it renews, at the latest at {until}; restarting it does so at once.",
    "leases of nobody": "{count} addresses are leased to MACs that no VM has: {ips}.",
    "lease of nobody": "{ip} is leased to {holder}, which no VM has.",
    "lease of nobody until": "{ip} is leased to {holder} until {until}, which no VM has.",
    "unused entry": "{ip} is reserved for {mac}, which no VM has.",
    "unused entries": "{count} addresses are reserved for MACs that no VM has: {ips}.",
    "no bridge of NIC": "NIC {mac} of {vm} is for the host bridge {source}, which the host does not have.",
    "no network of NIC": "NIC {mac} of {vm} is for the network {source}, which libvirt does not have.",
    "no bridge": "{network}: the host has no bridge {bridge}, so no VM on the network has a connection. Restart the "
    "network, which creates it again.",
    "no host bridge": "{network}: the host has no bridge {bridge}, so no VM on the network has a connection. Create "
    "the bridge on the host, or choose another one for the network.",
    "overlaps route": "{network}: {block} overlaps {other}. The host sends traffic for these addresses to only one of "
    "the two.",
    "overlaps network": "{network}: {block} overlaps {other}. Guests of one cannot reach those of the other.",
}


def who(mac: str, name: str) -> str:
    return WHO["known" if name else "unknown"].format(mac=mac, name=name)


def some(names: Iterable[str]) -> str:
    """Return the first few of several names."""
    names = list(names)
    first = ", ".join(names[:NAMED])
    return WHO["some"].format(names=first, count=len(names) - NAMED) if len(names) > NAMED else first


def _claims(claims: Iterable[tuple[str, str, str]]) -> str:
    return WHO["and"].join(WHO[source].format(who=who(mac, name)) for mac, name, source in claims)


def _hour(at: datetime) -> str:
    return f"{at.astimezone():%H:%M}"


#: The parameters that are formatted before they are inserted into a sentence.
SHOWN: dict[str, Callable] = {
    "who": lambda pair: who(*pair),
    "other": lambda found: who(*found) if isinstance(found, tuple) else str(found),
    "holder": lambda pair: WHO["named" if pair[1] else "unknown"].format(mac=pair[0], name=pair[1]),
    "claims": _claims,
    "ips": some,
    "until": _hour,
}


def problem(code: str, about: Mapping[str, object]) -> str:
    """Return a problem as a sentence or two."""
    return PROBLEMS[code].format(**{name: SHOWN.get(name, str)(value) for name, value in about.items()})
