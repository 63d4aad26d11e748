"""Reads the DHCP leases of networks, keeps who had which address when, and has leases released that are asked for.

libvirt has no event for leases, so they are polled; where nothing has changed, nothing is read or written but a
fingerprint.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from time import monotonic

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from virterweb.hypervisors.found import FoundLease, FoundNetwork, Refused
from virterweb.hypervisors.gateway import Host
from virterweb.hypervisors.models import Hypervisor

from .models import DNSAnswers, Lease, Network, NetworkStatus

POLL = 10.0  # seconds between two readings of a network's leases; none passes while a NIC waits for its first
PATIENCE = timedelta(seconds=10)  # for a dnsmasq to let go of a lease
_next_poll: dict[int, float] = {}


def want(networks: Iterable[int]) -> None:
    """Read the leases of these networks (by id) at the next look: a running NIC waits for its first address."""
    for pk in networks:
        _next_poll.pop(pk, None)


def poll(hypervisor: Hypervisor, host: Host, networks: Iterable[tuple[Network, FoundNetwork]]) -> None:
    """Read the leases that are due and write down what changed."""
    now = monotonic()
    for row, network in networks:
        if _next_poll.get(row.pk, 0) <= now and ("<dhcp" in network.document or row.status.dhcp):
            record(row, host.leases(network.uuid) if network.active else [], hypervisor.status.observed_at)
            _next_poll[row.pk] = now + POLL


def fingerprint(found: Iterable[FoundLease]) -> str:
    facts = sorted(f"{each.mac} {each.ip} {each.expires} {each.client_id} {each.hostname}" for each in found)
    return hashlib.blake2s("\n".join(facts).encode(), digest_size=16).hexdigest()


def record(row: Network, found: list[FoundLease], last_look: datetime | None = None) -> None:
    """Write down what became of a network's leases since `last_look`: those that are gone were last seen then."""
    mark = fingerprint(found)
    if mark == row.status.leases_print:
        return
    known = {(lease.mac, lease.ip): lease for lease in row.leases.current()}
    named = {(lease.ip, lease.hostname) for lease in known.values()}
    names = row.vm_names()
    begun, changed = [], []
    for each in found:
        now = Lease.of(row, each.mac, each.ip, vm=names.get(each.mac, ""), **_values(each))
        old = known.get((each.mac, each.ip))
        if old and _same_holder(old, now):
            del known[each.mac, each.ip]
            if _follow(old, now):
                changed.append(old)
        else:
            begun.append(now)
    with transaction.atomic():
        row.leases.filter(pk__in=[lease.pk for lease in known.values()]).end(last_look)
        Lease.objects.bulk_create(begun, ignore_conflicts=True)
        Lease.objects.bulk_update(changed, ("hostname", "client_id", "vm", "words", "expires_at"))
        row.status.write(leases_print=mark)
        if named != {(each.ip, each.hostname) for each in found}:
            DNSAnswers.objects.filter(network=row, error="").update(due_at=None)


def _values(found: FoundLease) -> dict:
    expires_at = datetime.fromtimestamp(found.expires, UTC) if found.expires else None
    return {"hostname": found.hostname, "client_id": found.client_id, "expires_at": expires_at}


def _same_holder(old: Lease, now: Lease) -> bool:
    """Virter gives each ID's MAC to one VM after the other, so that a MAC alone tells no holder."""
    return all(
        not was or not is_now or was == is_now for was, is_now in ((old.hostname, now.hostname), (old.vm, now.vm))
    )


def _follow(old: Lease, now: Lease) -> bool:
    """Take over what a renewal changed, and names that were not known yet; whether there was any."""
    before = (old.hostname, old.client_id, old.vm, old.expires_at)
    old.hostname, old.vm = now.hostname or old.hostname, now.vm or old.vm
    old.client_id, old.expires_at = now.client_id, now.expires_at
    old.name_words()
    return before != (old.hostname, old.client_id, old.vm, old.expires_at)


def to_release() -> set[int]:
    """The networks, by id, some of whose leases somebody asked to be released."""
    asked = Lease.objects.current().exclude(release_asked_at=None).filter(release_problem="")
    return set(asked.exclude(network=None).values_list("network", flat=True))


def release(network: Network, host: Host) -> None:
    """Have dnsmasq forget the leases that somebody asked to be released, and say of which it cannot be."""
    asked = network.leases.current().exclude(release_asked_at=None).filter(release_problem="")
    for lease in asked:
        try:
            host.release_lease(network.status.bridge, lease.ip, lease.mac, lease.client_id)
        except Refused as refusal:
            network.leases.filter(pk=lease.pk).update(release_problem=str(refusal))
    record(network, host.leases(network.uuid_text))
    late = asked.filter(release_asked_at__lt=timezone.now() - PATIENCE)
    late.update(release_problem="The network’s dnsmasq did not let go of it.")


def look_again(networks: Iterable[int]) -> None:
    """Have the leases of networks (by id) gone through again, changed or not: NICs on them have changed."""
    NetworkStatus.objects.filter(wish__in=networks).update(leases_print="")


def forget() -> None:
    """Drop history that is older than its hypervisor keeps it, and end what a removed network has left."""
    Lease.objects.filter(network=None).current().end()
    now = timezone.now()
    old = Q(pk__in=())
    for hypervisor in Hypervisor.objects.exclude(history_days=0):
        old |= Q(hypervisor=hypervisor, last_seen__lt=now - timedelta(days=hypervisor.history_days))
    Lease.objects.filter(old).delete()
