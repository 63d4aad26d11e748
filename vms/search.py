"""One answer to “who is 10.255.0.207?”: addresses, MACs, names, VMs and networks, as they are and as they were."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.db.models import Q, QuerySet

from networks.models import DHCPHost, DHCPHostStatus, Lease, Network
from networks.question import Question

from .attached import Source
from .models import VM, NICAddress, NICStatus, Power

MOST = 200  # rows of a kind
EARLIER = 50  # leases of the past


@dataclass(kw_only=True)
class Hit:
    """An address on a network, or a NIC without one, with what is known of it."""

    network: Network | None
    source: str  # the network's or bridge's name
    mac: str
    ip: str = ""
    hostname: str = ""
    host_device: str = ""
    until: datetime | None = None
    says: list[str] = field(default_factory=list)  # "lease", "reserved", "agent", "ARP", "the host"
    vms: list[VM] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Answer:
    question: Question
    hits: list[Hit]
    vms: list[VM]
    networks: list[Network]
    earlier: list[Lease]
    free_in: list[Network]  # networks in whose blocks the one address that was asked for lies, unused

    @property
    def only(self) -> VM | Network | None:
        """The VM or network that goes by exactly this name, if there is one alone."""
        named = [each for each in (*self.vms, *self.networks) if each.name.lower() == self.question.text.lower()]
        return named[0] if len(named) == 1 else None

    @property
    def empty(self) -> bool:
        return not (self.hits or self.vms or self.networks or self.earlier or self.free_in)


def answer(text: str, vms: QuerySet, then: QuerySet | None = None) -> Answer:
    """What is known; `vms` are those that the asker may see, `then` the leases of the time that is asked for."""
    question = Question(text=text)
    found = _Search(question=question, networks={each.pk: each for each in _networks()})
    found.leases()
    found.hosts()
    found.told()
    found.nics()
    found.host_addresses()
    hits = sorted(found.hits.values(), key=lambda hit: (hit.ip == "", ":" in hit.ip, _number(hit.ip), hit.mac))
    _name_vms(hits, vms)
    holding = found.holding()
    ended = Lease.objects.filter(question.leases()).exclude(last_seen=None).order_by("-last_seen", "-pk")
    return Answer(
        question=question,
        hits=hits,
        vms=list(vms.filter(name__icontains=text)[:MOST]) if not question.block else [],
        networks=holding if question.block else found.named(),
        earlier=list((ended if then is None else then)[:EARLIER]),
        free_in=found.free_in() if not hits else [],
    )


def _networks() -> QuerySet:
    columns = ("name", "hypervisor__name", "managed", "removed_at", "status__ip_range", "status__present")
    return Network.objects.select_related("hypervisor", "status").only(*columns)


def _number(ip: str) -> int:
    return int(ip_address(ip)) if ip else 0


def _name_vms(hits: Iterable[Hit], vms: QuerySet) -> None:
    """Say which VM has the MAC of each hit; on its network, or, of an address that is only reserved, on any."""
    macs = {hit.mac for hit in hits if hit.mac}
    by_mac: dict[str, list[NICStatus]] = {}
    nics = NICStatus.objects.filter(mac__in=macs, vm__wish__in=vms)
    for nic in nics.select_related("vm__wish__hypervisor").order_by("vm", "position"):
        by_mac.setdefault(nic.mac, []).append(nic)
    for hit in hits:
        nics = by_mac.get(hit.mac, [])
        here = [nic for nic in nics if hit.network is None or nic.network_id == hit.network.pk] or nics
        hit.vms = list({nic.vm.wish_id: nic.vm.wish for nic in here}.values())
        hit.host_device = next((nic.target for nic in here if nic.target), "")


def _is_edge(network: Network, ip: IPv4Address | IPv6Address) -> bool:
    own = (ip_network(cidr, strict=False) for cidr in filter(None, network.status.ip_range.split(",")))
    return any(ip == each[0] or (ip.version == 4 and ip == each[-1]) for each in own)


def _overlaps(network: Network, block: IPv4Network | IPv6Network) -> bool:
    cidrs = (ip_network(cidr, strict=False) for cidr in filter(None, network.status.ip_range.split(",")))
    return any(own.version == block.version and own.overlaps(block) for own in cidrs)


@dataclass(kw_only=True)
class _Search:
    question: Question
    networks: dict[int, Network]
    hits: dict[tuple, Hit] = field(default_factory=dict)

    def _hit(self, network: int | None, mac: str, ip: str = "", source: str = "") -> Hit:
        known = self.networks.get(network)
        hit = Hit(network=known, source=known.name if known else source, mac=mac, ip=ip)
        return self.hits.setdefault((network or source, mac, ip), hit)

    def leases(self) -> None:
        wanted = self.question.leases()
        if not self.question.block:
            named = NICStatus.objects.filter(vm__wish__name__icontains=self.question.text)
            wanted |= Q(mac__in=named.values("mac"))
        rows = Lease.objects.current().filter(wanted).order_by("place")
        for network, mac, ip, hostname, until in rows.values_list("network", "mac", "ip", "hostname", "expires_at")[
            :MOST
        ]:
            hit = self._hit(network, mac, ip)
            hit.hostname, hit.until = hostname, until
            hit.says.append("lease")

    def hosts(self) -> None:
        rows = DHCPHostStatus.objects.filter(self.question.hosts()).order_by("place")
        for network, mac, ip, name in rows.values_list("network", "mac", "ip", "name")[:MOST]:
            hit = self._hit(network, mac, ip)
            hit.hostname = hit.hostname or name
            hit.says.append("reserved")

    def told(self) -> None:
        """What agents and ARP tables say: few rows, so that blocks are compared here."""
        block = self.question.block
        rows = NICAddress.objects.filter(vm__power=Power.RUNNING)
        if block is None:
            rows = rows.filter(self.question.macs() | Q(vm__wish__name__icontains=self.question.text))
        elif block.num_addresses == 1:
            rows = rows.filter(ip=str(block[0]))
        places = None
        for vm, mac, ip, source in rows.values_list("vm", "mac", "ip", "source"):
            if block and (ip_address(ip).version != block.version or ip_address(ip) not in block):
                continue
            if places is None:
                nics = NICStatus.objects.values_list("vm", "mac", "network", "source")
                places = {(vm, mac): (network, name) for vm, mac, network, name in nics}
            network, name = places.get((vm, mac), (None, ""))
            self._hit(network, mac, ip, name).says.append(Source(source).label)

    def nics(self) -> None:
        """NICs by MAC or VM, as far as no address of theirs is there already."""
        if self.question.block:
            return
        wanted = self.question.macs() | Q(vm__wish__name__icontains=self.question.text)
        known = {hit.mac for hit in self.hits.values()}
        rows = NICStatus.objects.filter(wanted).order_by("vm", "position")
        for network, mac, source in rows.values_list("network", "mac", "source")[:MOST]:
            if mac not in known:
                self._hit(network, mac, source=source)

    def host_addresses(self) -> None:
        """The hypervisor's own addresses among what is asked for."""
        if self.question.block:
            for network in self.holding():
                for cidr in network.status.ip_range.split(","):
                    ip = cidr.split("/")[0]
                    if ip_address(ip) in self.question.block:
                        self._hit(network.pk, "", ip).says.append("the host")

    def holding(self) -> list[Network]:
        """Networks whose blocks share addresses with what is asked for."""
        block = self.question.block
        return [network for network in self.networks.values() if block and _overlaps(network, block)]

    def free_in(self) -> list[Network]:
        """Networks where a guest could have the one address that is asked for, and no wish has it yet."""
        block = self.question.block
        if not block or block.num_addresses > 1:
            return []
        wished = set(DHCPHost.objects.filter(ip=str(block[0]), removed_at=None).values_list("network", flat=True))
        return [each for each in self.holding() if each.pk not in wished and not _is_edge(each, block[0])]

    def named(self) -> list[Network]:
        text = self.question.text.lower()
        return [network for network in self.networks.values() if text in network.name.lower()]
