"""Rows of the pages: NICs joined with their addresses, in as many queries however many there are."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F, FilteredRelation, Q, QuerySet
from django.utils import timezone

from networks.models import Lease

from . import attached
from .attached import Address, Source
from .expected import Situation, why_not
from .models import NIC, VM, NICAddress, NICStatus, Power
from .nic_address import reserved
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
    why_not: str = ""  # why it does not have the reserved address, as the end of a sentence

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
    traffic, fixed = _traffic(vm), reserved([vm.hypervisor_id], [*wished, *seen])
    rows = []
    for position, mac in enumerate(dict.fromkeys([*wished, *seen])):
        nic = seen.get(mac)
        found = leases.get((nic.network_id, mac), []) if nic else []
        ip, in_libvirt = fixed.get((vm.hypervisor_id, nic.source, mac), ("", False)) if nic else ("", False)
        rows.append(
            NICRow(
                position=position,
                wish=wished.get(mac),
                seen=nic,
                addresses=attached.addresses(
                    (attached.of_lease(lease.ip, lease.first_seen) for lease in found), told[mac] if nic else ()
                ),
                hostname=next((lease.hostname for lease in found if lease.hostname), ""),
                state=_state(vm, wished.get(mac), nic),
                dhcp=bool(nic and nic.network and nic.network.status.dhcp),
                traffic=traffic.get(mac) if nic else None,
                reserved=ip,
                why_not=_why_not(nic, ip, in_libvirt, found, told[mac]) if ip else "",
            )
        )
    return rows


def _why_not(nic: NICStatus, fixed: str, in_libvirt: bool, leases: list[Lease], told: list[Address]) -> str:
    """Why a running NIC does not have its reserved address."""
    if nic.vm.power != Power.RUNNING:
        return ""
    leases = [lease for lease in leases if ":" not in lease.ip]
    situation = Situation(
        reserved=fixed,
        leased=tuple(lease.ip for lease in leases),
        told=tuple(address.ip for address in sorted(told, key=lambda one: one.source) if ":" not in address.ip),
        in_libvirt=in_libvirt,
        link_up=nic.link == "up",
        until=next((lease.expires_at for lease in leases), None),
        since=nic.vm.observed_at,
    )
    return why_not(situation, timezone.now())


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
