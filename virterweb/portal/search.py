"""Searches addresses, MACs, names, VMs, networks and templates, current and past ones."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import islice

from django.db.models import Exists, OuterRef, Q, QuerySet

from networks.addresses.lease_names import named, readable
from networks.addresses.query import Question
from networks.addresses.reserved import found_in_order, requested
from networks.models import Lease, Network
from virterweb.hypervisors.desired.queryset import DesiredQuerySet
from virterweb.pages.tables import natural
from virterweb.people import rights
from virterweb.people.access import Access
from virterweb.people.owned import OwnedQuerySet
from virterweb.people.verbs import Verb
from vms.addresses.nic_addresses import reporting, with_reports
from vms.models import VM, NICStatus, VMTemplate
from vms.observed.addresses import Address, Source

MAX_ROWS = 50  # rows of each kind
EARLIER = 50  # ended leases
FREE = 10  # networks where an address is free
OF_NICS = ("mac", "network", "target", "vm__desired__name", "vm__desired__hypervisor__name")


@dataclass(kw_only=True)
class Hit:
    """An address on a network, or a NIC without one, with everything that the search shows."""

    key: int | None  # of the network
    source: str  # the network's or bridge's name
    network: Network | None = None
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
    templates: list[VMTemplate]
    earlier: list[Lease]
    free_in: list[Network]  # networks where the requested address is free

    @property
    def only(self) -> VM | Network | VMTemplate | None:
        """Return the VM, network or template with exactly this name, if there is only one."""
        found = (*self.vms, *self.networks, *self.templates)
        named = [each for each in found if each.name.lower() == self.question.text.lower()]
        return named[0] if len(named) == 1 else None

    @property
    def is_cut(self) -> bool:
        """Return whether there may be more than is shown."""
        return any(len(found) >= MAX_ROWS for found in (self.hits, self.vms, self.networks, self.templates))

    @property
    def empty(self) -> bool:
        return not (self.hits or self.vms or self.networks or self.templates or self.earlier or self.free_in)


def answer(text: str, user: rights.Actor, then: QuerySet | None = None) -> Answer:
    """Return what a user may see of the results; `then` are the leases at the requested time."""
    question, access = Question(text=text), rights.access_of(user)
    networks = _networks().visible_to(user)
    vms = VM.objects.visible_to(user).select_related("hypervisor", "status")
    listed = _found(vms, Q(name__icontains=text)) if not question.block else []
    found = _Search(question=question, access=access, networks=networks, readable=readable(user), listed=listed)
    found.leases()
    found.hosts()
    found.nics()
    found.host_addresses()
    hits = sorted(found.hits.values(), key=lambda hit: (hit.ip == "", ":" in hit.ip, _number(hit.ip), hit.mac))
    hits = hits[:MAX_ROWS]
    _name_networks(hits, networks)
    _name_vms(hits, vms)
    ended = (
        Lease.objects.filter(found.on_networks, question.leases(found.readable))
        .exclude(last_seen=None)
        .order_by("-last_seen", "-pk")
    )
    return Answer(
        question=question,
        hits=hits,
        vms=listed,
        networks=_found(networks, Q(pk__in=found.holding) if question.block else Q(name__icontains=text)),
        templates=_templates(text, user) if not question.block else [],
        earlier=named((ended if then is None else then)[:EARLIER], user),
        free_in=found.free_in() if not hits else [],
    )


def _found(rows: DesiredQuerySet, wanted: Q) -> list:
    """Return the objects that are asked for; one that was recreated outside is one row."""
    first = rows.filter(wanted).once_a_name().values("pk")[:MAX_ROWS]  # sorted before the others are read
    return rows.with_replacements(rows.filter(pk__in=first))


def _templates(text: str, user: rights.Actor) -> list[VMTemplate]:
    """Return the templates with the text in their names; images that they use are found by the list of templates."""
    rows = VMTemplate.objects.visible_to(user).filter(name__icontains=text).select_related("hypervisor")
    return list(rows.only("name", "hypervisor__name").order_by(natural("name"), "hypervisor__name")[:MAX_ROWS])


def _networks() -> OwnedQuerySet:
    columns = (
        "name",
        "hypervisor__name",
        "managed",
        "owner",
        "team",
        "removed_at",
        "status__ip_range",
        "status__present",
    )
    return Network.objects.select_related("hypervisor", "status").only(*columns)


def _number(ip: str) -> int:
    return int(ip_address(ip)) if ip else 0


def _name_networks(hits: Iterable[Hit], visible: OwnedQuerySet) -> None:
    """Add the network to each hit that is on one."""
    networks = visible.in_bulk({hit.key for hit in hits if hit.key})
    for hit in hits:
        hit.network = networks.get(hit.key)
        hit.source = hit.network.name if hit.network else hit.source


def _name_vms(hits: Iterable[Hit], vms: QuerySet) -> None:
    """Add the VM to each hit that has its MAC: on its network or, for a reserved address without NIC, on any."""
    macs = {hit.mac for hit in hits if hit.mac}
    by_mac: dict[str, list[NICStatus]] = {}
    nics = NICStatus.objects.filter(mac__in=macs, vm__desired__in=vms.values("pk")).only(*OF_NICS)
    for nic in nics.select_related("vm__desired__hypervisor").order_by("vm", "position") if macs else ():
        by_mac.setdefault(nic.mac, []).append(nic)
    for hit in hits:
        nics = by_mac.get(hit.mac, [])
        here = [nic for nic in nics if hit.network is None or nic.network_id == hit.network.pk] or nics
        hit.vms = list({nic.vm.desired_id: nic.vm.desired for nic in here}.values())
        hit.host_device = next((nic.target for nic in here if nic.target), "")


@lru_cache(maxsize=20_000)
def _blocks(ip_range: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(cidr, strict=False) for cidr in filter(None, ip_range.split(",")))


def _is_edge(ip_range: str, ip: IPv4Address | IPv6Address) -> bool:
    return any(ip == each[0] or (ip.version == 4 and ip == each[-1]) for each in _blocks(ip_range))


def _overlaps(ip_range: str, block: IPv4Network | IPv6Network) -> bool:
    return any(own.version == block.version and own.overlaps(block) for own in _blocks(ip_range))


@dataclass(kw_only=True)
class _Search:
    question: Question
    access: Access
    networks: OwnedQuerySet
    readable: Q  # the condition that a lease may be found by its VM
    listed: list[VM]  # those with a name that matches, as far as they are shown
    hits: dict[tuple, Hit] = field(default_factory=dict)

    @property
    def on_networks(self) -> Q:
        """Return the condition that the user may see the network of a row."""
        return self.access.q(Verb.LIST, "network", "network__")

    @property
    def _nics(self) -> QuerySet[NICStatus]:
        """Return the NICs of the VMs that the user may see."""
        return NICStatus.objects.filter(self.access.q(Verb.LIST, "vm", "vm__desired__"))

    def _hit(self, network: int | None, mac: str, ip: str = "", source: str = "") -> Hit:
        hit = Hit(key=network, source=source, mac=mac, ip=ip)
        return self.hits.setdefault((network or source, mac, ip), hit)

    def leases(self) -> None:
        wanted = self.question.leases(self.readable)
        if not self.question.block:
            named = self._nics.filter(vm__desired__name__icontains=self.question.text)
            wanted |= Q(mac__in=named.values("mac"))
        rows = Lease.objects.current().filter(self.on_networks, wanted).order_by("sort_key")
        for network, mac, ip, hostname, until in rows.values_list("network", "mac", "ip", "hostname", "expires_at")[
            :MAX_ROWS
        ]:
            hit = self._hit(network, mac, ip)
            hit.hostname, hit.until = hostname, until
            hit.says.append("lease")

    def hosts(self) -> None:
        rows = found_in_order(self.on_networks & self.question.hosts())
        for network, mac, ip, name in rows.values_list("network", "mac", "ip", "name")[:MAX_ROWS]:
            hit = self._hit(network, mac, ip)
            hit.hostname = hit.hostname or name
            hit.says.append("reserved")

    def nics(self) -> None:
        """Add NICs by MAC or VM, and the addresses that agents and ARP tables report of them or in the block."""
        block, nics = self.question.block, self._nics
        if block is None:
            shown = {each.status.pk for vm in self.listed for each in (vm, vm.as_found)}
            nics = nics.filter(self.question.macs() | Q(vm__in=shown))
        rows = reporting(nics) if block else with_reports(nics)
        if block and block.num_addresses == 1:
            rows = rows.filter(reported__ip=str(block[0]))
        columns = ("network", "source", "mac", "reported__ip", "reported__source", "reported__as_of")
        found = list(rows.order_by("vm", "position").values_list(*columns)[: None if block else MAX_ROWS])
        for network, source, mac, ip, teller, as_of in found:
            # Addresses in a block are compared here, for they are few.
            if ip and (not block or (ip_address(ip).version == block.version and ip_address(ip) in block)):
                reported = Address(ip=ip, source=Source(teller), as_of=as_of)
                self._hit(network, mac, ip, source).says.append(reported.source_text)
        known = {hit.mac for hit in self.hits.values()}
        for network, source, mac, *_ in () if block else found:
            if mac not in known:
                self._hit(network, mac, source=source)

    def host_addresses(self) -> None:
        """Add the hypervisor's own addresses."""
        for key, ip_range in islice(self.holding.items(), MAX_ROWS):
            for cidr in ip_range.split(","):
                ip = cidr.split("/")[0]
                if ip_address(ip) in self.question.block:
                    self._hit(key, "", ip).says.append("the host")

    @cached_property
    def holding(self) -> dict[int, str]:
        """Return networks whose blocks share addresses with the requested ones, with their blocks."""
        block = self.question.block
        ranges = self.networks.order_by().values_list("pk", "status__ip_range") if block else ()
        return {key: ip_range for key, ip_range in ranges if _overlaps(ip_range, block)}

    def free_in(self) -> list[Network]:
        """Return networks where a guest could have the requested address, and it is not reserved there."""
        block = self.question.block
        if not block or block.num_addresses > 1:
            return []
        there = [key for key, ip_range in self.holding.items() if not _is_edge(ip_range, block[0])]
        free = self.networks.filter(pk__in=there).exclude(Exists(requested(OuterRef("pk"), str(block[0]))))
        return list(free[:FREE])
