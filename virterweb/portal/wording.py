"""Texts for problems of addresses. Pure: no decision depends on them."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

MAX_NAMED = 3  # how many of several names are listed

KINDS = {
    "two-machines": "one address, two machines",
    "one-client-id": "one client ID, two guests",
    "overlap": "overlapping blocks",
    "gone": "refers to a missing object",
    "full": "nearly full",
    "other-address": "not the reserved address",
    "lease-of-nobody": "lease without a VM",
    "unused": "unused DHCP reservations",
}

WHO = {
    "known": "{name} ({mac})",
    "unknown": "{mac}",
    "named": "{mac} ({name})",
    "lease": "{who}, by DHCP lease",
    "agent": "{who}, by guest agent",
    "arp": "{who}, by ARP table",
    "and": " and ",
    "some": "{names} and {count} more",
}

PROBLEMS = {
    "two machines": "{ip} is used by {count} machines: {claims}. Give one of them another address.",
    "one client ID": "{other} and {who} send the same client ID, {client_id}, so DHCP gives both {ip}. Their "
    "/etc/machine-id is identical. Empty that file in one of them and restart it.",
    "few free": "{network}: only {free} of the {size} DHCP addresses are free.",
    "one free": "{network}: only 1 of the {size} DHCP addresses is free.",
    "none free": "{network}: none of the {size} DHCP addresses is free.",
    "NIC elsewhere": "{ip} is reserved here for {who}, but the NIC is attached to {source}.",
    "hidden NIC elsewhere": "{ip} is reserved here for {who}, but the NIC is attached to another network.",
    "older lease": "{who} has {ip}, although {reserved} is reserved for it, because its lease is older. It gets "
    "{reserved} when it renews the lease. Restart it to renew immediately.",
    "older lease until": "{who} has {ip}, although {reserved} is reserved for it, because its lease is older. It gets "
    "{reserved} when it renews the lease, at the latest at {until}. Restart it to renew immediately.",
    "leases of nobody": "{count} addresses are leased to MAC addresses that no VM has: {ips}.",
    "lease of nobody": "{ip} is leased to {holder}. No VM has this MAC.",
    "lease of nobody until": "{ip} is leased to {holder} until {until}. No VM has this MAC.",
    "unused entry": "{ip} is reserved for {mac}. No VM has this MAC.",
    "unused entries": "{count} addresses are reserved for MACs that no VM has: {ips}.",
    "no bridge of NIC": "NIC {mac} of {vm} refers to the host bridge {source}, which does not exist.",
    "no network of NIC": "NIC {mac} of {vm} refers to the network {source}, which does not exist.",
    "no bridge": "{network}: the host has no bridge {bridge}, so no VM on the network has a connection. Restart the "
    "network, which creates it again.",
    "no host bridge": "{network}: the host has no bridge {bridge}, so no VM on the network has a connection. Create "
    "the bridge on the host, or choose another one for the network.",
    "overlaps route": "{network}: {block} overlaps {other}. The host sends traffic for these addresses to only one of "
    "the two.",
    "overlaps hidden network": "{network}: {block} overlaps a network that you may not see. Guests of one cannot reach "
    "those of the other.",
    "overlaps network": "{network}: {block} overlaps {other}. Guests of one cannot reach those of the other.",
}


def who(mac: str, name: str) -> str:
    return WHO["known" if name else "unknown"].format(mac=mac, name=name)


def some(names: Iterable[str]) -> str:
    """Return the first few of several names."""
    names = list(names)
    first = ", ".join(names[:MAX_NAMED])
    return WHO["some"].format(names=first, count=len(names) - MAX_NAMED) if len(names) > MAX_NAMED else first


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
