"""Polls of DHCP leases, their history, and the release of leases on request.

libvirt has no event for leases, so they are polled. For unchanged leases, only a fingerprint is compared.
"""

import hashlib
import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from networks.definition.events import Event
from networks.models import DNSAnswers, Lease, Network, NetworkQuerySet, NetworkStatus
from virterweb.activity.choices import Result
from virterweb.enqueue import enqueue
from virterweb.hypervisors.connections.guard import GENERAL, Observation, check_fits, failure, worth_a_traceback
from virterweb.hypervisors.desired.revisions import note_activity
from virterweb.hypervisors.gateway.bounds import moment
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundLease, FoundNetwork, Refused
from virterweb.hypervisors.models import Hypervisor, ReadingProblem
from virterweb.messages import Message

log = logging.getLogger(__name__)

Kind = ReadingProblem.Kind

POLL = timedelta(seconds=10)  # between two readings of a network's leases, unless a NIC waits for its first
RELEASE_TIMEOUT = timedelta(seconds=10)  # for dnsmasq to release a lease


def read_at_next_poll(networks: Iterable[int]) -> None:
    """Read the leases of these networks (by id) at the next poll: a running NIC waits for its first address."""
    NetworkStatus.objects.filter(desired__in=list(networks)).exclude(leases_due_at=None).update(leases_due_at=None)


def poll(hypervisor: Hypervisor, connection: Connection, networks: Iterable[tuple[Network, FoundNetwork]]) -> None:
    """Read the leases that are due and record changes. Leases that cannot be read stay as they were."""
    now, tried, read = timezone.now(), [], []
    for row, network in networks:
        if _is_due(row.status, now) and ("<dhcp" in network.document or row.status.dhcp):
            tried.append(row.status.pk)
            with Observation(hypervisor, Kind.LEASES, row.name) as reading, reading.guard(""):
                record(
                    row,
                    connection.leases.of_network(network.uuid) if network.active else [],
                    hypervisor.status.observed_at,
                )
                read.append(row.status.pk)
    if tried:
        NetworkStatus.objects.filter(pk__in=tried).update(leases_due_at=now + POLL)
        NetworkStatus.objects.filter(pk__in=read).update(leases_read_at=now)


def _is_due(status: NetworkStatus, now: datetime) -> bool:
    """Return whether leases are due; a time far ahead counts as due, because the clock was set back."""
    return status.leases_due_at is None or not now < status.leases_due_at <= now + POLL


def fingerprint(found: Iterable[FoundLease]) -> str:
    facts = sorted(f"{each.mac} {each.ip} {each.expires} {each.client_id} {each.hostname}" for each in found)
    return hashlib.blake2s("\n".join(facts).encode(), digest_size=16).hexdigest()


def record(row: Network, found: list[FoundLease], last_polled_at: datetime | None = None) -> None:
    """Record the changes of a network's leases since `last_polled_at`; missing leases were last seen then."""
    mark = fingerprint(found)
    if mark == row.status.leases_print:
        return
    known = {(lease.mac, lease.ip): lease for lease in row.leases.current()}
    named = {(lease.ip, lease.hostname) for lease in known.values()}
    names = row.vm_names()
    begun, changed = [], []
    with Observation(row.hypervisor, Kind.LEASE, row.name) as reading:
        for each in found:
            old = known.get((each.mac, each.ip))
            with reading.guard(f"{each.mac} {each.ip}"):
                now = Lease.of(row, each.mac, each.ip, vm=names.get(each.mac, ""), **_values(each))
                check_fits(now)
                if not (old and _same_holder(old, now)):
                    begun.append(now)
                    continue
                if _follow(old, now):
                    changed.append(old)
            if old:
                del known[each.mac, each.ip]
        if reading.failed:
            mark = ""  # to be read again, changed or not
        _write(row, begun, changed, known.values(), mark, last_polled_at)
    if named != {(each.ip, each.hostname) for each in found}:
        DNSAnswers.objects.filter(network=row, error="").update(due_at=None)


@transaction.atomic
def _write(
    row: Network,
    begun: list[Lease],
    changed: list[Lease],
    gone: Iterable[Lease],
    mark: str,
    last_polled_at: datetime | None,
) -> None:
    row.leases.filter(pk__in=[lease.pk for lease in gone]).end(last_polled_at)
    Lease.objects.bulk_create(begun, ignore_conflicts=True)
    Lease.objects.bulk_update(changed, ("hostname", "client_id", "vm", "words", "expires_at"))
    row.status.write(leases_print=mark)


def _values(found: FoundLease) -> dict:
    expires_at = moment(found.expires) if found.expires else None
    return {"hostname": found.hostname, "client_id": found.client_id, "expires_at": expires_at}


def _same_holder(old: Lease, now: Lease) -> bool:
    """Return whether both leases have the same holder; Virter gives the MAC of an ID to one VM after the other."""
    return all(
        not was or not is_now or was == is_now for was, is_now in ((old.hostname, now.hostname), (old.vm, now.vm))
    )


def _follow(old: Lease, now: Lease) -> bool:
    """Record changes by a renewal and new names; return whether there were any."""
    before = (old.hostname, old.client_id, old.vm, old.expires_at)
    old.hostname, old.vm = now.hostname or old.hostname, now.vm or old.vm
    old.client_id, old.expires_at = now.client_id, now.expires_at
    old.name_words()
    return before != (old.hostname, old.client_id, old.vm, old.expires_at)


def ask_release(network: Network, pk: int) -> bool:
    """Request that a current lease is released; return whether the network has it."""
    asked = {"release_asked_at": timezone.now(), "release_problem": ""}
    with transaction.atomic():
        lease = network.leases.current().filter(pk=pk).first()
        found = lease is not None and network.leases.current().filter(pk=pk).update(**asked)
        if found:
            note_activity(network, Event.LEASE_RELEASED, about={"ip": lease.ip}, result=Result.DONE)
            enqueue("networks.tasks.release_leases", network.pk)
    return bool(found)


def to_release() -> NetworkQuerySet:
    """Return the networks of which a lease was requested to be released."""
    asked = Lease.objects.current().exclude(release_asked_at=None).filter(release_problem="")
    return Network.objects.filter(pk__in=asked.values("network"), hypervisor__status__unreachable_since=None)


def release(network: Network, connection: Connection) -> None:
    """Make dnsmasq release the requested leases, and record why a lease cannot be released."""
    asked = network.leases.current().exclude(release_asked_at=None).filter(release_problem="")
    for lease in asked:
        try:
            connection.leases.release(network.uuid_text, lease.ip, lease.mac, lease.client_id)
        except GENERAL:
            raise
        except Exception as problem:  # one lease that cannot be released does not stop the others
            log.warning("%s: lease %s is not released", network, lease.ip, exc_info=worth_a_traceback(problem))
            network.leases.filter(pk=lease.pk).update(release_problem=failure(problem)[0])
    with suppress(Refused):  # then the next poll reads them, or says why not
        record(network, connection.leases.of_network(network.uuid_text))
    late = asked.filter(release_asked_at__lt=timezone.now() - RELEASE_TIMEOUT)
    late.update(release_problem=Message("lease.kept"))


def refresh_leases(networks: Iterable[int]) -> None:
    """Request that all leases of networks (by id) are recorded again, because NICs on them have changed."""
    NetworkStatus.objects.filter(desired__in=networks).update(leases_print="")


def forget() -> None:
    """Delete history that is older than its hypervisor keeps it, and end the leases of removed networks."""
    Lease.objects.filter(network=None).current().end()
    now = timezone.now()
    old = Q(pk__in=())
    for hypervisor in Hypervisor.objects.exclude(history_days=0):
        old |= Q(hypervisor=hypervisor, last_seen__lt=now - timedelta(days=hypervisor.history_days))
    Lease.objects.filter(old).delete()
