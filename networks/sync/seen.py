"""The observed state of one network, as columns of its status."""

from dataclasses import replace
from ipaddress import ip_address

from django.utils import timezone

from networks.definition.document.parse import parse
from networks.definition.drift import GONE, RECREATED
from networks.models import DHCPHostStatus, DNSAnswers, Network
from virterweb.hypervisors.connections.guard import Observation
from virterweb.hypervisors.desired.drift import encoded
from virterweb.hypervisors.gateway.found import FoundNetwork
from virterweb.hypervisors.models import ReadingProblem


def status_values(row: Network, found: FoundNetwork | None) -> dict:
    """Return the values of the status columns that say what libvirt has."""
    now = timezone.now()
    if found is None:
        drift = encoded([RECREATED if _has_namesake(row) else GONE]) if row.status.made_at else ""
        gone = {"present": False, "active": False, "drift": drift, "leases_print": "", "fingerprint": ""}
        return {**gone, "compared": row.generation, "observed_at": now}
    spec = parse(found.document)
    return {
        "present": True,
        "active": found.active,
        "autostart": found.autostart,
        "persistent": found.persistent,
        "document": found.document,
        "stored": "" if found.stored == found.document else found.stored,
        "forward_mode": spec.forward_mode,
        "ip_range": spec.ip_range,
        "domain": spec.domain,
        "dhcp": spec.dhcp,
        "bridge": spec.bridge,
        "drift": row.drift_codes(row.drifts(found), found.other) if row.managed else "",
        "fingerprint": found.fingerprint,
        "compared": row.generation,
        "observed_at": now,
    }


def _has_namesake(row: Network) -> bool:
    others = Network.objects.on(row.hypervisor_id).filter(name=row.name, managed=False, status__present=True)
    return others.exists()


def write_reservations(row: Network, found: FoundNetwork | None) -> None:
    """Record the reservations that libvirt has as rows, for searches, and have the DNS names asked again."""
    now, gone = set(), []
    with Observation(row.hypervisor, ReadingProblem.Kind.RESERVATION, row.name) as reading:
        for host in parse(found.document).hosts if found else ():
            with reading.guard(str(host)):
                now.add(replace(host, ip=str(ip_address(host.ip))))
    for entry in row.found_hosts.all():
        spec = entry.spec()
        if spec in now:
            now.remove(spec)
        else:
            gone.append(entry.pk)
    row.found_hosts.filter(pk__in=gone).delete()
    DHCPHostStatus.objects.bulk_create(DHCPHostStatus.of(row, host) for host in now)
    DNSAnswers.objects.filter(network=row).update(due_at=None)
