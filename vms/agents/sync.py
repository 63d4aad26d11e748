"""Records addresses without leases, from guest agents and from the hosts' ARP tables.

Guests whose agents answer are asked in the same round for what `vms.guests.report` keeps.

This runs apart from polls, with its own connections: a guest may take seconds to answer, or never answer.
"""

import logging
from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

from django.db.models import Exists, F, OuterRef, Prefetch, Q

from networks.models import NetworkStatus
from virterweb.hypervisors.claims.clock import Now
from virterweb.hypervisors.connections.guard import Observation
from virterweb.hypervisors.connections.pool import connected
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundAddress, HypervisorError, Refused
from virterweb.hypervisors.models import Hypervisor, HypervisorQuerySet, HypervisorStatus, ReadingProblem
from vms.addresses.nic_addresses import leased
from vms.guests.report import CHANNEL
from vms.models import NIC, AddressRound, NICAddress, NICStatus, Power, VMStatus
from vms.observed.addresses import Source

from .asking import ask_agents
from .recording import write_addresses

log = logging.getLogger(__name__)

MIN_ROUND_INTERVAL = 10.0  # seconds between two rounds of a hypervisor's guests
IDLE_INTERVAL = timedelta(seconds=60)  # the same, while no page shows the hypervisor and no VM has changed lately
RECENTLY = timedelta(minutes=5)
PAUSE_PER_ROUND_SECOND = 10  # a round may take one tenth of the time
ERROR_RETRY_INTERVAL = timedelta(seconds=60)  # until the next round after an internal error


_questions: dict[int, dict[int, Future]] = {}


def due_hypervisors() -> HypervisorQuerySet:
    """Return the hypervisors whose guests are to be asked, among those that are reachable."""
    reachable = Hypervisor.objects.filter(status__observed_at__isnull=False, status__unreachable_since=None)
    changed = VMStatus.objects.filter(desired__hypervisor=OuterRef("pk"), observed_at__gt=Now() - RECENTLY)
    late = Q(address_round__due_at=None) | ~Q(address_round__due_at__gt=Now() - IDLE_INTERVAL)
    needed = late | HypervisorStatus.is_watched("status__") | Exists(changed.filter(power=Power.RUNNING))
    return reachable.filter(AddressRound.is_due("address_round__"), needed)


def ask(hypervisor_id: int) -> None:
    """Ask all guests of a hypervisor for addresses without leases, unless another worker does or just did."""
    hypervisor = due_hypervisors().filter(pk=hypervisor_id).first()
    if not hypervisor:
        return
    AddressRound.objects.get_or_create(hypervisor=hypervisor)
    with AddressRound.objects.due().filter(hypervisor=hypervisor).claim() as due_round:
        if due_round:
            _ask(hypervisor)


def _ask(hypervisor: Hypervisor) -> None:
    began = monotonic()
    AddressRound.objects.filter(hypervisor=hypervisor).update(due_at=Now() + ERROR_RETRY_INTERVAL)
    try:
        record_addresses(hypervisor)
    except HypervisorError as problem:
        log.info("%s: guests not asked: %s (%s)", hypervisor, problem, problem.detail)
    pause = max(MIN_ROUND_INTERVAL, PAUSE_PER_ROUND_SECOND * (monotonic() - began))
    AddressRound.objects.filter(hypervisor=hypervisor).update(due_at=Now() + timedelta(seconds=pause))


def record_addresses(hypervisor: Hypervisor) -> None:
    """Record what one hypervisor's guests and ARP table report; only changes are written."""
    without = NICStatus.objects.filter(~leased(), vm=OuterRef("pk"))
    running = VMStatus.objects.filter(desired__hypervisor=hypervisor, power=Power.RUNNING)
    asked = running.filter(Q(document__contains=CHANNEL) | Exists(without)).select_related("desired", "guest_report")
    nics = NICStatus.objects.annotate(leased=leased(), bridge=F("network__status__bridge"))
    statuses = list(asked.prefetch_related("addresses", Prefetch("nics", nics)))
    NICAddress.objects.filter(vm__desired__hypervisor=hypervisor).exclude(vm__in=statuses).delete()
    if not statuses:
        return
    # A separate connection: no hypervisor has a negative ID, so nothing else uses this one.
    with connected(-hypervisor.pk, hypervisor.uri) as connection:
        places = _places(hypervisor)
        with Observation(hypervisor, ReadingProblem.Kind.ADDRESSES) as reading:
            for status in statuses:
                with reading.guard(status.desired.uuid_text, status.desired.name):
                    write_addresses(status, Source.ARP, _ask_arp(status, connection, places))
            ask_agents(statuses, connection, _questions.setdefault(hypervisor.pk, {}), reading)


@dataclass(frozen=True, kw_only=True)
class _Places:
    """Running NICs by MAC and bridge, and the networks' bridges, to compare ARP entries with."""

    nics: Counter[tuple[str, str]]
    macs: Counter[str]
    bridges: set[str]


def _places(hypervisor: Hypervisor) -> _Places:
    running = NICStatus.objects.filter(vm__desired__hypervisor=hypervisor, vm__power=Power.RUNNING)
    nics = [(nic.mac, _place(nic)) for nic in running.annotate(bridge=F("network__status__bridge"))]
    bridges = NetworkStatus.objects.filter(desired__hypervisor=hypervisor).exclude(bridge="")
    return _Places(
        nics=Counter(nics), macs=Counter(mac for mac, _ in nics), bridges=set(bridges.values_list("bridge", flat=True))
    )


def _place(nic: NICStatus) -> str:
    """Return the bridge that a NIC is attached to, a network's or another; "" if it is on none."""
    return nic.source if nic.kind == NIC.Kind.BRIDGE else nic.bridge or ""


def _ask_arp(status: VMStatus, connection: Connection, places: _Places) -> list[FoundAddress] | None:
    """Return ARP entries of NICs without a lease, None if the table is unreadable; for others it may be outdated."""
    nics = {nic.mac: nic for nic in status.nics.all() if not nic.leased}
    try:
        found = connection.domains.interface_addresses(status.desired.uuid_text, Source.ARP) if nics else []
    except Refused as problem:  # some versions cannot read the table, such as libvirt 9.0 on Linux 6.10
        log.debug("%s: %s", status.desired, problem.detail)
        return None
    return [each for each in found if each.mac in nics and _is_of(nics[each.mac], each, places)]


def _is_of(nic: NICStatus, address: FoundAddress, places: _Places) -> bool:
    """Return whether an ARP entry can only mean this NIC: two NICs may have its MAC, but not on the same bridge.

    A bridge without a network may have its address on another device, such as a VLAN device.
    """
    if places.macs[nic.mac] <= 1 and address.device not in places.bridges:
        return True
    return address.device == _place(nic) != "" and places.nics[nic.mac, address.device] <= 1
