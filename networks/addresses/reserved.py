"""Reserved addresses and their guests, for pages, checks, tasks and VMs alike."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from django.db.models import BooleanField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery, Value

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
    wanted, going, requested, found, others = {}, set(), set(), {}, []
    for network, is_found, is_going, is_requested, host in _rows(Q(network__in=networks) & (only or Q())):
        key = (network, host.guest, host.ip)
        if is_found:
            found[key] = host
            if key not in wanted:
                others.append(Reserved(network=network, host=host, found=host, going=key in going))
            continue
        if is_going:
            going.add(key)
        else:
            wanted[key] = host
        if is_requested:
            requested.add(key)
    own = (
        Reserved(network=key[0], host=host, found=found.get(key), requested=key in requested)
        for key, host in wanted.items()
    )
    return [*others, *own]


def _rows(only: Q) -> Iterator[tuple[int, bool, bool, bool, HostSpec]]:
    """Yield requests, then what libvirt has: network, whether libvirt has it, whether it is going, or requested.

    One query reads both, so that a request that is applied in the meantime is among the one or the other.
    """
    columns = ("network", "is_found", "is_going", "is_requested", *FIELDS, "id")
    desired = DHCPHost.objects.order_by().filter(only)
    desired = desired.annotate(is_found=Value(False), is_going=_is_set("removed_at"), is_requested=_is_set("asked_at"))
    found = DHCPHostStatus.objects.order_by().filter(only)
    found = found.annotate(is_found=Value(True), is_going=Value(False), is_requested=Value(False))
    rows = desired.values_list(*columns).union(found.values_list(*columns), all=True)
    for network, is_found, is_going, is_requested, *values, _ in rows.order_by("is_found", "id"):
        host = HostSpec(**dict(zip(FIELDS, values, strict=True)))
        yield network, is_found, is_going, is_requested, host


def _is_set(column: str) -> ExpressionWrapper:
    return ExpressionWrapper(Q(**{f"{column}__isnull": False}), BooleanField())


def reservations(network: Network) -> Iterator[tuple[str, str, str]]:
    """Yield address, MAC and name of each reservation, including those that are to be added or deleted.

    What libvirt has comes last, so that it replaces the others in a mapping.
    """
    columns = ("ip", "mac", "name", "is_found", "id")
    desired = DHCPHost.objects.order_by().filter(network=network, removed_at=None).annotate(is_found=Value(False))
    found = DHCPHostStatus.objects.order_by().filter(network=network).annotate(is_found=Value(True))
    rows = desired.values_list(*columns).union(found.values_list(*columns), all=True)
    for ip, mac, name, *_ in rows.order_by("is_found", "id"):
        yield ip, mac, name


def found_in_order(where: Q) -> QuerySet[DHCPHostStatus]:
    """Return the reservations that libvirt has on any network, in the order of their addresses."""
    return DHCPHostStatus.objects.filter(where).order_by("sort_key")


def requested(network: OuterRef, ip: str) -> QuerySet[DHCPHost]:
    """Return the reservations of an address that somebody has requested on a network."""
    return DHCPHost.objects.filter(network=network, ip=ip, removed_at=None)


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
