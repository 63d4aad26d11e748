"""Leftovers on the hypervisors: objects without an owner, and unused networks, DHCP reservations and volumes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

from django.db.models import Exists, F, Max, OuterRef, Q, Subquery
from django.db.models.expressions import Combinable
from django.utils import timezone

from networks.models import DHCPHost, DHCPHostStatus, Lease, Network
from virterweb.hypervisors.models import Hypervisor
from virterweb.pages.tables import natural
from virterweb.people import rights
from virterweb.people.owned import OwnedQuerySet
from virterweb.people.verbs import Verb
from virterweb.portal.attention import Worst
from vms.models import NIC, NICStatus, StoragePool, Volume
from vms.models.images.pool import Totals

SHOWN = 50  # objects of a section
GONE_FOR = timedelta(days=30)  # a reservation without NIC is unused if its MAC had no lease for this time


def without_owner(things: OwnedQuerySet) -> Worst:
    """Return the managed objects without an owner, or with a deactivated one."""
    nobody = Q(owner=None) | Q(owner__is_active=False)
    rows = things.filter(nobody, managed=True, removed_at=None)
    return _first(rows, "status__document", "status__stored")


def _first(rows: OwnedQuerySet, *not_read: str) -> Worst:
    rows = rows.select_related("hypervisor", "owner", "team", "status").defer(*not_read)
    return Worst.of(rows.order_by("hypervisor", "name", "pk"), SHOWN)


def unused_networks(user: rights.Actor, hypervisor: Hypervisor | None = None) -> Worst:
    """Return the networks without a NIC and without a lease; `used_at` is when the last lease ended.

    `hypervisor` is where they are, None for all. Access networks are left out, because new VMs need them.
    """
    here = {"vm__hypervisor": OuterRef("hypervisor"), "source": OuterRef("name")}
    desired = NIC.objects.filter(**here, kind=NIC.Kind.NETWORK, removed_at=None)
    leases = Lease.objects.filter(network=OuterRef("pk")).order_by()
    rows = Network.objects.visible_to(user).filter(
        ~Exists(NICStatus.objects.filter(network=OuterRef("pk"))),
        ~Exists(desired),
        ~Exists(leases.current()),
        ~Q(name=F("hypervisor__access_network")),
        # libvirt counts NICs of others too, such as containers.
        ~Q(status__active=True, status__document__contains=" connections="),
        hypervisor__status__unreachable_since=None,
        removed_at=None,
    )
    rows = rows.on(hypervisor) if hypervisor else rows
    last = leases.values("network").annotate(at=Max("last_seen")).values("at")
    return _first(rows.annotate(used_at=Subquery(last)), "document", "status__document", "status__stored")


@dataclass(frozen=True, kw_only=True)
class Reservations:
    """The unused reservations of a network; each has the end of its last lease as `leased_at`."""

    network: Network
    rows: list[DHCPHostStatus]


@dataclass(frozen=True, kw_only=True)
class UnusedReservations:
    networks: list[Reservations]
    more: int


def unused_reservations(user: rights.Actor, hypervisor: Hypervisor | None = None) -> UnusedReservations:
    """Return the reservations in libvirt whose MAC no NIC of the hypervisor has, and that had no lease lately.

    Those of access networks with static DHCP are left out, because they are made in advance.
    """
    of_mac = {"on": OuterRef("network__hypervisor"), "mac": OuterRef("mac")}
    leases = Lease.objects.annotate(on=_unindexed("hypervisor")).filter(**of_mac).order_by()
    found_nics = NICStatus.objects.annotate(on=_unindexed("vm__desired__hypervisor")).filter(**of_mac)
    desired_nics = NIC.objects.annotate(on=_unindexed("vm__hypervisor")).filter(**of_mac, removed_at=None)
    lately = leases.filter(Q(last_seen=None) | Q(last_seen__gt=timezone.now() - GONE_FOR))
    asked = DHCPHost.objects.filter(network=OuterRef("network"), mac=OuterRef("mac"), ip=OuterRef("ip"))
    rows = DHCPHostStatus.objects.filter(
        ~Exists(found_nics),
        ~Exists(desired_nics),
        ~Exists(lately),
        ~Exists(asked.filter(~Q(removed_at=None) | ~Q(asked_at=None))),
        ~Q(network__hypervisor__static_dhcp=True, network__name=F("network__hypervisor__access_network")),
        network__in=Network.objects.visible_to(user).filter(removed_at=None).order_by(),
        network__hypervisor__status__unreachable_since=None,
    ).exclude(mac="")
    rows = rows.filter(network__hypervisor=hypervisor) if hypervisor else rows
    last = leases.values("mac").annotate(at=Max("last_seen")).values("at")
    rows = rows.annotate(leased_at=Subquery(last)).select_related("network__hypervisor", "network__owner")
    rows = rows.defer("network__document", "network__agreed")
    found = Worst.of(rows.order_by("network__hypervisor__name", "network__name", "network", "sort_key", "pk"), SHOWN)
    return UnusedReservations(networks=_by_network(found.rows), more=found.more)


def _unindexed(column: str) -> Combinable:
    """Return a column so that the database does not use its index: that of the MAC finds far fewer rows."""
    return F(column) + 0


def _by_network(rows: Iterable[DHCPHostStatus]) -> list[Reservations]:
    groups = [list(its) for _, its in groupby(rows, key=lambda row: row.network_id)]
    return [Reservations(network=its[0].network, rows=its) for its in groups]


def pools(user: rights.Actor, hypervisor: Hypervisor | None = None) -> Worst:
    """Return the active pools that a user sees with unused volumes, or of which nothing is known now.

    Each has the totals of its unused volumes as `unused`, and whether it can be read as `is_readable`.
    """
    rows = StoragePool.objects.filter(rights.access_of(user).hypervisors(Verb.LIST, at="hypervisor"))
    rows = rows.filter(hypervisor=hypervisor) if hypervisor else rows
    unused = Volume.objects.unused()
    rows = rows.annotate(is_readable=Exists(StoragePool.objects.readable().filter(pk=OuterRef("pk"))))
    rows = rows.filter(Q(is_readable=False) | Exists(unused.filter(pool=OuterRef("pk"))), active=True, gone_at=None)
    found = Worst.of(rows.select_related("hypervisor__status").order_by("hypervisor__name", natural("name")), SHOWN)
    totals = unused.filter(pool__in=found.rows).totals()
    for pool in found.rows:
        pool.unused = totals.get(pool.pk, Totals())
    return found


def sees_volumes(user: rights.Actor) -> bool:
    """Return whether there is a hypervisor whose volumes a user may see."""
    return Hypervisor.objects.filter(rights.access_of(user).hypervisors(Verb.LIST)).exists()
