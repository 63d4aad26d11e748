"""Rows of the pages: NICs joined with their addresses, in as many queries however many there are."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F, FilteredRelation, Q, QuerySet
from django.utils import timezone

from networks.models import Lease

from . import attached, guest_states
from .attached import Address, Source
from .guest_seen import Verdict
from .models import NIC, VM, NICAddress, NICStatus, Power
from .rates import GAP, Traffic
from .traffic import ACTIVE, reading


def _told() -> QuerySet:
    """What agents and ARP say: of VMs that run, for the rows of one that has just stopped stay a while."""
    return NICAddress.objects.filter(vm__power=Power.RUNNING)


@dataclass(frozen=True, kw_only=True)
class NICRow:
    """One NIC on a VM's page: the wish and what was seen of it, either of which may be missing."""

    position: int
    wish: NIC | None
    seen: NICStatus | None
    addresses: tuple[Address, ...]
    hostname: str
    state: str
    dhcp: bool
    traffic: Traffic | None
    reserved: str = ""
    guest: Verdict | None = None  # of one that was seen

    @property
    def ips(self) -> tuple[str, ...]:
        """Of its leases alone, which go with the NIC."""
        return tuple(address.ip for address in self.addresses if Source.LEASE in address.sources)

    @property
    def nic(self) -> NIC | NICStatus:
        return self.seen or self.wish

    @property
    def gone(self) -> bool:
        return bool(self.wish and self.wish.removed_at)


def nic_rows(vm: VM) -> list[NICRow]:
    """All NICs of a VM, wanted or seen, in the order of the wish."""
    seen = {nic.mac: nic for nic in vm.status.nics.select_related("network__status", "network__hypervisor")}
    wished = {nic.mac: nic for nic in vm.nics.all()}
    leases = defaultdict(list)
    for lease in Lease.objects.current().filter(network__hypervisor=vm.hypervisor_id, mac__in=[*seen, *wished]):
        leases[lease.network_id, lease.mac].append(lease)
    told = defaultdict(list)
    for one in _told().filter(vm=vm.status):
        told[one.mac].append(Address(ip=one.ip, source=Source(one.source), since=one.seen_at))
    traffic, now, rows = _traffic(vm), timezone.now(), []
    known = {row["mac"]: row for row in guest_states.known(vm.status.nics.all()).values(*guest_states.COLUMNS)}
    for position, mac in enumerate(dict.fromkeys([*wished, *seen])):
        nic = seen.get(mac)
        found = leases.get((nic.network_id, mac), []) if nic else []
        columns = known.get(mac) if nic else None
        addresses = attached.addresses(
            (attached.of_lease(lease.ip, lease.first_seen) for lease in found), told[mac] if nic else ()
        )
        until = next((lease.expires_at for lease in found if ":" not in lease.ip), None)
        rows.append(
            NICRow(
                position=position,
                wish=wished.get(mac),
                seen=nic,
                addresses=addresses,
                hostname=next((lease.hostname for lease in found if lease.hostname), ""),
                state=_state(vm, wished.get(mac), nic),
                dhcp=bool(nic and nic.network and nic.network.status.dhcp),
                traffic=traffic.get(mac) if nic else None,
                reserved=guest_states.reserved(columns)[0] if columns else "",
                guest=guest_states.verdict(columns, addresses, now, until) if columns else None,
            )
        )
    return rows


def _traffic(vm: VM) -> dict[str, Traffic]:
    """By MAC, of a VM that runs; what was read too long ago says nothing of the rate now."""
    if vm.status.power not in ACTIVE:
        return {}
    late = timezone.now() - timedelta(seconds=GAP)
    found = {}
    for row in vm.status.traffic.all():
        rate = row.samples[-1] if row.samples and row.at > late else None
        found[row.mac] = Traffic(reading=reading(row), samples=tuple(row.samples), rate=rate)
    return found


def _state(vm: VM, wish: NIC | None, seen: NICStatus | None) -> str:
    """What the page says of a NIC: attached, attaching, detaching, missing, added outside or failed."""
    if wish and wish.removed_at:
        return "goes at shutdown" if wish.at_shutdown else "detaching"
    if wish and wish.refused:
        return "failed"
    if wish and seen:
        return "changing" if wish.asked_at and not vm.done else "attached"
    if seen:
        return "added outside" if vm.managed else "attached"
    if not vm.done:
        return "attaching"
    return "failed" if vm.status.error else "missing"


def with_access_addresses(vms: Iterable[VM]) -> list[VM]:
    """The VMs, each with the addresses of its first NIC as `addresses`."""
    rows = list(vms)
    seen = FilteredRelation("vm__addresses", condition=Q(vm__addresses__mac=F("mac"), vm__power=Power.RUNNING))
    first = NICStatus.objects.filter(vm__wish__in=rows, position=0).annotate(told=seen)
    places, leased, told = {}, defaultdict(list), defaultdict(list)
    for pk, network, mac, ip, source in first.values_list("vm__wish", "network", "mac", "told__ip", "told__source"):
        places[pk] = (network, mac)
        if ip:
            told[pk].append(Address(ip=ip, source=Source(source)))
    here = Lease.objects.current().filter(network__in={network for network, _ in places.values()})
    for network, mac, ip in here.values_list("network", "mac", "ip"):
        leased[network, mac].append(attached.of_lease(ip))
    for vm in rows:
        found = attached.addresses(leased.get(places.get(vm.pk), ()), told[vm.pk])
        vm.addresses = [address.ip for address in found]
    return rows
