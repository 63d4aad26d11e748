"""Rows of the pages: NICs joined with their addresses, in a constant number of queries."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F, FilteredRelation, Q, QuerySet
from django.utils import timezone

from networks.models import Lease
from networks.reservations.reserved import reserved_address
from vms.definition import wording
from vms.definition.nics.parse import parse_domain
from vms.definition.nics.spec import key_of
from vms.guests import states as guest_states
from vms.models import NIC, VM, NICAddress, NICStatus, Power
from vms.nics.traffic import ACTIVE, reading
from vms.observed import attached
from vms.observed.attached import Address, Source
from vms.observed.guest_seen import Verdict
from vms.observed.rates import GAP, Traffic


def _reported_addresses() -> QuerySet:
    """Return what agents and the ARP table report, of running VMs only: rows remain for a while after a VM stops."""
    return NICAddress.objects.filter(vm__power=Power.RUNNING)


@dataclass(frozen=True, kw_only=True)
class NICRow:
    """One NIC on a VM's page: desired, found, or both."""

    position: int
    desired: NIC | None
    seen: NICStatus | None
    later: NICStatus | None  # as stored, if a running VM does not have it yet
    addresses: tuple[Address, ...]
    hostname: str
    state: str
    dhcp: bool
    traffic: Traffic | None
    reserved: str = ""
    guest: Verdict | None = None  # only of a NIC that was found

    @property
    def ips(self) -> tuple[str, ...]:
        """Return the addresses of the NIC's leases only; they disappear with the NIC."""
        return tuple(address.ip for address in self.addresses if Source.LEASE in address.sources)

    @property
    def nic(self) -> NIC | NICStatus:
        return self.seen or self.desired or self.later

    @property
    def kind(self) -> str:
        """Return the kind of the NIC where its source does not tell it."""
        return {NIC.Kind.BRIDGE: "host bridge", NIC.Kind.DIRECT: "macvtap"}.get(
            self.nic.kind, wording.KINDS.get(self.nic.kind, "")
        )

    @property
    def gone(self) -> bool:
        return bool(self.desired and self.desired.removed_at)


def nic_rows(vm: VM) -> list[NICRow]:
    """Return all NICs of a VM, desired or found, in the order of the definition."""
    seen = {nic.key: nic for nic in vm.status.nics.select_related("network__status", "network__hypervisor")}
    saved = {nic.key: nic for nic in vm.nics.all()}
    leases = defaultdict(list)
    macs = {nic.mac for nic in (*seen.values(), *saved.values())}
    for lease in Lease.objects.current().filter(network__hypervisor=vm.hypervisor_id, mac__in=macs):
        leases[lease.network_id, lease.mac].append(lease)
    told = defaultdict(list)
    for one in _reported_addresses().filter(vm=vm.status):
        told[one.mac].append(Address(ip=one.ip, source=Source(one.source), since=one.seen_at, as_of=one.as_of))
    later = {nic.key: nic for nic in _stored(vm)} if vm.status.running else {}
    traffic, now, rows = _traffic(vm), timezone.now(), []
    nics = guest_states.known(vm.status.nics.all()).values(*guest_states.COLUMNS)
    known = {key_of(row["mac"], row["place"]): row for row in nics}
    for position, key in enumerate(dict.fromkeys([*saved, *seen, *later])):
        nic = seen.get(key)
        found = leases.get((nic.network_id, nic.mac), []) if nic else []
        columns = known.get(key) if nic else None
        addresses = attached.addresses(
            (attached.of_lease(lease.ip, lease.first_seen) for lease in found), told[nic.mac] if nic else ()
        )
        until = next((lease.expires_at for lease in found if ":" not in lease.ip), None)
        rows.append(
            NICRow(
                position=position,
                desired=saved.get(key),
                seen=nic,
                later=None if nic else later.get(key),
                addresses=addresses,
                hostname=next((lease.hostname for lease in found if lease.hostname), ""),
                state=_state(vm, saved.get(key), nic, key in later),
                dhcp=bool(nic and nic.network and nic.network.status.dhcp),
                traffic=traffic.get(key) if nic else None,
                reserved=reserved_address(columns)[0] if columns else "",
                guest=guest_states.verdict(columns, addresses, now, until) if columns else None,
            )
        )
    return rows


def _traffic(vm: VM) -> dict[str, Traffic]:
    """Return the traffic of a running VM by NIC key; readings that are too old to give a current rate are omitted."""
    if vm.status.power not in ACTIVE:
        return {}
    late = timezone.now() - timedelta(seconds=GAP)
    found = {}
    for row in vm.status.traffic.all():
        rate = row.samples[-1] if row.samples and row.at > late else None
        found[key_of(row.mac, row.place)] = Traffic(reading=reading(row), samples=tuple(row.samples), rate=rate)
    return found


def _stored(vm: VM) -> list[NICStatus]:
    """Return, as unsaved rows, the NICs of the stored definition that a running VM gets at its next start."""
    if not (vm.status.persistent and vm.status.definition):
        return list(vm.status.nics.all())
    return [
        NICStatus(kind=nic.kind, source=nic.source, model=nic.model, mac=nic.mac, place=nic.place, position=position)
        for position, nic in enumerate(parse_domain(vm.status.definition))
    ]


def _state(vm: VM, desired: NIC | None, seen: NICStatus | None, stored: bool) -> str:
    """Return the state of a NIC: attached, attaching, detaching, missing, added outside or failed."""
    if desired and desired.removed_at:
        return "goes at shutdown" if desired.at_shutdown else "detaching"
    if desired and desired.refused:
        return "failed"
    if desired and desired.asked_at and not vm.done:
        return "changing" if seen else "attaching"
    if seen and vm.status.running and not stored:
        return "until shutdown"
    if desired and seen:
        return "attached"
    if stored and not seen and vm.status.running:
        return "at the next start"
    if seen:
        return "added outside" if vm.managed else "attached"
    if not vm.done:
        return "attaching"
    return "failed" if vm.status.error else "missing"


def with_access_addresses(vms: Iterable[VM]) -> list[VM]:
    """Return the VMs, each with the addresses of its first NIC as `addresses`."""
    rows = list(vms)
    seen = FilteredRelation("vm__addresses", condition=Q(vm__addresses__mac=F("mac"), vm__power=Power.RUNNING))
    first = NICStatus.objects.filter(vm__desired__in=rows, position=0).annotate(told=seen)
    places, leased, told = {}, defaultdict(list), defaultdict(list)
    for pk, network, mac, ip, source, as_of in first.values_list(
        "vm__desired", "network", "mac", "told__ip", "told__source", "told__as_of"
    ):
        places[pk] = (network, mac)
        if ip:
            told[pk].append(Address(ip=ip, source=Source(source), as_of=as_of))
    here = Lease.objects.current().filter(network__in={network for network, _ in places.values()})
    for network, mac, ip in here.values_list("network", "mac", "ip"):
        leased[network, mac].append(attached.of_lease(ip))
    for vm in rows:
        found = attached.addresses(leased.get(places.get(vm.pk), ()), told[vm.pk])
        vm.addresses = [address.ip for address in found]
    return rows
