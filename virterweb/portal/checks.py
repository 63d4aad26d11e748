"""Checks networks and NICs for address problems, in a constant number of queries."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from ipaddress import ip_network

from django.db.models import Q
from django.utils import timezone

from networks import models as network_models
from networks.addresses import blocks
from networks.addresses.grid import number
from networks.addresses.reserved import reserved
from networks.addresses.usage import ranges
from networks.definition.spec import HostSpec
from networks.models import Network
from virterweb.hypervisors.models import Hypervisor
from vms.addresses.nic_addresses import reporting
from vms.models import NIC as DesiredNIC
from vms.models import NICStatus, Power

from . import problems
from .problems import NIC, Kind, Lease, Problem, Reported, Step

RECENTLY = timedelta(hours=2)  # how long a lease taken over by another guest is reported


def problems_of(networks: Iterable[Network]) -> list[Problem]:
    """Return the problems of these networks, the worst first."""
    networks = [network for network in networks if network.status.present]
    hypervisors = {network.hypervisor_id for network in networks}
    nics = _nics(hypervisors)
    (leases, ended), hosts, reported = _leases(networks), _hosts(networks), _reported_addresses(networks)
    found = []
    for network in networks:
        known = problems.Network(
            key=network.pk,
            name=network.name,
            leases=tuple(leases[network.pk]),
            ended=tuple(ended[network.pk]),
            hosts=tuple(hosts[network.pk]),
            reported=tuple(reported[network.pk]),
            static_dhcp=network.hypervisor.static_dhcp and network.is_access_network,
            **_room(network, leases[network.pk], hosts[network.pk]),
        )
        found += problems.of_network(known, nics[network.hypervisor_id])
    return worst_first([*found, *_overlaps(networks), *_without_bridge(networks)])


def problems_of_nics(hypervisors: Iterable[Hypervisor]) -> list[Problem]:
    """Return problems of NICs on networks or bridges that do not exist."""
    names = defaultdict(set)
    for hypervisor, name in Network.objects.values_list("hypervisor", "name"):
        names[hypervisor].add(name)
    nics = _nics({hypervisor.pk for hypervisor in hypervisors})
    devices = {hypervisor.pk: hypervisor.status.devices for hypervisor in hypervisors}
    return [problem for pk, found in nics.items() for problem in problems.of_nics(found, names[pk], devices.get(pk))]


def worst_first(found: list[Problem]) -> list[Problem]:
    return sorted(found, key=lambda problem: list(Kind).index(problem.kind))


def _nics(hypervisors: Iterable[int]) -> dict[int, list[NIC]]:
    rows = NICStatus.objects.filter(vm__desired__hypervisor__in=hypervisors)
    columns = ("vm__desired__hypervisor", "mac", "vm", "vm__desired__name", "vm__power", "kind", "source", "network")
    found = defaultdict(list)
    for hypervisor, mac, key, vm, power, kind, source, network in rows.order_by("pk").values_list(*columns):
        where = {"kind": kind, "source": source, "network": network}
        found[hypervisor].append(NIC(mac=mac.lower(), key=key, vm=vm, running=power != Power.OFF, **where))
    desired = DesiredNIC.objects.filter(vm__hypervisor__in=hypervisors, removed_at=None, vm__status__present=False)
    for hypervisor, mac, vm in desired.values_list("vm__hypervisor", "mac", "vm__name"):
        found[hypervisor].append(NIC(mac=mac, vm=vm, running=False, kind=problems.DESIRED, source="", network=None))
    return found


def _leases(networks: Iterable[Network]) -> tuple[dict[int, list[Lease]], dict[int, list[Lease]]]:
    """Return current and recently ended leases by network."""
    current, ended = defaultdict(list), defaultdict(list)
    rows = network_models.Lease.objects.filter(network__in=networks).order_by("last_seen", "pk")
    lately = rows.filter(Q(last_seen=None) | Q(last_seen__gt=timezone.now() - RECENTLY))
    columns = ("network", "last_seen", "pk", "ip", "mac", "hostname", "client_id", "expires_at")
    for network, last_seen, pk, ip, mac, hostname, client_id, until in lately.values_list(*columns):
        lease = Lease(key=pk, ip=ip, mac=mac, name=hostname, client_id=client_id, until=until)
        (ended if last_seen else current)[network].append(lease)
    return current, ended


def _hosts(networks: Iterable[Network]) -> dict[int, list[HostSpec]]:
    found = defaultdict(list)
    for each in reserved(networks):
        if each.found:
            found[each.network].append(each.found)
    return found


def _reported_addresses(networks: Iterable[Network]) -> dict[int, list[Reported]]:
    """Return the addresses of NICs by network, from sources that can be asked now."""
    found = defaultdict(list)
    rows = reporting(NICStatus.objects.filter(network__in=networks)).filter(reported__as_of=None)
    for network, mac, ip, source in rows.values_list("network", "mac", "reported__ip", "reported__source"):
        found[network].append(Reported(ip=ip, mac=mac, source=source))
    return found


def _room(network: Network, leases: list[Lease], hosts: list[HostSpec]) -> dict[str, int]:
    """Return how many addresses DHCP has to offer, and how many of them are free."""
    handed_out = ranges(network)
    taken = {number(each.ip) for each in (*leases, *hosts) if ":" not in each.ip}
    used = sum(1 for ip in taken if any(first <= ip <= last for first, last in handed_out))
    size = sum(last - first + 1 for first, last in handed_out)
    return {"size": size, "free": size - used}


def _without_bridge(networks: Iterable[Network]) -> Iterator[Problem]:
    """Yield a problem for each network whose bridge the host lacks, where the host's devices are known."""
    for network in networks:
        bridge, devices = network.status.bridge, network.hypervisor.status.devices
        needs_it = network.status.active or network.status.forward_mode == "bridge"
        if bridge and needs_it and devices is not None and bridge not in devices:
            code = "no host bridge" if network.status.forward_mode == "bridge" else "no bridge"
            about = {"network": network.name, "bridge": bridge}
            yield Problem(kind=Kind.GONE, code=code, about=about, step=Step.CHANGE_NETWORK, network=network.pk)


def _overlaps(networks: Iterable[Network]) -> list[Problem]:
    """Return the blocks that share addresses with another network or with a route of the host."""
    found, taken = [], {}
    for network in networks:
        if network.removed_at:
            continue
        if network.hypervisor_id not in taken:
            taken[network.hypervisor_id] = blocks.taken_blocks(network.hypervisor)
        mine = [ip_network(cidr, strict=False) for cidr in network.facts.ip_range.split(",") if cidr]
        for block in mine:
            others = [
                each
                for each in taken[network.hypervisor_id]
                if each.use is blocks.Use.ROUTE or each.holder != network.name
            ]
            # A wider route, for example of a VPN, is no problem: the network's own route is more specific.
            if other := next((each for each in others if each.overlaps(block) and not each.wider(block)), None):
                code = "overlaps route" if other.use is blocks.Use.ROUTE else "overlaps network"
                about = {"network": network.name, "block": block, "other": other}
                where = {"step": Step.CHANGE_NETWORK, "network": network.pk}
                found.append(Problem(kind=Kind.OVERLAP, code=code, about=about, **where))
    return found
