"""Searches addresses, MACs, names, VMs and networks, current and past ones."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.db.models import Q, QuerySet

from networks.addresses.query import Question
from networks.addresses.reserved import found_in_order, reserved
from networks.models import Lease, Network
from virterweb.hypervisors.desired.queryset import DesiredQuerySet
from vms.addresses.nic_addresses import reporting
from vms.models import VM, NICStatus
from vms.observed.addresses import Address, Source

MAX_ROWS = 200  # rows of each kind
EARLIER = 50  # ended leases


@dataclass(kw_only=True)
class Hit:
    """An address on a network, or a NIC without one, with everything that the search shows."""

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
    free_in: list[Network]  # networks where the requested address is free

    @property
    def only(self) -> VM | Network | None:
        """Return the VM or network with exactly this name, if there is only one."""
        named = [each for each in (*self.vms, *self.networks) if each.name.lower() == self.question.text.lower()]
        return named[0] if len(named) == 1 else None

    @property
    def empty(self) -> bool:
        return not (self.hits or self.vms or self.networks or self.earlier or self.free_in)


def answer(text: str, vms: DesiredQuerySet, then: QuerySet | None = None) -> Answer:
    """Return the results; `vms` are those that the user may see, `then` the leases at the requested time."""
    question = Question(text=text)
    found = _Search(question=question, networks={each.pk: each for each in _networks()})
    found.leases()
    found.hosts()
    found.reported()
    found.nics()
    found.host_addresses()
    hits = sorted(found.hits.values(), key=lambda hit: (hit.ip == "", ":" in hit.ip, _number(hit.ip), hit.mac))
    _name_vms(hits, vms)
    holding = found.holding()
    ended = Lease.objects.filter(question.leases()).exclude(last_seen=None).order_by("-last_seen", "-pk")
    return Answer(
        question=question,
        hits=hits,
        vms=_found(vms, Q(name__icontains=text)) if not question.block else [],
        networks=_found(_networks(), _among(holding) if question.block else Q(name__icontains=text)),
        earlier=list((ended if then is None else then)[:EARLIER]),
        free_in=found.free_in() if not hits else [],
    )


def _found(rows: DesiredQuerySet, wanted: Q) -> list:
    """Return the objects that are asked for; one that was recreated outside is one row."""
    return rows.with_replacements(rows.filter(wanted).once_a_name()[:MAX_ROWS])


def _among(networks: Iterable[Network]) -> Q:
    return Q(pk__in=[each.pk for each in networks])


def _networks() -> DesiredQuerySet:
    columns = ("name", "hypervisor__name", "managed", "removed_at", "status__ip_range", "status__present")
    return Network.objects.select_related("hypervisor", "status").only(*columns)


def _number(ip: str) -> int:
    return int(ip_address(ip)) if ip else 0


def _name_vms(hits: Iterable[Hit], vms: QuerySet) -> None:
    """Add the VM to each hit that has its MAC: on its network or, for a reserved address without NIC, on any."""
    macs = {hit.mac for hit in hits if hit.mac}
    by_mac: dict[str, list[NICStatus]] = {}
    nics = NICStatus.objects.filter(mac__in=macs, vm__desired__in=vms)
    for nic in nics.select_related("vm__desired__hypervisor").order_by("vm", "position"):
        by_mac.setdefault(nic.mac, []).append(nic)
    for hit in hits:
        nics = by_mac.get(hit.mac, [])
        here = [nic for nic in nics if hit.network is None or nic.network_id == hit.network.pk] or nics
        hit.vms = list({nic.vm.desired_id: nic.vm.desired for nic in here}.values())
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
            named = NICStatus.objects.filter(vm__desired__name__icontains=self.question.text)
            wanted |= Q(mac__in=named.values("mac"))
        rows = Lease.objects.current().filter(wanted).order_by("sort_key")
        for network, mac, ip, hostname, until in rows.values_list("network", "mac", "ip", "hostname", "expires_at")[
            :MAX_ROWS
        ]:
            hit = self._hit(network, mac, ip)
            hit.hostname, hit.until = hostname, until
            hit.says.append("lease")

    def hosts(self) -> None:
        rows = found_in_order(self.question.hosts())
        for network, mac, ip, name in rows.values_list("network", "mac", "ip", "name")[:MAX_ROWS]:
            hit = self._hit(network, mac, ip)
            hit.hostname = hit.hostname or name
            hit.says.append("reserved")

    def reported(self) -> None:
        """Add the addresses that agents and ARP tables report; these are few rows, so blocks are compared here."""
        block, nics = self.question.block, NICStatus.objects.all()
        if block is None:
            nics = nics.filter(self.question.macs() | Q(vm__desired__name__icontains=self.question.text))
        rows = reporting(nics)
        if block and block.num_addresses == 1:
            rows = rows.filter(reported__ip=str(block[0]))
        reported = ("reported__ip", "reported__source", "reported__as_of")
        for network, source, mac, ip, teller, as_of in rows.values_list("network", "source", "mac", *reported):
            if block and (ip_address(ip).version != block.version or ip_address(ip) not in block):
                continue
            reported = Address(ip=ip, source=Source(teller), as_of=as_of)
            self._hit(network, mac, ip, source).says.append(reported.source_text)

    def nics(self) -> None:
        """Add NICs by MAC or VM, unless one of their addresses was already found."""
        if self.question.block:
            return
        wanted = self.question.macs() | Q(vm__desired__name__icontains=self.question.text)
        known = {hit.mac for hit in self.hits.values()}
        rows = NICStatus.objects.filter(wanted).order_by("vm", "position")
        for network, mac, source in rows.values_list("network", "mac", "source")[:MAX_ROWS]:
            if mac not in known:
                self._hit(network, mac, source=source)

    def host_addresses(self) -> None:
        """Add the hypervisor's own addresses."""
        if self.question.block:
            for network in self.holding():
                for cidr in network.status.ip_range.split(","):
                    ip = cidr.split("/")[0]
                    if ip_address(ip) in self.question.block:
                        self._hit(network.pk, "", ip).says.append("the host")

    def holding(self) -> list[Network]:
        """Return networks whose blocks share addresses with the requested ones."""
        block = self.question.block
        return [network for network in self.networks.values() if block and _overlaps(network, block)]

    def free_in(self) -> list[Network]:
        """Return networks where a guest could have the requested address, and it is not reserved there."""
        block = self.question.block
        if not block or block.num_addresses > 1:
            return []
        there = {each.pk: each for each in self.holding() if not _is_edge(each, block[0])}
        taken = {each.network for each in reserved(there, Q(ip=str(block[0]))) if not each.going}
        return [network for key, network in there.items() if key not in taken]
