"""DNS names that a network's dnsmasq serves, with their sources, and whether it answers them. Pure: no ORM.

This follows dnsmasq 2.90 as libvirt runs it. DNS hosts are always answered, their simple names also with the domain
(expand-hosts). The name of a lease is answered with the domain; of two leases with one name, the later is answered,
and neither if a DNS host has the name. The name of a reservation replaces the one that the guest sends, loses any
domain that it is written with, and is unknown until the guest has a lease.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address

from networks.definition.spec import NetworkSpec
from virterweb.pages.marks import Marked


class Source(StrEnum):
    """The source of a name."""

    DNS_HOST = "DNS host"
    HOST_ENTRY = "DHCP reservation"
    LEASE = "lease"


class State(Marked):
    """The assessment of an answer of dnsmasq."""

    AS_EXPECTED = "as expected", "check-circle", "ready"
    DIFFERS = "differs", "arrows-right-left", "drifted"
    NO_ANSWER = "no answer", "exclamation-circle", "failed"
    NOT_ASKED = "not asked", "question-mark-circle", "quiet"
    NO_LEASE = "not answered while its guest has no lease", "clock", "quiet"


@dataclass(frozen=True, kw_only=True)
class Name:
    """One name for one address. `answers` are those of the address's family; None if it was not queried."""

    name: str
    source: Source
    ip: str
    served: bool  # False: a DHCP reservation's, whose guest has no lease
    others: tuple[str, ...]  # further addresses of the family that are to have the name
    answers: tuple[str, ...] | None

    @property
    def address(self) -> IPv4Address | IPv6Address:
        return ip_address(self.ip)

    @property
    def duplicate(self) -> bool:
        return bool(self.others)

    @property
    def tag(self) -> str:
        """Return text for how often the family has the name; "" for once."""
        count = 1 + len(self.others)
        return "" if count == 1 else "twice" if count == 2 else f"{count} times"

    @property
    def state(self) -> State:
        answers = set(self.answers or ())
        if not self.served and self.ip not in answers:
            return State.NO_LEASE
        if self.answers is None:
            return State.NOT_ASKED
        if not answers:
            return State.NO_ANSWER
        return State.AS_EXPECTED if self.ip in answers <= {self.ip, *self.others} else State.DIFFERS


def names(
    spec: NetworkSpec, leases: Iterable[tuple[str, str]], answers: Mapping[str, Sequence[str]] | None = None
) -> tuple[Name, ...]:
    """Return the names of a network by name and address; `leases`: (IP, host name), `answers`: addresses by name."""
    found = _sources(spec, dict(leases)) if spec.dns and spec.subnets else {}
    answered = {name: tuple(map(ip_address, ips)) for name, ips in (answers or {}).items()}
    places: dict[tuple[str, int], list[str]] = {}
    for name, address in found:
        places.setdefault((name, address.version), []).append(str(address))
    return tuple(
        Name(
            name=name,
            source=source,
            ip=str(address),
            served=served,
            others=tuple(ip for ip in places[name, address.version] if ip != str(address)),
            answers=_family(answered[name], address.version) if name in answered else None,
        )
        for (name, address), (source, served) in sorted(found.items(), key=_order)
    )


def questions(spec: NetworkSpec, leases: Iterable[tuple[str, str]]) -> list[tuple[str, int]]:
    """Return the questions to ask: names, each with the address family (4 or 6) of an expected address.

    dnsmasq asks others for what it does not know itself, even for the other family of a name that it knows. Therefore
    no name of a DHCP reservation is asked whose guest has no lease.
    """
    return list(dict.fromkeys((one.name, one.address.version) for one in names(spec, leases) if one.served))


def _sources(
    spec: NetworkSpec, leases: Mapping[str, str]
) -> dict[tuple[str, IPv4Address | IPv6Address], tuple[Source, bool]]:
    """Return the first source of each name's address, and whether the address is served."""
    domain, leased = spec.domain, {ip_address(ip) for ip in leases}
    found: dict = {}
    for entry in spec.dns_hosts:
        for text in filter(None, entry.names):
            name = _lower(text) if "." in text else _guest(text, domain)
            found.setdefault((name, ip_address(entry.ip)), (Source.DNS_HOST, True))
    for host in spec.hosts:
        if host.name and host.ip:
            address = ip_address(host.ip)
            found.setdefault((_guest(host.name, domain), address), (Source.HOST_ENTRY, address in leased))
    for ip, hostname in leases.items():
        if hostname:
            found.setdefault((_guest(hostname, domain), ip_address(ip)), (Source.LEASE, True))
    return found


def _guest(name: str, domain: str) -> str:
    """Return a guest's name as dnsmasq knows it: in the network's domain if it has one."""
    return _lower(f"{name.partition('.')[0]}.{domain}")


def _lower(name: str) -> str:
    return name.lower().strip(".")


def _family(addresses: Iterable[IPv4Address | IPv6Address], version: int) -> tuple[str, ...]:
    return tuple(str(address) for address in addresses if address.version == version)


def _order(item: tuple) -> tuple[str, int, bytes]:
    name, address = item[0]
    return name, address.version, address.packed
