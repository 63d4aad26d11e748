"""DHCP reservations of a network: the existing ones, their users, and requests to change them.

What libvirt has (`DHCPHostStatus`) and what is requested (`DHCPHost`) are matched by address: each has one.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from ipaddress import ip_address, ip_interface

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from networks.addresses.reserved import reserved
from networks.attachments import Holder, attachments
from networks.definition.events import Event
from networks.definition.spec import HostSpec, RangeSpec, SubnetSpec
from networks.models import DHCPHost, Network
from virterweb.messages import Message
from virterweb.pages.marks import Marked
from virterweb.people import rights
from virterweb.people.verbs import Verb

from .pasted import Index, Row, compare, read

MAX_NAMED = 3  # of several reservations, how many the history names


class Conflict(ValueError):
    """Reservations are not possible: `errors` are pairs of field and reason."""

    def __init__(self, errors: Iterable[tuple[str, Message]]) -> None:
        self.errors = tuple(errors)
        super().__init__(*self.errors)

    def __str__(self) -> str:
        return " ".join(str(reason) for _, reason in self.errors)


class EntryState(Marked):
    RESERVED = "reserved", "check-circle", "ready"
    ADDING = "being added", "clock", "pending"
    REMOVING = "being removed", "clock", "pending"
    FAILED = "not added", "exclamation-circle", "failed"
    OUTSIDE = "added outside", "arrows-right-left", "drifted"
    MISSING = "missing in libvirt", "arrows-right-left", "drifted"
    CHANGED = "changed outside", "arrows-right-left", "drifted"


@dataclass(frozen=True, kw_only=True)
class HostRow:
    """A reservation with the NIC of a VM that has its MAC, if there is one, and the present addresses of that NIC."""

    host: HostSpec
    state: EntryState
    holder: Holder | None
    here: bool  # the NIC is attached to this network
    leased: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Return whether the guest has another address than the reserved one."""
        return bool(self.leased) and self.host.ip not in self.leased


def addresses(network: Network) -> QuerySet:
    """Return the addresses of all reservations, found or requested, in order: pairs of sort key and IP."""
    found, requested = (
        each.order_by().values_list("sort_key", "ip") for each in (network.found_hosts.all(), network.hosts.all())
    )
    return found.union(requested).order_by("sort_key")


def rows(network: Network, ips: Collection[str] | None = None, user: rights.Actor = None) -> list[HostRow]:
    """Return the reservations of these or of all addresses, found or requested, by address.

    VMs that the user may not see are not named.
    """
    some = {} if ips is None else {"ip__in": ips}
    found = {entry.ip: entry.spec() for entry in network.found_hosts.filter(**some)}
    requested = _requested(network.hosts.filter(**some))
    known = attachments().holders(network.hypervisor, user)
    leased: dict[str, list[str]] = {}
    for mac, ip in network.leases.current().order_by("sort_key").values_list("mac", "ip"):
        leased.setdefault(mac, []).append(ip)
    result = []
    for ip in sorted(found.keys() | requested.keys(), key=lambda ip: (":" in ip, ip_address(ip))):
        desired = requested.get(ip)
        host = desired.spec() if desired and not desired.removed_at else found.get(ip) or desired.spec()
        holder = known.get(host.mac) if host.mac else None
        result.append(
            HostRow(
                host=host,
                state=_state(network, desired, found.get(ip)),
                holder=holder,
                here=bool(holder and holder.network == network.pk),
                leased=tuple(each for each in leased.get(host.mac or None, ()) if (":" in each) == (":" in ip)),
            )
        )
    return result


def _requested(hosts: QuerySet[DHCPHost]) -> dict[str, DHCPHost]:
    """Return the requests by address: one to reserve it goes before one to remove its reservation."""
    return {entry.ip: entry for entry in sorted(hosts, key=lambda entry: entry.removed_at is None)}


def _state(network: Network, desired: DHCPHost | None, found: HostSpec | None) -> EntryState:
    if desired and desired.removed_at:
        return EntryState.REMOVING
    if desired is None:
        return EntryState.OUTSIDE if network.managed else EntryState.RESERVED
    if found == desired.spec():
        return EntryState.RESERVED
    if desired.asked_at is None:
        return EntryState.CHANGED if found else EntryState.MISSING
    return EntryState.FAILED if network.done else EntryState.ADDING


def entries(network: Network) -> dict[str, HostSpec]:
    """Return the reservations after all requests are applied, by address; the last one if an address has several."""
    return _by_address(all_entries(network))


def _by_address(hosts: Iterable[HostSpec]) -> dict[str, HostSpec]:
    return {host.ip: host for host in hosts}


def all_entries(network: Network) -> list[HostSpec]:
    """Return every reservation once all requests are carried out; others may have made several of one address."""
    return [each.host for each in reserved([network.pk]) if not each.going]


@dataclass(frozen=True)
class Known:
    """The reservations of a network, and the NICs of its hypervisor by MAC: each is read once, when it is needed."""

    network: Network
    user: rights.Actor = None  # VMs that the user may not see are not named

    @cached_property
    def every(self) -> list[HostSpec]:
        return all_entries(self.network)

    @cached_property
    def entries(self) -> dict[str, HostSpec]:
        return _by_address(self.every)

    @cached_property
    def nics(self) -> dict[str, Holder]:
        return attachments().holders(self.network.hypervisor, self.user)


def subnets(network: Network) -> list[SubnetSpec]:
    """Return the blocks of the network, with their DHCP ranges."""
    interfaces = map(ip_interface, filter(None, network.facts.ip_range.split(",")))
    pairs = (each.split("-") for each in network.facts.dhcp.split(",") if each)
    ranges = [RangeSpec(start=first, end=last) for first, last in pairs]
    return [
        SubnetSpec(
            address=str(each.ip),
            prefix=each.network.prefixlen,
            ranges=tuple(part for part in ranges if ip_address(part.start) in each.network),
        )
        for each in interfaces
    ]


# requests


def conflicts(known: Known, host: HostSpec, was: str = "") -> tuple[tuple[str, Message], ...]:
    """Return the present objections to an entry, as pairs of field and reason; see `reserve`."""
    index = Index(known.entries.values(), subnets(known.network))
    return index.conflicts(host, known.entries.get(was) or index.entry_of(host))


def reserve(network: Network, hosts: Iterable[HostSpec], by: AbstractBaseUser | None, was: str = "") -> None:
    """Request reservations. Each replaces the one at address `was`, otherwise that of its guest; Conflict if refused.

    All or none. Only one change runs at a time, so reservations by others are seen.
    PermissionDenied unless the user may change the network.
    """
    wanted = list(hosts)
    rights.require(by, Verb.EDIT, network)
    with network.kept_limits():
        Network.objects.select_for_update().get(pk=network.pk)
        every = all_entries(network)
        known = _by_address(every)
        index = Index(every, subnets(network))
        moved, having = [], _by_guest(every)
        for host in wanted:
            old = known.get(was) or index.entry_of(host)
            if errors := index.conflicts(host, old):
                raise Conflict(errors)
            index.add(host)
            # A guest may have two: the portal's, and one that was created outside in the meantime.
            has = [*having.get(host.mac or host.duid, ()), *([old] if old else [])]
            moved += [each for each in dict.fromkeys(has) if (each.guest, each.ip) != (host.guest, host.ip)]
        _request(network, wanted, removed_at=None)
        _request(network, moved, removed_at=timezone.now())
        _change(network, by, *_event(wanted, was))


def _event(hosts: list[HostSpec], was: str) -> tuple[Event, dict]:
    """Return the history entry for reservations: the event and its parameters."""
    if len(hosts) != 1:
        return Event.RESERVATIONS_PASTED, {"count": len(hosts)}
    host = hosts[0]
    if was:
        return Event.RESERVATION_CHANGED, {"ip": was}
    return Event.RESERVED, {"ip": host.ip, "guest": host.name or host.mac or host.duid}


def _by_guest(hosts: Iterable[HostSpec]) -> dict[str, list[HostSpec]]:
    found: dict[str, list[HostSpec]] = {}
    for host in hosts:
        if guest := host.mac or host.duid:
            found.setdefault(guest, []).append(host)
    return found


def _change(network: Network, by: AbstractBaseUser | None, event: Event, about: dict) -> None:
    """Have requests carried out; what was accepted of a change in progress stays accepted."""
    now = Network.objects.select_related("status").get(pk=network.pk)
    network.change(event, by, about=about, accepted=None if now.done else now.accepted)


def _request(network: Network, hosts: Iterable[HostSpec], removed_at: datetime | None) -> None:
    """Write requests; a removal stays until libvirt has removed the reservation, regardless of who created it."""
    rows = {(row.spec().guest, row.ip): row for row in network.hosts.all()}
    known, new = [], []
    for host in hosts:
        row = rows.get((host.guest, host.ip))
        (known if row else new).append(row or DHCPHost.of(network, host))
        row = row or new[-1]
        row.duid, row.name, row.lease, row.removed_at = host.duid, host.name, host.lease, removed_at
        row.asked_at = timezone.now()
    DHCPHost.objects.bulk_create(new)
    DHCPHost.objects.bulk_update(known, ("duid", "name", "lease", "removed_at", "asked_at"), batch_size=500)


def remove(
    network: Network, ips: Iterable[str], by: AbstractBaseUser | None, guests: Mapping[str, str] | None = None
) -> list[HostSpec]:
    """Request the removal of the reservations of these addresses; return those that existed.

    `guests` are those that the page showed, by address: a reservation that now has another guest stays.
    PermissionDenied unless the user may change the network.
    """
    rights.require(by, Verb.EDIT, network)
    with transaction.atomic():
        Network.objects.select_for_update().get(pk=network.pk)
        known = entries(network)
        gone = [known[ip] for ip in ips if ip in known and (guests is None or guests.get(ip) == known[ip].guest)]
        if gone:
            _request(network, gone, removed_at=timezone.now())
            event = Event.RESERVATIONS_REMOVED_MORE if len(gone) > MAX_NAMED else Event.RESERVATIONS_REMOVED
            _change(
                network, by, event, {"names": [host.ip for host in gone[:MAX_NAMED]], "more": len(gone) - MAX_NAMED}
            )
    return gone


def pasted(network: Network, text: str) -> tuple[Row, ...]:
    """Return what each line of a pasted text would change."""
    return compare(read(text), entries(network).values(), subnets(network))
