"""Addresses that no lease tells: asked of guests' agents and of the hosts' ARP tables, and written down.

Guests whose agent answers are asked for more in the same round: what `vms.guest_report` keeps.

Apart from the sweep, by connections of its own: a guest may take seconds to answer, or not answer at all.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future, TimeoutError
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from threading import Thread
from time import monotonic
from typing import TypeVar

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone
from lxml import etree

from networks.models import Lease, NetworkStatus
from virterweb.hypervisors.connections import connected
from virterweb.hypervisors.found import FoundAddress, HypervisorError, Refused, Silent
from virterweb.hypervisors.gateway import Host
from virterweb.hypervisors.models import Hypervisor, HypervisorQuerySet

from . import attached_nics, guest_report
from .attached import Source
from .domain_xml import PARSER
from .guest_report import CHANNEL
from .guest_seen import State
from .models import NIC, VM, AddressRound, GuestReport, NICAddress, NICStatus, Power, VMStatus

log = logging.getLogger(__name__)

PAUSE = 10.0  # seconds between two rounds through a hypervisor's guests
SHARE = 10  # a round may take a tenth of the time
CLAIM = timedelta(seconds=60)  # after which another takes over what a killed worker began
ROUND = 30.0  # seconds after which a round asks no further agent: the next one goes on
PATIENCE = 6.0  # seconds for one agent; libvirt itself gives up after five if it says nothing
TELLING = guest_report.SECONDS + 7.0  # seconds for a guest to tell of itself, and for libvirt to give up
SLOW = 2.0  # seconds after which an answer counts as none to wait for again soon
SILENCE = 300.0  # seconds in which a slow agent is not asked again
OPEN = 3  # questions to one hypervisor that hang; libvirtd serves five calls of a client at once

Answer = TypeVar("Answer")

_quiet_until: dict[int, float] = {}
_questions: dict[int, dict[int, Future]] = {}


def due() -> HypervisorQuerySet:
    """Hypervisors whose guests shall be asked again; those that answer at all."""
    reachable = Hypervisor.objects.filter(status__observed_at__isnull=False, status__unreachable_since=None)
    return reachable.filter(Q(address_round=None) | Q(address_round__next_at__lte=timezone.now()))


def ask(hypervisor_id: int) -> None:
    """Ask all guests of a hypervisor whose addresses no lease tells, unless another worker is at it or just was."""
    hypervisor = due().filter(pk=hypervisor_id).first()
    if not hypervisor or not _claim(hypervisor):
        return
    began = monotonic()
    try:
        observe(hypervisor)
    except HypervisorError as problem:
        log.info("%s: guests not asked: %s (%s)", hypervisor, problem, problem.detail)
    pause = max(PAUSE, SHARE * (monotonic() - began))
    AddressRound.objects.filter(hypervisor=hypervisor).update(next_at=timezone.now() + timedelta(seconds=pause))


def _claim(hypervisor: Hypervisor) -> bool:
    AddressRound.objects.get_or_create(hypervisor=hypervisor)
    now = timezone.now()
    return AddressRound.objects.filter(hypervisor=hypervisor, next_at__lte=now).update(next_at=now + CLAIM) == 1


def observe(hypervisor: Hypervisor) -> None:
    """Write down what the guests of one hypervisor and its ARP table say; nothing that did not change."""
    without = NICStatus.objects.filter(~Exists(_leases_of_nic()), vm=OuterRef("pk"))
    running = VMStatus.objects.filter(wish__hypervisor=hypervisor, power=Power.RUNNING)
    asked = running.filter(Q(document__contains=CHANNEL) | Exists(without)).select_related("wish", "guest_report")
    nics = NICStatus.objects.annotate(leased=Exists(_leases_of_nic()), bridge=F("network__status__bridge"))
    statuses = list(asked.prefetch_related("addresses", Prefetch("nics", nics)))
    NICAddress.objects.filter(vm__wish__hypervisor=hypervisor).exclude(vm__in=statuses).delete()
    if not statuses:
        return
    # Its own door: the id with a minus is no hypervisor's, so this connection and its places are nobody else's.
    with connected(-hypervisor.pk, hypervisor.uri) as host:
        places = _places(hypervisor)
        for status in statuses:
            _write(status, Source.ARP, _ask_arp(status, host, places))
        _ask_agents(statuses, host, _questions.setdefault(hypervisor.pk, {}))


def _leases_of_nic() -> QuerySet:
    return Lease.objects.current().filter(network=OuterRef("network"), mac=OuterRef("mac"))


@dataclass(frozen=True, kw_only=True)
class _Places:
    """What the ARP table's entries are compared with: running NICs by MAC and bridge, and the networks' bridges."""

    nics: Counter[tuple[str, str]]
    macs: Counter[str]
    bridges: set[str]


def _places(hypervisor: Hypervisor) -> _Places:
    running = NICStatus.objects.filter(vm__wish__hypervisor=hypervisor, vm__power=Power.RUNNING)
    nics = [(nic.mac, _place(nic)) for nic in running.annotate(bridge=F("network__status__bridge"))]
    bridges = NetworkStatus.objects.filter(wish__hypervisor=hypervisor).exclude(bridge="")
    return _Places(
        nics=Counter(nics), macs=Counter(mac for mac, _ in nics), bridges=set(bridges.values_list("bridge", flat=True))
    )


def _place(nic: NICStatus) -> str:
    """The bridge that a NIC hangs on, whether a network's or another; "" of one that hangs on none."""
    return nic.source if nic.kind == NIC.Kind.BRIDGE else nic.bridge or ""


def _ask_arp(status: VMStatus, host: Host, places: _Places) -> list[FoundAddress]:
    """Of NICs that have a lease, ARP knows only what was true some time ago."""
    nics = {nic.mac: nic for nic in status.nics.all() if not nic.leased}
    try:
        found = host.interface_addresses(status.wish.uuid_text, Source.ARP) if nics else []
    except Refused as problem:  # a libvirt that cannot read the table, as 9.0 on Linux 6.10
        log.debug("%s: %s", status.wish, problem.detail)
        return []
    return [each for each in found if each.mac in nics and _is_of(nics[each.mac], each, places)]


def _is_of(nic: NICStatus, address: FoundAddress, places: _Places) -> bool:
    """Whether ARP can mean no other NIC: the table goes by MAC, which two may have, yet says at which bridge.

    A bridge that is no network's may have its address on another device, as one for a VLAN.
    """
    if places.macs[nic.mac] <= 1 and address.device not in places.bridges:
        return True
    return address.device == _place(nic) != "" and places.nics[nic.mac, address.device] <= 1


def has_agent(document: str) -> bool:
    """Whether a running domain's guest may have an agent: libvirt knows when nobody has opened the channel."""
    if CHANNEL not in document:
        return False
    targets = etree.fromstring(document.encode(), PARSER).iterfind(f"devices/channel/target[@name='{CHANNEL}']")
    return any(target.get("state") != "disconnected" for target in targets)


def _ask_agents(statuses: list[VMStatus], host: Host, hanging: dict[int, Future]) -> None:
    """`hanging` are the questions to guests of this hypervisor that were given up before they ended."""
    began, answered = monotonic(), []
    for status in statuses:
        _forget_ended(hanging)
        if not has_agent(status.document) or status.pk in hanging:
            _write(status, Source.AGENT, [])
            _note_agent(status, False)
        elif _quiet_until.get(status.pk, 0) <= monotonic() < began + ROUND and len(hanging) < OPEN:
            found = _ask_agent(status, host, hanging)
            _write(status, Source.AGENT, found)
            _note_agent(status, bool(found))
            answered += [status] if found else []
    _ask_guests(answered, host, hanging, began + ROUND)


def _forget_ended(hanging: dict[int, Future]) -> None:
    for pk in [pk for pk, question in hanging.items() if question.done()]:
        del hanging[pk]


def _note_agent(status: VMStatus, answers: bool) -> None:
    if not hasattr(status, "guest_report"):  # it ran before anybody kept reports
        guest_report.note(status, status.document)
    elif status.guest_report.agent is not None or answers:
        guest_report.note_agent(status.guest_report, answers)


def _ask_agent(status: VMStatus, host: Host, hanging: dict[int, Future]) -> list[FoundAddress]:
    began, uuid = monotonic(), status.wish.uuid_text
    try:
        return _in_a_thread(lambda: host.interface_addresses(uuid, Source.AGENT), PATIENCE, status, hanging)
    except TimeoutError:
        return []
    except Refused as problem:  # such a guest forbids the question
        log.debug("%s: %s", status.wish, problem.detail)
        return []
    finally:
        if monotonic() - began > SLOW:
            _quiet_until[status.pk] = monotonic() + SILENCE


def _ask_guests(statuses: list[VMStatus], host: Host, hanging: dict[int, Future], until: float) -> None:
    """Have guests whose agents answer tell of themselves, where that is due; who was asked longest ago comes first."""
    reports = {report.vm_id: report for report in GuestReport.objects.filter(vm__in=statuses)}
    unsettled = _unsettled(reports)
    due = [
        status
        for status in statuses
        # In a guest of others no program is run unasked.
        if status.pk in reports and status.wish.managed and guest_report.due(reports[status.pk], status.pk in unsettled)
    ]
    due.sort(key=lambda status: (reports[status.pk].asked_at is not None, reports[status.pk].asked_at))
    for status in due:
        _forget_ended(hanging)
        if monotonic() > until or len(hanging) >= OPEN:
            return
        uuid = status.wish.uuid_text
        try:
            answer = _in_a_thread(lambda uuid=uuid: guest_report.ask(host, uuid), TELLING, status, hanging)
        except Refused as problem:
            answer = problem
        except TimeoutError:
            answer = Silent("it hangs")
        guest_report.write(reports[status.pk], answer)


def _unsettled(reports: dict[int, GuestReport]) -> set[int]:
    """VMs of these of which a NIC is not as wanted, or not yet."""
    vms = VM.objects.filter(status__in=reports) if reports else VM.objects.none()
    rows = attached_nics.rows(vms, attached_nics.Asked())
    return {row.key.vm for row in rows if row.key.guest.state in (State.WAITING, State.NOT_AS_WANTED)}


def _in_a_thread(
    question: Callable[[], Answer], patience: float, status: VMStatus, hanging: dict[int, Future]
) -> Answer:
    """The answer; TimeoutError if it takes longer. A guest that answers half can keep its caller without end."""
    answer = Future()
    Thread(target=_put, args=[answer, question], daemon=True).start()
    try:
        return answer.result(timeout=patience)
    except TimeoutError:
        hanging[status.pk] = answer
        raise


def _put(answer: Future, question: Callable[[], Answer]) -> None:
    try:
        answer.set_result(question())
    except HypervisorError as problem:
        answer.set_exception(problem)
    finally:
        answer.cancel()  # does nothing unless a programming error left the asker waiting


def _write(status: VMStatus, source: Source, found: Iterable[FoundAddress]) -> None:
    """Replace what one source said of one VM's own NICs, where it differs: a guest has other cards too."""
    count = Counter(nic.mac for nic in status.nics.all())
    macs = {mac for mac in count if count[mac] == 1}  # else nobody can say of which of them it is
    now = {(address.mac, str(ip_address(address.ip))) for address in found if address.mac in macs and _counts(address)}
    before = {(row.mac, row.ip): row.pk for row in status.addresses.all() if row.source == source}
    if now == before.keys():
        return
    with transaction.atomic():
        NICAddress.objects.filter(pk__in=[pk for key, pk in before.items() if key not in now]).delete()
        if VMStatus.objects.select_for_update().filter(pk=status.pk, power=Power.RUNNING).exists():
            new = [NICAddress(vm=status, mac=mac, ip=ip, source=source) for mac, ip in now - before.keys()]
            NICAddress.objects.bulk_create(new, ignore_conflicts=True)


def _counts(address: FoundAddress) -> bool:
    """Loopback and IPv6 link-local addresses lead nowhere from here."""
    try:
        ip = ip_address(address.ip)
    except ValueError:  # an agent says what it likes
        return False
    return not (ip.is_loopback or (ip.version == 6 and ip.is_link_local))
