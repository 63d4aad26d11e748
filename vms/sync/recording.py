"""Record what libvirt has of one VM."""

from django.db import transaction
from django.utils import timezone

from networks.leases import sync as leases
from networks.models import Network
from virterweb.hypervisors.claims.clock import database_time
from virterweb.hypervisors.connections.guard import Observation, check_fits
from virterweb.hypervisors.desired.drift import encoded
from virterweb.hypervisors.gateway.found import FoundDomain
from virterweb.hypervisors.gateway.marks import Mark
from virterweb.hypervisors.models import ReadingProblem
from vms.definition import domain as domain_xml
from vms.definition.domain_diff import Aspect, Difference, compare, gone
from vms.definition.nics.parse import parse_domain
from vms.definition.nics.spec import FoundNIC
from vms.models import NIC, VM, Interruption, NICStatus, Power, VMStatus


def write_nics(row: VM, domain: FoundDomain | None) -> None:
    """Replace the recorded NICs of one VM, if they differ."""
    networks = dict(Network.objects.on(row.hypervisor_id).order_by("managed").values_list("name", "pk"))
    now = []
    with Observation(row.hypervisor, ReadingProblem.Kind.NIC, row.name) as reading:
        for position, nic in enumerate(parse_domain(domain.document) if domain else ()):
            with reading.guard(f"{position} {nic.mac}", nic.mac):
                now.append(_nic_status(row, position, nic, networks))
    fields = ("position", "kind", "source", "network_id", "port_group", "model", "mac", "place", "target", "link")
    before = [tuple(getattr(nic, field) for field in fields) for nic in row.status.nics.all()]
    if before != [tuple(getattr(nic, field) for field in fields) for nic in now]:
        with transaction.atomic():
            if not VMStatus.objects.select_for_update().filter(pk=row.status.pk):  # other writers wait for this lock
                return  # the VM has just been removed
            row.status.nics.all().delete()
            NICStatus.objects.bulk_create(now)
        leases.refresh_leases({nic.network_id for nic in now if nic.network_id})


def _nic_status(row: VM, position: int, nic: FoundNIC, networks: dict[str, int]) -> NICStatus:
    """Return the row for a NIC; ValidationError if its values do not fit."""
    found = NICStatus(
        vm=row.status,
        position=position,
        kind=nic.kind,
        source=nic.source,
        network_id=networks.get(nic.source) if nic.kind == NIC.Kind.NETWORK else None,
        port_group=nic.spec.port_group,
        model=nic.model,
        mac=nic.mac,
        place=nic.place,
        target=nic.target,
        link=nic.link,
    )
    check_fits(found)
    return found


def status_values(row: VM, domain: FoundDomain | None) -> dict:
    """Return the status columns that come from libvirt."""
    now, compared = timezone.now(), row.managed and row.status.made_at
    if domain is None:
        absent = {"present": False, "power": Power.OFF, "power_reason": "", "saved": False}
        absent |= {"autostart": False, "document": "", "disks": []}
        absent |= {"stored": row.status.definition, "drift": _codes((gone(row.name),) if compared else ())}
        absent |= {"interrupted": "", "interrupted_at": None, "fingerprint": ""}
        return {**absent, "compared": row.generation, "observed_at": now}
    spec = domain_xml.parse(domain.document)
    return {
        "present": True,
        "power": domain.state,
        "persistent": domain.persistent,
        "power_reason": domain.reason,
        "saved": domain.saved,
        "autostart": domain.autostart,
        **_interruption(row, domain),
        "memory": spec.memory,
        "vcpus": spec.vcpus,
        "disks": [
            {
                "target": disk.target,
                "bus": disk.bus,
                "device": disk.device,
                "format": disk.format,
                "source": disk.source,
            }
            for disk in spec.disks
        ],
        "document": domain.document,
        "stored": domain.stored,
        "drift": _codes(_differences(row, domain, spec) if compared else (), domain.other),
        "fingerprint": domain.fingerprint,
        "compared": row.generation,
        "observed_at": now,
    }


def _interruption(row: VM, domain: FoundDomain) -> dict[str, object]:
    """Return the columns about a VM that no longer runs although the portal did not stop it.

    If libvirt itself was restarted, it does not know how the VM stopped. Whether the host was restarted is found by
    `restart.handle`; the host may also have shut the guest down before.
    """
    if domain.state != Power.OFF:
        return {"interrupted": "", "interrupted_at": None}
    if not (row.status.running and row.running) or domain.stopped not in ("unseen", "shut-down"):
        return {}
    reason = Interruption.LIBVIRT if domain.stopped == "unseen" else ""
    return {"interrupted": reason, "interrupted_at": database_time(), "interrupted_power": row.power_generation}


def _differences(row: VM, domain: FoundDomain, spec: domain_xml.FoundDomain) -> tuple[Difference, ...]:
    if row.saved_disks is None:
        row.keep_disks(domain.stored or domain.document)
    autostart = domain.autostart if domain.persistent else None
    off = domain.state == Power.OFF
    stored = domain_xml.parse(domain.stored) if domain.persistent and not off else None
    found = compare(row.saved, spec, None, autostart) if off else compare(row.saved, stored, spec, autostart)
    return tuple(each for each in found if not _of_snapshots(row, each))


def _of_snapshots(row: VM, difference: Difference) -> bool:
    """Return whether a disk is only stored elsewhere because of snapshots, whose overlays it is in."""
    if difference.aspect != Aspect.DISKS or None in difference.sides.values():
        return False
    return row.snapshots.exists()


def _codes(found: tuple[Difference, ...], other: Mark | None = None) -> str:
    return encoded((each.code for each in found), other)
