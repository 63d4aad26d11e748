"""The guest network configuration of many NICs: columns for one query, and the verdict that follows from them.

The columns of a network are Virter's, as observed, so that no definition is read for each page view.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address, ip_interface

from django.db.models import Case, Exists, F, FilteredRelation, OuterRef, Q, QuerySet, When

from networks.definition.spec import HostSpec, NetworkSpec, RangeSpec, SubnetSpec
from networks.models import DHCPHostStatus
from networks.reservations.reserved import COLUMNS as RESERVED_COLUMNS
from networks.reservations.reserved import reserved_address, reserved_columns
from virterweb.hypervisors.models import Hypervisor
from vms.definition.cloud_init import GuestNIC
from vms.definition.guest_nic import Attached, GuestSpec, guest_nics
from vms.models import NICStatus, Power
from vms.observed.addresses import NICAddresses
from vms.observed.guest_check import check
from vms.observed.guest_seen import CloudInit, Seen, Verdict, Wanted

from . import report as guest_report

VIRTER = Hypervisor.GuestNetwork.VIRTER
NIC_COLUMNS = (
    "mac",
    "place",
    "position",
    "link",
    "vm__power",
    "vm__observed_at",
    "vm__desired__managed",
    "desired_position",
    "desired_guest",
)
NIC_COLUMNS += ("vm__desired__guest_network", "vm__desired__hypervisor__guest_network", "mixed", "ours", "hosts")
NIC_COLUMNS += ("network__status__ip_range", "network__status__dhcp")
NIC_COLUMNS += RESERVED_COLUMNS
REPORTED = ("since", "nics", "agent", "asked_at", "refused", "cloud_init", "errors", "interfaces")
REPORT_COLUMNS = tuple(f"vm__guest_report__{name}" for name in REPORTED)
COLUMNS = NIC_COLUMNS + REPORT_COLUMNS


def known(nics: QuerySet) -> QuerySet:
    """Return NICStatus rows with COLUMNS: the desired NIC, and the IPv4 address that is reserved for it."""
    desired = FilteredRelation(
        "vm__desired__nics", condition=Q(vm__desired__nics__mac=F("mac"), vm__desired__nics__place=F("place"))
    )
    others = NICStatus.objects.filter(vm=OuterRef("vm"), position__gt=0)
    return nics.annotate(
        desired=desired,
        desired_position=F("desired__position"),
        desired_guest=F("desired__guest"),
        ours=Case(When(vm__desired__host_key="", then=False), default=True),
        mixed=Exists(others.filter(Q(network=None) | Q(network__status__dhcp=""))),
        hosts=Exists(DHCPHostStatus.objects.filter(ip__contains=".", network=OuterRef("network"))),
        **reserved_columns(),
    )


def verdict(columns: Mapping[str, object], known: NICAddresses, now: datetime) -> Verdict:
    """Return the verdict on a NIC with these COLUMNS and addresses."""
    return check(_wanted(columns), _seen(columns, known), now)


def _wanted(columns: Mapping[str, object]) -> Wanted:
    ip, _ = reserved_address(columns)
    if not columns["vm__desired__managed"] or columns["desired_position"] is None:
        return Wanted(managed=False, reserved=ip)
    place = (columns["network__status__ip_range"] or "", columns["network__status__dhcp"] or "", columns["hosts"])
    desired = columns["desired_guest"]
    if (columns["vm__desired__guest_network"] or columns["vm__desired__hypervisor__guest_network"]) == VIRTER:
        if columns["mixed"] and columns["position"]:
            return Wanted(managed=False, reserved=ip, alone="left alone by Virter")
        desired = {}
    if not desired:
        usual = _usual(*place)
        return replace(usual, reserved=ip) if ip else usual
    return _of(Attached(mac="", desired=GuestSpec.read(desired), network=_network(*place), reserved=ip))


def _of(nic: Attached) -> Wanted:
    (guest,) = guest_nics([nic])
    return of_guest_nic(guest, nic.network, nic.reserved)


@lru_cache(maxsize=1024)
def _usual(ip_range: str, dhcp: str, hosts: bool) -> Wanted:
    """Return what is expected of a NIC without settings on such a network."""
    return _of(Attached(mac="", network=_network(ip_range, dhcp, hosts)))


def of_guest_nic(guest: GuestNIC, network: NetworkSpec | None, ip: str) -> Wanted:
    """Return what is expected of a guest with that configuration on a network with such blocks; None: unknown."""
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
    """Return what Virter's columns IP-Range and DHCP tell of a network; None without a block: who serves is unknown.

    With `hosts` the network has DHCP reservations, for which it serves IPv4 even without a range.
    """
    ranges = [RangeSpec(start=start, end=end) for start, _, end in (ends.partition("-") for ends in dhcp.split(","))]
    subnets = []
    for block in (ip_interface(text) for text in ip_range.split(",") if text):
        here = tuple(each for each in ranges if each.start and ip_address(each.start) in block.network)
        kept = (HostSpec(ip=str(block.ip)),) if hosts and block.version == 4 else ()
        prefix = block.network.prefixlen
        subnets.append(SubnetSpec(address=str(block.ip), prefix=prefix, ranges=here, hosts=kept))
    return NetworkSpec(name="", subnets=tuple(subnets)) if subnets else None


def _seen(columns: Mapping[str, object], known: NICAddresses) -> Seen:
    since, nics, agent, told, refused, cloud_init, errors, interfaces = (columns[name] for name in REPORT_COLUMNS)
    mac = columns["mac"]
    return Seen(
        running=columns["vm__power"] == Power.RUNNING,
        addresses=known.addresses,
        link_up=columns["link"] != "down",
        agent=agent,
        refused=refused or "",
        ours=bool(columns["ours"]),
        interface=guest_report.interface(interfaces or {}, mac) if agent else None,
        cloud_init=CloudInit(cloud_init) if cloud_init else None,
        errors=errors or "",
        in_libvirt=reserved_address(columns)[1],
        until=known.until,
        since=since or columns["vm__observed_at"],
        plugged=guest_report.plugged(nics or {}, mac),
        told=told,
    )
