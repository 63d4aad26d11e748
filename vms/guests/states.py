"""The guest network configuration of many NICs: rows of one query, and the verdicts that follow from them.

What a guest is to do is decided by `guest_nics`, as for its ISO.

The columns of a network are Virter's, as observed, so that no definition is read for each page view.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address, ip_interface
from itertools import groupby
from operator import itemgetter

from django.db.models import Case, Exists, F, FilteredRelation, OuterRef, Q, QuerySet, When
from django.utils import timezone

from networks.addresses.reserved import COLUMNS as RESERVED_COLUMNS
from networks.addresses.reserved import reserved_address, reserved_columns
from networks.definition.spec import HostSpec, NetworkSpec, RangeSpec, SubnetSpec
from networks.models import DHCPHostStatus
from virterweb.hypervisors.models import Hypervisor
from vms.addresses.nic_addresses import addresses_of
from vms.definition.cloud_init import GuestNIC
from vms.definition.guest_nic import Attached, GuestSpec, address_of_id, guest_nics
from vms.models import NIC, NICStatus, Power
from vms.observed.addresses import NICAddresses
from vms.observed.guest_check import check
from vms.observed.guest_seen import CloudInit, Seen, State, Verdict, Wanted

from . import report as guest_report

NETWORK_COLUMNS = ("network__status__ip_range", "network__status__dhcp", "hosts")
NIC_COLUMNS = ("mac", "place", "position", "link", "network__name", *NETWORK_COLUMNS, *RESERVED_COLUMNS)
VM_COLUMNS = ("vm", "vm__power", "vm__observed_at", "portal_iso", "desired_guest")
DESIRED_COLUMNS = ("managed", "number", "guest_network", "hypervisor__guest_network", "hypervisor__access_network")
REPORTED = ("since", "nics", "agent", "asked_at", "refused", "cloud_init", "errors", "interfaces")
REPORT_COLUMNS = tuple(f"vm__guest_report__{name}" for name in REPORTED)
COLUMNS = (*NIC_COLUMNS, *VM_COLUMNS, *(f"vm__desired__{name}" for name in DESIRED_COLUMNS), *REPORT_COLUMNS)


def known(nics: QuerySet[NICStatus], *columns: str) -> list[dict[str, object]]:
    """Return found NICs as rows with COLUMNS and these further ones, for `verdict`."""
    rows = list(_annotated(nics).values(*{*COLUMNS, *columns}))
    by_rule = _by_virters_rule({row["vm"] for row in rows if _as_virter(row)})
    for row in rows:
        row["by_rule"] = by_rule.get((row["vm"], row["mac"], row["place"]))
    return rows


def _annotated(nics: QuerySet[NICStatus]) -> QuerySet[NICStatus]:
    """Return NICs with what COLUMNS names: the desired NIC, and the IPv4 address that is reserved for it."""
    desired = FilteredRelation(
        "vm__desired__nics", condition=Q(vm__desired__nics__mac=F("mac"), vm__desired__nics__place=F("place"))
    )
    return nics.annotate(
        desired=desired,
        desired_guest=F("desired__guest"),
        portal_iso=Case(When(vm__desired__host_key="", then=False), default=True),
        hosts=_has_hosts("network"),
        **reserved_columns(),
    )


def _has_hosts(network: str) -> Exists:
    return Exists(DHCPHostStatus.objects.filter(ip__contains=".", network=OuterRef(network)))


def _as_virter(columns: Mapping[str, object]) -> bool:
    own, everybodys = columns["vm__desired__guest_network"], columns["vm__desired__hypervisor__guest_network"]
    return Hypervisor.GuestNetwork.is_virter(own, everybodys)


def _by_virters_rule(vms: set[int]) -> dict[tuple[int, str, str], Wanted]:
    """Return what is expected of the desired NICs of VMs in Virter's mode, by VM, MAC and place."""
    same = Q(vm__status__nics__mac=F("mac"), vm__status__nics__place=F("place"))
    nics = NIC.objects.filter(vm__status__in=vms, removed_at=None) if vms else NIC.objects.none()
    nics = nics.annotate(found=FilteredRelation("vm__status__nics", condition=same), hosts=_has_hosts("found__network"))
    columns = ("found__network__status__ip_range", "found__network__status__dhcp", "hosts")
    rows = nics.order_by("vm", "position", "pk").values_list("vm__status", "mac", "place", *columns)
    expected = {}
    for vm, its in groupby(rows, key=itemgetter(0)):
        keys, attached = [], []
        for _, mac, place, *of_network in its:
            keys.append((vm, mac, place))
            attached.append(Attached(mac=mac, network=_network(*of_network)))
        guests = guest_nics(attached, as_virter=True)
        for key, nic, guest in zip(keys, attached, guests, strict=True):
            expected[key] = _expected(guest, nic.network, "left alone by Virter")
    return expected


def unsettled(nics: QuerySet[NICStatus]) -> set[int]:
    """Return the VMs that have a NIC, among these, that is not as expected, or not yet."""
    addresses, now = addresses_of(nics), timezone.now()
    found = ((row["vm"], verdict(row, addresses[row["pk"]], now)) for row in known(nics, "pk"))
    return {vm for vm, each in found if each.state in (State.WAITING, State.NOT_AS_WANTED)}


def verdict(columns: Mapping[str, object], addresses: NICAddresses, now: datetime) -> Verdict:
    """Return the verdict on a NIC, given as a row of `known`, with these addresses."""
    return check(_wanted(columns), _seen(columns, addresses), now)


def _wanted(columns: Mapping[str, object]) -> Wanted:
    ip, _ = reserved_address(columns)
    if not columns["vm__desired__managed"] or columns["desired_guest"] is None:
        return Wanted(managed=False, reserved=ip)
    found = columns["by_rule"] or _by_settings(columns, ip)
    return replace(found, reserved=ip) if ip else found


def _by_settings(columns: Mapping[str, object], ip: str) -> Wanted:
    """Return what is expected of a NIC by its own settings; the other NICs of its VM do not matter for that."""
    place, desired = [columns[name] for name in NETWORK_COLUMNS], columns["desired_guest"]
    if not desired:
        return _usual(*place)
    network, first = _network(*place), columns["position"] == 0
    if not ip and first and columns["network__name"] == columns["vm__desired__hypervisor__access_network"]:
        ip = address_of_id(network, columns["vm__desired__number"])
    return _of(Attached(mac="", desired=GuestSpec.read(desired), network=network, reserved=ip))


@lru_cache(maxsize=1024)
def _usual(ip_range: str | None, dhcp: str | None, hosts: bool) -> Wanted:
    """Return what is expected of a NIC without settings on such a network."""
    return _of(Attached(mac="", network=_network(ip_range, dhcp, hosts)))


def _of(nic: Attached) -> Wanted:
    (guest,) = guest_nics([nic])
    return _expected(guest, nic.network)


def _expected(guest: GuestNIC, network: NetworkSpec | None, alone: str = "not configured") -> Wanted:
    """Return what is expected of a NIC configured so, on a network with such blocks; None: unknown."""
    asked = ([4] if guest.dhcp4 else []) + ([6] if guest.dhcp6 else [])
    subnets = network.subnets if network else ()
    return Wanted(
        dhcp=frozenset(asked),
        served=frozenset(subnet.family for subnet in subnets if subnet.dhcp) if network else None,
        blocks=tuple(str(subnet.interface.network) for subnet in subnets),
        addresses=guest.addresses,
        managed=guest.managed,
        alone="" if guest.managed else alone,
    )


@lru_cache(maxsize=1024)
def _network(ip_range: str | None, dhcp: str | None, hosts: bool) -> NetworkSpec | None:
    """Return what Virter's columns IP-Range and DHCP tell of a network; None without a block: who serves is unknown.

    With `hosts` the network has DHCP reservations, for which it serves IPv4 even without a range.
    """
    ranges = [
        RangeSpec(start=start, end=end) for start, _, end in (ends.partition("-") for ends in (dhcp or "").split(","))
    ]
    subnets = []
    for block in (ip_interface(text) for text in (ip_range or "").split(",") if text):
        here = tuple(each for each in ranges if each.start and ip_address(each.start) in block.network)
        kept = (HostSpec(ip=str(block.ip)),) if hosts and block.version == 4 else ()
        prefix = block.network.prefixlen
        subnets.append(SubnetSpec(address=str(block.ip), prefix=prefix, ranges=here, hosts=kept))
    return NetworkSpec(name="", subnets=tuple(subnets)) if subnets else None


def _seen(columns: Mapping[str, object], addresses: NICAddresses) -> Seen:
    since, nics, agent, reported_at, refused, cloud_init, errors, interfaces = (
        columns[name] for name in REPORT_COLUMNS
    )
    mac = columns["mac"]
    return Seen(
        running=columns["vm__power"] == Power.RUNNING,
        addresses=addresses.addresses,
        link_up=columns["link"] != "down",
        agent=agent,
        refused=refused or "",
        portal_iso=bool(columns["portal_iso"]),
        interface=guest_report.interface(interfaces or {}, mac) if agent else None,
        cloud_init=CloudInit(cloud_init) if cloud_init else None,
        errors=errors or "",
        in_libvirt=reserved_address(columns)[1],
        until=addresses.until,
        since=since or columns["vm__observed_at"],
        plugged=guest_report.plugged(nics or {}, mac),
        reported_at=reported_at,
    )
