"""NICs with their leases and with the addresses that guests' agents and ARP tables report.

Every page, export, check and task that asks which addresses a NIC has gets them here.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    Exists,
    ExpressionWrapper,
    F,
    FilteredRelation,
    GenericIPAddressField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    When,
)
from django.db.models.functions import Coalesce

from networks.models import Lease
from virterweb.pages.tables import InAddressOrder
from vms.models import VM, NICAddress, NICStatus, Power
from vms.observed import addresses as observed
from vms.observed.addresses import Address, NICAddresses, Source

LEASE = ("lease__pk", "lease__ip", "lease__hostname", "lease__first_seen", "lease__expires_at")
REPORTED = ("reported__pk", "reported__ip", "reported__source", "reported__seen_at", "reported__as_of")


def addresses_of(nics: QuerySet[NICStatus], key: str = "pk") -> defaultdict[Any, NICAddresses]:
    """Return the addresses of these NICs in one query, by a column that tells the NICs apart."""
    lease = FilteredRelation(
        "network__leases", condition=Q(network__leases__mac=F("mac"), network__leases__last_seen=None)
    )
    leases: dict[Any, dict[int, observed.Lease]] = defaultdict(dict)
    reports: dict[Any, dict[int, Address]] = defaultdict(dict)
    rows = nics.alias(lease=lease, reported=_reported()).order_by("lease__pk")
    known = rows.filter(Q(lease__isnull=False) | Q(reported__isnull=False))
    for nic, *values in known.values_list(key, *LEASE, *REPORTED):
        (leased, ip, hostname, since, until), (pk, reported, source, seen_at, as_of) = values[:5], values[5:]
        if leased:
            leases[nic][leased] = observed.Lease(ip=ip, hostname=hostname, since=since, until=until)
        if pk:
            reports[nic][pk] = Address(ip=reported, source=Source(source), since=seen_at, as_of=as_of)
    found = {nic: observed.joined([*leases[nic].values()], reports[nic].values()) for nic in {*leases, *reports}}
    return defaultdict(NICAddresses, found)


def _reported() -> FilteredRelation:
    """Return the addresses of running VMs alone: those of others are kept for a while."""
    return FilteredRelation("vm__addresses", condition=Q(vm__addresses__mac=F("mac"), vm__power=Power.RUNNING))


def reporting(nics: QuerySet[NICStatus]) -> QuerySet[NICStatus]:
    """Return NICs, one row for each reported address, joined as `reported`."""
    return nics.alias(reported=_reported()).filter(reported__isnull=False)


def with_reports(nics: QuerySet[NICStatus]) -> QuerySet[NICStatus]:
    """Return the same, and one row for each NIC of which nothing is reported."""
    return nics.alias(reported=_reported())


def leased() -> Exists:
    """Return the condition that a NIC has a lease."""
    return Exists(Lease.objects.current().filter(network=OuterRef("network"), mac=OuterRef("mac")))


def access_addresses(vms: Collection[int]) -> defaultdict[int, NICAddresses]:
    """Return the addresses of the first NIC of these VMs, by the key of the VM."""
    return addresses_of(NICStatus.objects.filter(vm__desired__in=vms, position=0), "vm__desired")


def with_access_addresses(vms: Iterable[VM]) -> list[VM]:
    """Return the VMs, each with the addresses of its first NIC as `addresses`."""
    rows = list(vms)
    known = access_addresses([vm.pk for vm in rows])
    for vm in rows:
        vm.addresses = list(known[vm.pk].ips)
    return rows


def first_access_address() -> InAddressOrder:
    """Return the expression of the first address of a VM's first NIC, the one that `with_access_addresses` gives.

    It follows the order of `vms.observed.addresses`: addresses from agents, leases, other addresses.
    """
    ip = InAddressOrder("ip")
    is_ipv6, is_old = (ExpressionWrapper(q, BooleanField()) for q in (Q(ip__contains=":"), Q(as_of__isnull=False)))
    leases = Lease.objects.current().filter(network=OuterRef("network"), mac=OuterRef("mac")).order_by(ip)
    reported = NICAddress.objects.filter(vm=OuterRef("vm"), mac=OuterRef("mac"), vm__power=Power.RUNNING)
    same_nic = {"network__nics__vm": OuterRef("vm"), "network__nics__mac": OuterRef("mac")}
    leased = Exists(Lease.objects.current().filter(**same_nic, mac=OuterRef("mac"), ip=OuterRef("ip")))
    agents = reported.filter(source=Source.AGENT, as_of=None).alias(leased=leased).order_by(is_ipv6, "-leased", ip)
    others = reported.order_by(is_old, "source", ip)  # the agent's before those of the ARP table
    by_agent, leased_ip, other = (Subquery(each.values("ip")[:1]) for each in (agents, leases, others))
    # The database finds the VMs whose agents report once, instead of asking about each row of a long list.
    have_agents = NICAddress.objects.filter(source=Source.AGENT, as_of=None).values("vm")
    best = Coalesce(Case(When(vm__in=have_agents, then=by_agent)), leased_ip, other)
    first = NICStatus.objects.filter(vm=OuterRef("status"), position=0).order_by().values(best=best)[:1]
    return InAddressOrder(Subquery(first, output_field=GenericIPAddressField()))
