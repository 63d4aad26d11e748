"""Reserved addresses and their guests, for pages, checks, tasks and VMs alike."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from networks.definition.spec import HostSpec
from networks.models import DHCPHost, DHCPHostStatus, Network

FIELDS = ("mac", "duid", "ip", "name", "lease")


@dataclass(frozen=True, kw_only=True)
class Reserved:
    """A reservation of the network with this id: `host` once all requests are carried out, `found` as libvirt has it.

    `going`: its removal was requested. `requested`: it has not been applied yet.
    """

    network: int
    host: HostSpec
    found: HostSpec | None = None
    going: bool = False
    requested: bool = False


def reserved(networks: Iterable[int], only: Q | None = None) -> list[Reserved]:
    """Return the reservations of networks, given by id or as a query; `only` limits their FIELDS.

    First what only libvirt has, then what somebody has requested.
    """
    only = Q(network__in=networks) & (only or Q())
    # Read first: one that is applied in the meantime is then among the found ones.
    rows = list(DHCPHost.objects.filter(only).values_list("network", "removed_at", "asked_at", *FIELDS))
    wanted = {(network, host.guest, host.ip): host for network, going, _, host in map(_split, rows) if not going}
    going = {(network, host.guest, host.ip) for network, going, _, host in map(_split, rows) if going}
    found, others = {}, []
    for network, *values in DHCPHostStatus.objects.filter(only).values_list("network", *FIELDS):
        host = HostSpec(**dict(zip(FIELDS, values, strict=True)))
        key = (network, host.guest, host.ip)
        found[key] = host
        if key not in wanted:
            others.append(Reserved(network=network, host=host, found=host, going=key in going))
    requested = {(network, host.guest, host.ip) for network, _, asked, host in map(_split, rows) if asked}
    own = (
        Reserved(network=key[0], host=host, found=found.get(key), requested=key in requested)
        for key, host in wanted.items()
    )
    return [*others, *own]


def reservations(network: Network) -> Iterator[tuple[str, str, str]]:
    """Yield address, MAC and name of each reservation, including those that are to be added or deleted.

    What libvirt has comes last, so that it replaces the others in a mapping.
    """
    columns = ("ip", "mac", "name")
    yield from DHCPHost.objects.filter(network=network, removed_at=None).values_list(*columns)
    yield from DHCPHostStatus.objects.filter(network=network).values_list(*columns)


def found_in_order(where: Q) -> QuerySet[DHCPHostStatus]:
    """Return the reservations that libvirt has on any network, in the order of their addresses."""
    return DHCPHostStatus.objects.filter(where).order_by("sort_key")


def requested(network: OuterRef, ip: str) -> QuerySet[DHCPHost]:
    """Return the reservations of an address that somebody has requested on a network."""
    return DHCPHost.objects.filter(network=network, ip=ip, removed_at=None)


def _split(row: tuple) -> tuple[int, bool, bool, HostSpec]:
    network, removed_at, asked_at, *values = row
    return network, bool(removed_at), bool(asked_at), HostSpec(**dict(zip(FIELDS, values, strict=True)))


COLUMNS = ("reserved_desired", "reserved_found", "reserved_going")


def reserved_columns() -> dict[str, object]:
    """Return the same as annotations, named as COLUMNS, of rows that have network and MAC: for IPv4 alone."""
    four, mac, network = Q(ip__contains="."), OuterRef("mac"), OuterRef("network")
    wanted = DHCPHost.objects.filter(four, network=network, mac=mac)
    # Reservations of a MAC are few, those of a network many: the sum keeps SQLite from the index of the latter.
    found = DHCPHostStatus.objects.alias(at=F("network_id") + 0).filter(four, mac=mac, at=network)
    return {
        "reserved_desired": Subquery(wanted.filter(removed_at=None).order_by("ip").values("ip")[:1]),
        "reserved_found": Subquery(found.order_by("ip").values("ip")[:1]),
        "reserved_going": Exists(wanted.exclude(removed_at=None)),
    }


def reserved_address(columns: Mapping[str, object]) -> tuple[str, bool]:
    """Return the IPv4 address that these COLUMNS say, "" without; and whether libvirt has the reservation."""
    desired, found = columns["reserved_desired"] or "", columns["reserved_found"] or ""
    if desired or columns["reserved_going"]:
        return desired, desired == found
    return found, True
