"""Host entries of a network: which there are and who uses them, what to propose, and wishes to change them.

What libvirt has (`DHCPHostStatus`) and what is wished (`DHCPHost`) are told apart by address: that has one entry.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address, ip_interface

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from .holders import Holder, holders
from .host_entries import Index, Row, compare, read
from .lines import DNS_NAME
from .marks import Marked
from .models import DHCPHost, Network
from .network_xml import HostSpec, RangeSpec, SubnetSpec
from .usage import next_free_address


class Conflict(ValueError):
    """What speaks against host entries: `errors` are pairs of field and reason."""

    def __init__(self, errors: Iterable[tuple[str, str]]) -> None:
        self.errors = tuple(errors)
        super().__init__(" ".join(reason for _, reason in self.errors))


class EntryState(Marked):
    RESERVED = "reserved", "check-circle", "ready"
    ADDING = "being added", "clock", "pending"
    REMOVING = "being removed", "clock", "pending"
    FAILED = "not added", "exclamation-circle", "failed"
    OUTSIDE = "added outside", "arrows-right-left", "drifted"


@dataclass(frozen=True, kw_only=True)
class HostRow:
    """A host entry with the VM's NIC that it is for, if any has its MAC, and the addresses that this has now."""

    host: HostSpec
    state: EntryState
    holder: Holder | None
    here: bool  # the NIC hangs on this network
    leased: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """The guest has another address than the reserved one."""
        return bool(self.leased) and self.host.ip not in self.leased


def rows(network: Network) -> list[HostRow]:
    """All host entries, found or wished, by address."""
    found = {entry.ip: entry.spec() for entry in network.found_hosts.all()}
    wished = _wished(network)
    known = holders(network.hypervisor)
    leased: dict[str, list[str]] = {}
    for mac, ip in network.leases.current().order_by("place").values_list("mac", "ip"):
        leased.setdefault(mac, []).append(ip)
    result = []
    for ip in sorted(found.keys() | wished.keys(), key=lambda ip: (":" in ip, ip_address(ip))):
        wish = wished.get(ip)
        host = wish.spec() if wish and not wish.removed_at else found.get(ip) or wish.spec()
        holder = known.get(host.mac) if host.mac else None
        result.append(
            HostRow(
                host=host,
                state=_state(network, wish, found.get(ip)),
                holder=holder,
                here=bool(holder and holder.network == network.pk),
                leased=tuple(each for each in leased.get(host.mac, ()) if (":" in each) == (":" in ip)),
            )
        )
    return result


def _wished(network: Network) -> dict[str, DHCPHost]:
    """By address: the wish that somebody has it before the one that somebody has it no longer."""
    return {entry.ip: entry for entry in sorted(network.hosts.all(), key=lambda entry: entry.removed_at is None)}


def _state(network: Network, wish: DHCPHost | None, found: HostSpec | None) -> EntryState:
    if wish and wish.removed_at:
        return EntryState.REMOVING
    if wish is None:
        return EntryState.OUTSIDE if network.managed else EntryState.RESERVED
    if found == wish.spec():
        return EntryState.RESERVED
    return EntryState.FAILED if network.done else EntryState.ADDING


def entries(network: Network) -> dict[str, HostSpec]:
    """What is reserved once all wishes are carried out, by address."""
    wishes = list(network.hosts.all())
    going = {(wish.mac, wish.ip) for wish in wishes if wish.removed_at}
    found = (entry.spec() for entry in network.found_hosts.all())
    result = {host.ip: host for host in found if (host.mac, host.ip) not in going}
    return result | {wish.ip: wish.spec() for wish in wishes if wish.removed_at is None}


def subnets(network: Network) -> list[SubnetSpec]:
    """Its blocks, with what DHCP hands out in them."""
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


# proposing


def unreserved(network: Network) -> list[Holder]:
    """NICs on the network that have no host entry, by VM."""
    taken = {host.mac for host in entries(network).values()}
    here = (each for each in holders(network.hypervisor).values() if each.network == network.pk)
    return sorted((each for each in here if each.mac not in taken), key=lambda each: each.vm.lower())


def propose(network: Network, mac: str = "", ip: str = "", client_id: str = "") -> HostSpec:
    """An entry with what is not given: the address that the MAC has a lease of, else the next free one; its VM's name.

    A guest is known by its MAC for IPv4, by its client ID, which is a DUID, for IPv6.
    """
    reserved = entries(network)
    if not ip and mac:
        leased = network.leases.current().filter(mac=mac).exclude(ip__contains=":").values_list("ip", flat=True)
        ip = next((each for each in leased if each not in reserved), "")
    ip = ip or next_free_address(network)
    six = ":" in ip
    holder = holders(network.hypervisor).get(mac)
    hostname = network.leases.current().filter(mac=mac).exclude(hostname="").values_list("hostname", flat=True).first()
    own = [host for host in reserved.values() if six and client_id and host.duid == client_id]
    own += [host for host in reserved.values() if mac and host.mac == mac]
    names = {host.name.lower() for host in reserved.values() if (":" in host.ip) == six and host not in own}
    candidates = (name for name in (*(host.name for host in own), holder and holder.vm, hostname) if name)
    name = next((each for each in candidates if DNS_NAME.match(each) and each.lower() not in names), "")
    return HostSpec(mac="" if six else mac, duid=client_id if six else "", ip=ip, name=name)


def leased_to_another(network: Network, host: HostSpec) -> str:
    """A warning that another guest has the address now; "" if none has."""
    lease = network.leases.current().filter(ip=host.ip).exclude(mac=host.mac).first()
    if lease is None or (host.duid and lease.client_id == host.duid):
        return ""
    if not (host.mac or host.duid) and host.name.lower() == lease.hostname.lower():
        return ""  # known by what it calls itself
    who = lease.vm or lease.hostname
    until = f" until {timezone.localtime(lease.expires_at):%H:%M}" if lease.expires_at else ""
    known = f"{who} ({lease.mac})" if who else lease.mac
    return f"{host.ip} is leased to {known}{until}. That guest keeps it until it renews; only then can another have it."


# wishing


def conflicts(network: Network, host: HostSpec, was: str = "") -> tuple[tuple[str, str], ...]:
    """What speaks now against an entry, as pairs of field and reason; see `reserve`."""
    known = entries(network)
    index = Index(known.values(), subnets(network))
    return index.conflicts(host, known.get(was) or index.entry_of(host))


def reserve(network: Network, hosts: Iterable[HostSpec], what: str, by: AbstractBaseUser | None, was: str = "") -> None:
    """Wish host entries. Each takes the place of the one at address `was`, or else of its guest's; Conflict if refused.

    All or none. What another has reserved meanwhile is seen, for one change at a time comes through here.
    """
    wanted = list(hosts)
    with transaction.atomic():
        Network.objects.select_for_update().get(pk=network.pk)
        known = entries(network)
        index = Index(known.values(), subnets(network))
        moved, having = [], _by_guest(known.values())
        for host in wanted:
            old = known.get(was) or index.entry_of(host)
            if errors := index.conflicts(host, old):
                raise Conflict(errors)
            index.add(host)
            # A guest may have two: ours, and one that others made of it meanwhile.
            has = [*having.get(host.mac or host.duid, ()), *([old] if old else [])]
            moved += [each for each in dict.fromkeys(has) if (each.mac, each.ip) != (host.mac, host.ip)]
        _wish(network, wanted, removed_at=None)
        _wish(network, moved, removed_at=timezone.now())
        _change(network, what, by)


def _by_guest(hosts: Iterable[HostSpec]) -> dict[str, list[HostSpec]]:
    found: dict[str, list[HostSpec]] = {}
    for host in hosts:
        if guest := host.mac or host.duid:
            found.setdefault(guest, []).append(host)
    return found


def _change(network: Network, what: str, by: AbstractBaseUser | None) -> None:
    """Ask for wishes of entries to be carried out; what was accepted of a change that is under way stays so."""
    now = Network.objects.select_related("status").get(pk=network.pk)
    network.change(what, by, accepted=None if now.done else now.accepted)


def _wish(network: Network, hosts: Iterable[HostSpec], removed_at: datetime | None) -> None:
    """Write wishes; one that an entry goes stays until libvirt has let go, also of one that others made."""
    rows = {(row.mac, row.ip): row for row in network.hosts.all()}
    known, new = [], []
    for host in hosts:
        row = rows.get((host.mac, host.ip))
        (known if row else new).append(row or DHCPHost.of(network, host))
        row = row or new[-1]
        row.duid, row.name, row.lease, row.removed_at = host.duid, host.name, host.lease, removed_at
    DHCPHost.objects.bulk_create(new)
    DHCPHost.objects.bulk_update(known, ("duid", "name", "lease", "removed_at"), batch_size=500)


def remove(network: Network, ips: Iterable[str], by: AbstractBaseUser | None) -> list[HostSpec]:
    """Wish away the entries of these addresses, whoever made them; returns those that there were."""
    with transaction.atomic():
        Network.objects.select_for_update().get(pk=network.pk)
        known = entries(network)
        gone = [known[ip] for ip in ips if ip in known]
        if gone:
            _wish(network, gone, removed_at=timezone.now())
            names = ", ".join(host.ip for host in gone[:3]) + (f" and {len(gone) - 3} more" if len(gone) > 3 else "")
            _change(network, f"host entries of {names} removed", by)
    return gone


def pasted(network: Network, text: str) -> tuple[Row, ...]:
    """What each line of a pasted text would do."""
    return compare(read(text), entries(network).values(), subnets(network))
