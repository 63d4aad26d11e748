"""Looks for problems of addresses: reads what is known of networks and NICs, in as many queries however many."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from ipaddress import ip_network

from django.db.models import Q
from django.utils import timezone

from networks import blocks, rules
from networks import models as network_models
from networks.address_map import number
from networks.models import DHCPHostStatus, Network
from networks.network_xml import HostSpec
from networks.usage import ranges
from virterweb.hypervisors.models import Hypervisor

from . import problems
from .models import NIC as WishedNIC
from .models import NICAddress, NICStatus, Power
from .problems import NIC, Kind, Lease, Problem, Step, Told

LATELY = timedelta(hours=2)  # how long two guests that take one lease from each other are told of


def problems_of(networks: Iterable[Network]) -> list[Problem]:
    """What is wrong on these networks, the worst first."""
    networks = [network for network in networks if network.status.present]
    hypervisors = {network.hypervisor_id for network in networks}
    nics = _nics(hypervisors)
    (leases, ended), hosts, told = _leases(networks), _hosts(networks), _told(nics)
    found = []
    for network in networks:
        known = problems.Network(
            key=network.pk,
            name=network.name,
            leases=tuple(leases[network.pk]),
            ended=tuple(ended[network.pk]),
            hosts=tuple(hosts[network.pk]),
            told=tuple(told[network.pk]),
            static_dhcp=network.hypervisor.static_dhcp and network.is_access_network,
            **_room(network, leases[network.pk], hosts[network.pk]),
        )
        found += problems.of_network(known, nics[network.hypervisor_id])
    return worst_first([*found, *_overlaps(networks)])


def problems_of_nics(hypervisors: Iterable[Hypervisor]) -> list[Problem]:
    """NICs that hang on networks which are gone."""
    names = defaultdict(set)
    for hypervisor, name in Network.objects.values_list("hypervisor", "name"):
        names[hypervisor].add(name)
    nics = _nics({hypervisor.pk for hypervisor in hypervisors})
    return [problem for pk, found in nics.items() for problem in problems.of_nics(found, names[pk])]


def worst_first(found: list[Problem]) -> list[Problem]:
    return sorted(found, key=lambda problem: list(Kind).index(problem.kind))


def _nics(hypervisors: Iterable[int]) -> dict[int, list[NIC]]:
    rows = NICStatus.objects.filter(vm__wish__hypervisor__in=hypervisors)
    columns = ("vm__wish__hypervisor", "mac", "vm", "vm__wish__name", "vm__power", "kind", "source", "network")
    found = defaultdict(list)
    for hypervisor, mac, key, vm, power, kind, source, network in rows.order_by("pk").values_list(*columns):
        where = {"kind": kind, "source": source, "network": network}
        found[hypervisor].append(NIC(mac=mac.lower(), key=key, vm=vm, running=power != Power.OFF, **where))
    wished = WishedNIC.objects.filter(vm__hypervisor__in=hypervisors, removed_at=None, vm__status__present=False)
    for hypervisor, mac, vm in wished.values_list("vm__hypervisor", "mac", "vm__name"):
        found[hypervisor].append(NIC(mac=mac, vm=vm, running=False, kind=problems.WISHED, source="", network=None))
    return found


def _leases(networks: Iterable[Network]) -> tuple[dict[int, list[Lease]], dict[int, list[Lease]]]:
    """Those that hold, and those that ended lately, by network."""
    current, ended = defaultdict(list), defaultdict(list)
    rows = network_models.Lease.objects.filter(network__in=networks).order_by("last_seen", "pk")
    lately = rows.filter(Q(last_seen=None) | Q(last_seen__gt=timezone.now() - LATELY))
    columns = ("network", "last_seen", "pk", "ip", "mac", "hostname", "client_id", "expires_at")
    for network, last_seen, pk, ip, mac, hostname, client_id, until in lately.values_list(*columns):
        lease = Lease(key=pk, ip=ip, mac=mac, name=hostname, client_id=client_id, until=until)
        (ended if last_seen else current)[network].append(lease)
    return current, ended


def _hosts(networks: Iterable[Network]) -> dict[int, list[HostSpec]]:
    found = defaultdict(list)
    rows = DHCPHostStatus.objects.filter(network__in=networks)
    for network, mac, ip, name in rows.values_list("network", "mac", "ip", "name"):
        found[network].append(HostSpec(mac=mac, ip=ip, name=name))
    return found


def _told(nics: dict[int, list[NIC]]) -> dict[int, list[Told]]:
    places = {(nic.key, nic.mac): nic.network for found in nics.values() for nic in found}
    found = defaultdict(list)
    rows = NICAddress.objects.filter(vm__power=Power.RUNNING).values_list("vm", "mac", "ip", "source")
    for vm, mac, ip, source in rows:
        if network := places.get((vm, mac)):
            found[network].append(Told(ip=ip, mac=mac.lower(), source=source))
    return found


def _room(network: Network, leases: list[Lease], hosts: list[HostSpec]) -> dict[str, int]:
    """How many addresses DHCP hands out, and how many of them nobody has."""
    handed_out = ranges(network)
    taken = {number(each.ip) for each in (*leases, *hosts) if ":" not in each.ip}
    used = sum(1 for ip in taken if any(first <= ip <= last for first, last in handed_out))
    size = sum(last - first + 1 for first, last in handed_out)
    return {"size": size, "free": size - used}


def _overlaps(networks: Iterable[Network]) -> list[Problem]:
    """Blocks that share addresses with another network's or with a route of the host."""
    found, taken = [], {}
    for network in networks:
        if network.removed_at:
            continue
        if network.hypervisor_id not in taken:
            taken[network.hypervisor_id] = blocks.taken_blocks(network.hypervisor)
        mine = [ip_network(cidr, strict=False) for cidr in network.facts.ip_range.split(",") if cidr]
        for block in mine:
            others = [pair for pair in taken[network.hypervisor_id] if pair[1] != f"the network {network}"]
            if text := rules.find_overlap(block, others):
                what = f"{network}: {text} Guests of one cannot reach those of the other."
                found.append(Problem(kind=Kind.OVERLAP, text=what, step=Step.CHANGE_NETWORK, network=network.pk))
    return found
