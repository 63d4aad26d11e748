"""What guests do with their NICs, of as many as there are: columns of one query, and the verdict that follows.

The columns of a network are Virter's, as observed: no definition is read again for each look at a page.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address, ip_interface

from django.db.models import Case, Exists, F, FilteredRelation, OuterRef, Q, QuerySet, Subquery, When

from networks.models import DHCPHost, DHCPHostStatus
from networks.network_xml import HostSpec, NetworkSpec, RangeSpec, SubnetSpec
from virterweb.hypervisors.models import Hypervisor

from . import guest_report
from .attached import Address
from .cloud_init import GuestNIC
from .guest_check import check
from .guest_nic import Attached, GuestSpec, guest_nics
from .guest_seen import CloudInit, Seen, Verdict, Wanted
from .models import NICStatus, Power

VIRTER = Hypervisor.GuestNetwork.VIRTER
NIC_COLUMNS = ("mac", "position", "link", "vm__power", "vm__observed_at", "vm__wish__managed", "wished", "wished_guest")
NIC_COLUMNS += ("vm__wish__guest_network", "vm__wish__hypervisor__guest_network", "mixed", "ours", "hosts")
NIC_COLUMNS += ("network__status__ip_range", "network__status__dhcp")
NIC_COLUMNS += ("reserved_wish", "reserved_found", "reserved_going")
REPORTED = ("since", "nics", "agent", "asked_at", "refused", "cloud_init", "errors", "interfaces")
REPORT_COLUMNS = tuple(f"vm__guest_report__{name}" for name in REPORTED)
COLUMNS = NIC_COLUMNS + REPORT_COLUMNS


def known(nics: QuerySet) -> QuerySet:
    """NICStatus rows that have COLUMNS: with the wish of each, and the IPv4 address that is reserved for it."""
    here = {"network": OuterRef("network"), "mac": OuterRef("mac")}
    four = Q(ip__contains=".")
    wishes = DHCPHost.objects.filter(four, **here)
    # Entries of a MAC are few, those of a network many: the sum keeps SQLite from the index of the latter.
    found = DHCPHostStatus.objects.alias(at=F("network_id") + 0).filter(four, mac=here["mac"], at=here["network"])
    wish = FilteredRelation("vm__wish__nics", condition=Q(vm__wish__nics__mac=F("mac")))
    others = NICStatus.objects.filter(vm=OuterRef("vm"), position__gt=0)
    return nics.annotate(
        wish=wish,
        wished=F("wish__position"),
        wished_guest=F("wish__guest"),
        ours=Case(When(vm__wish__host_key="", then=False), default=True),
        mixed=Exists(others.filter(Q(network=None) | Q(network__status__dhcp=""))),
        hosts=Exists(DHCPHostStatus.objects.filter(four, network=OuterRef("network"))),
        reserved_wish=Subquery(wishes.filter(removed_at=None).order_by("ip").values("ip")[:1]),
        reserved_found=Subquery(found.order_by("ip").values("ip")[:1]),
        reserved_going=Exists(wishes.exclude(removed_at=None)),
    )


def reserved(columns: Mapping[str, object]) -> tuple[str, bool]:
    """The IPv4 address that a NIC is to have, "" without; and whether libvirt has the entry."""
    wish, found = columns["reserved_wish"] or "", columns["reserved_found"] or ""
    if wish or columns["reserved_going"]:
        return wish, wish == found
    return found, True


def verdict(
    columns: Mapping[str, object], addresses: Iterable[Address], now: datetime, until: datetime | None = None
) -> Verdict:
    """What to say of a NIC with these COLUMNS and addresses; `until` is the end of its lease."""
    return check(_wanted(columns), _seen(columns, tuple(addresses), until), now)


def _wanted(columns: Mapping[str, object]) -> Wanted:
    ip, _ = reserved(columns)
    if not columns["vm__wish__managed"] or columns["wished"] is None:
        return Wanted(managed=False, reserved=ip)
    place = (columns["network__status__ip_range"] or "", columns["network__status__dhcp"] or "", columns["hosts"])
    wish = columns["wished_guest"]
    if (columns["vm__wish__guest_network"] or columns["vm__wish__hypervisor__guest_network"]) == VIRTER:
        if columns["mixed"] and columns["position"]:
            return Wanted(managed=False, reserved=ip, alone="left alone: Virter configures the first NIC only")
        wish = {}
    if not wish:
        usual = _usual(*place)
        return replace(usual, reserved=ip) if ip else usual
    return _of(Attached(mac="", wish=GuestSpec.read(wish), network=_network(*place), reserved=ip))


def _of(nic: Attached) -> Wanted:
    (guest,) = guest_nics([nic])
    return of_guest_nic(guest, nic.network, nic.reserved)


@lru_cache(maxsize=1024)
def _usual(ip_range: str, dhcp: str, hosts: bool) -> Wanted:
    """What is expected of a NIC without settings on such a network."""
    return _of(Attached(mac="", network=_network(ip_range, dhcp, hosts)))


def of_guest_nic(guest: GuestNIC, network: NetworkSpec | None, ip: str) -> Wanted:
    """What is expected of a guest that was told so on a network with such blocks; None: nobody knows of any."""
    asked = ([4] if guest.dhcp4 else []) + ([6] if guest.dhcp6 else [])
    subnets = network.subnets if network else ()
    return Wanted(
        dhcp=frozenset(asked),
        served=frozenset(subnet.family for subnet in subnets if subnet.dhcp) if network else None,
        blocks=tuple(str(subnet.interface.network) for subnet in subnets),
        addresses=guest.addresses,
        reserved=ip,
        managed=guest.managed,
        alone="" if guest.managed else "left alone",
    )


@lru_cache(maxsize=1024)
def _network(ip_range: str, dhcp: str, hosts: bool) -> NetworkSpec | None:
    """What Virter's columns IP-Range and DHCP say of a network; None if it has no block: who serves there is unknown.

    With `hosts` it has host entries, by which it serves IPv4 even without a range.
    """
    ranges = [RangeSpec(start=start, end=end) for start, _, end in (ends.partition("-") for ends in dhcp.split(","))]
    subnets = []
    for block in (ip_interface(text) for text in ip_range.split(",") if text):
        here = tuple(each for each in ranges if each.start and ip_address(each.start) in block.network)
        kept = (HostSpec(ip=str(block.ip)),) if hosts and block.version == 4 else ()
        prefix = block.network.prefixlen
        subnets.append(SubnetSpec(address=str(block.ip), prefix=prefix, ranges=here, hosts=kept))
    return NetworkSpec(name="", subnets=tuple(subnets)) if subnets else None


def _seen(columns: Mapping[str, object], addresses: tuple[Address, ...], until: datetime | None) -> Seen:
    since, nics, agent, told, refused, cloud_init, errors, interfaces = (columns[name] for name in REPORT_COLUMNS)
    mac = columns["mac"]
    return Seen(
        running=columns["vm__power"] == Power.RUNNING,
        addresses=addresses,
        link_up=columns["link"] != "down",
        agent=agent,
        refused=refused or "",
        ours=bool(columns["ours"]),
        interface=guest_report.interface(interfaces or {}, mac) if agent else None,
        cloud_init=CloudInit(cloud_init) if cloud_init else None,
        errors=errors or "",
        in_libvirt=reserved(columns)[1],
        until=until,
        since=since or columns["vm__observed_at"],
        plugged=guest_report.plugged(nics or {}, mac),
        told=told,
    )
