"""Checks networks and NICs for address problems, in a constant number of queries."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from operator import itemgetter

from django.db.models import BigIntegerField, Prefetch, Q, QuerySet, Value
from django.utils import timezone

from networks import models as network_models
from networks.addresses import blocks
from networks.addresses.grid import number
from networks.addresses.usage import ranges
from networks.definition.spec import HostSpec
from networks.models import Network
from virterweb.hypervisors.models import Hypervisor
from virterweb.people import rights
from virterweb.people.hidden.names import visible_name
from vms.addresses.nic_addresses import reporting
from vms.models import NIC as DesiredNIC
from vms.models import NICStatus, Power

from . import problems
from .problems import NIC, Kind, Lease, Problem, Reported, Step

OF_HYPERVISORS = ("name", "access_network", "static_dhcp", "status__hypervisor", "status__devices", "status__routes")
OF_NETWORKS = (
    "hypervisor",
    "name",
    "managed",
    "generation",
    "removed_at",
    "active",
    "owner",
    "team",
    "status__desired",
)
OF_NETWORKS += tuple(f"status__{name}" for name in ("generation", "present", "active", "bridge", "forward_mode"))
OF_NETWORKS += ("status__ip_range", "status__dhcp")
RECENTLY = timedelta(hours=2)  # how long a lease taken over by another guest is reported


def problems_of(networks: Iterable[Network], user: rights.Actor = None) -> list[Problem]:
    """Return the problems of these networks, the worst first; what the user may not see is not named."""
    wanted = {network.pk: network.hypervisor_id for network in networks if network.status.present}
    hypervisors = set(wanted.values())
    near = list(networks_around(hypervisors))
    mine = [network for network in near if network.pk in wanted]
    return _problems_of(mine, _nics(hypervisors, user), blocks.taken_blocks_of(near, user))


def problems_of_nics(hypervisors: Iterable[Hypervisor]) -> list[Problem]:
    """Return problems of NICs on networks or bridges that do not exist."""
    devices = {hypervisor.pk: hypervisor.status.devices for hypervisor in hypervisors}
    known = _names_by_hypervisor(Network.objects.filter(hypervisor__in=devices).values_list("hypervisor", "name"))
    nics = _nics(devices).items()
    return [problem for pk, found in nics for problem in problems.of_nics(found, known[pk], devices[pk])]


def problems_on(
    hypervisors: Iterable[int], user: rights.Actor = None
) -> tuple[dict[int, list[Problem]], list[Network]]:
    """Return all problems on these hypervisors, by hypervisor, and their networks."""
    networks = list(networks_around(hypervisors))
    of = {network.pk: network.hypervisor_id for network in networks}
    devices = {network.hypervisor_id: network.hypervisor.status.devices for network in networks}
    nics = _nics(hypervisors, user)
    present = [network for network in networks if network.status.present]
    known = _names_by_hypervisor((network.hypervisor_id, network.name) for network in networks)
    found = {pk: list(problems.of_nics(its, known[pk], devices.get(pk))) for pk, its in nics.items()}
    for problem in _problems_of(present, nics, blocks.taken_blocks_of(networks, user)):
        found.setdefault(of[problem.network], []).append(problem)
    return found, networks


def networks_around(hypervisors: Iterable[int]) -> QuerySet[Network]:
    """Return all networks of hypervisors, with what the checks and the links of their steps need."""
    prefetch = Prefetch("hypervisor", Hypervisor.objects.select_related("status").only(*OF_HYPERVISORS))
    rows = Network.objects.filter(hypervisor__in=hypervisors).select_related("status").only(*OF_NETWORKS)
    return blocks.with_waiting_document(rows.prefetch_related(prefetch)).order_by("name", "pk")


def _problems_of(
    networks: list[Network], nics: Mapping[int, list[NIC]], taken: Mapping[int, list[blocks.TakenBlock]]
) -> list[Problem]:
    (leases, ended), hosts, reported = _leases(networks), _hosts(networks), _reported_addresses(networks)
    owners = {hypervisor: problems.Owners(its) for hypervisor, its in nics.items()}
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
        found += problems.of_network(known, owners.get(network.hypervisor_id) or problems.Owners(()))
    return worst_first([*found, *_overlaps(networks, taken), *_without_bridge(networks)])


def _names_by_hypervisor(names: Iterable[tuple[int, str]]) -> dict[int, set[str]]:
    known = defaultdict(set)
    for hypervisor, name in names:
        known[hypervisor].add(name)
    return known


def worst_first(found: list[Problem]) -> list[Problem]:
    return sorted(found, key=lambda problem: problem.kind.rank)


def _nics(hypervisors: Iterable[int], user: rights.Actor = None) -> dict[int, list[NIC]]:
    """Return the NICs by hypervisor: those that were found, then desired ones of VMs that libvirt does not have."""
    seen = NICStatus.objects.filter(vm__desired__hypervisor__in=hypervisors)
    desired = DesiredNIC.objects.filter(vm__hypervisor__in=hypervisors, removed_at=None, vm__status__present=False)
    name = visible_name(user, "vm", "vm__desired__")
    columns = ("vm__desired__hypervisor", "mac", "vm", name, "vm__power", "kind", "source", "network")
    nowhere = (Value(Power.OFF), Value(problems.DESIRED), Value(""), Value(None, output_field=BigIntegerField()))
    rows = seen.order_by().values_list(*columns, Value(0), "pk")
    more = desired.order_by().values_list(
        "vm__hypervisor", "mac", Value(0), visible_name(user, "vm", "vm__"), *nowhere, Value(1), "pk"
    )
    found = defaultdict(list)
    ordered = sorted(rows.union(more, all=True), key=itemgetter(8, 9))
    for hypervisor, mac, key, vm, power, kind, source, network, *_ in ordered:
        where = {"kind": kind, "source": source, "network": network}
        found[hypervisor].append(NIC(mac=mac.lower(), key=key, vm=vm, running=power != Power.OFF, **where))
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
    """Return the reservations that libvirt has, by network."""
    found = defaultdict(list)
    for row in network_models.DHCPHostStatus.objects.filter(network__in=networks):
        found[row.network_id].append(row.spec())
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


def _overlaps(networks: Iterable[Network], taken: Mapping[int, list[blocks.TakenBlock]]) -> Iterator[Problem]:
    """Yield the blocks that share addresses with another network or with a route of the host."""
    known = {hypervisor: blocks.Overlaps(its) for hypervisor, its in taken.items()}
    for network in networks:
        if network.removed_at:
            continue
        for block in (ip_network(cidr, strict=False) for cidr in network.facts.ip_range.split(",") if cidr):
            if other := known[network.hypervisor_id].problem(block, network):
                yield overlap(network, block, other)


def overlap(network: Network, block: IPv4Network | IPv6Network, other: blocks.TakenBlock) -> Problem:
    """Return the problem that a block of a network overlaps another block."""
    code = "overlaps route" if other.use is blocks.Use.ROUTE else "overlaps network"
    code = code if other.holder else "overlaps hidden network"
    about = {"network": network.name, "block": block, "other": other}
    return Problem(kind=Kind.OVERLAP, code=code, about=about, step=Step.CHANGE_NETWORK, network=network.pk)
