"""Record what libvirt has of domains, and what follows from it."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.utils import timezone

from networks import sync as networks_sync
from networks.definition import addressing
from networks.leases import sync as leases
from networks.models import Network
from virterweb.hypervisors.connections.guard import Observation, forget
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundDomain
from virterweb.hypervisors.gateway.reasons import Code
from virterweb.hypervisors.models import Hypervisor, ReadingProblem
from virterweb.messages import Message
from vms.addresses.nic_addresses import leased
from vms.cloud_init import seed
from vms.definition import domain as domain_xml
from vms.definition.nics.fields import drift
from vms.definition.nics.parse import parse_domain
from vms.guests import report as guest_report
from vms.guests import ssh
from vms.images import sync as image_sync
from vms.models import NIC, VM, NICStatus, Power, VMStatus
from vms.pools.sync import observe_pools
from vms.snapshots.observing import observe_snapshots

from . import restart
from .recording import status_values, write_nics

Kind = ReadingProblem.Kind


LEASE_WAIT = timedelta(minutes=5)  # how long a NIC without a lease counts as waiting for one

LACKS_NETWORK = ("vm.no_network", f"reason.{Code.NO_NETWORK}", f"reason.{Code.NETWORK_INACTIVE}")


#: The columns that show whether something has changed; the others are read only if something has.
KNOWN = (
    *("hypervisor", "name", "uuid", "managed", "generation"),
    *(f"status__{name}" for name in ("desired", "present", "fingerprint", "compared", "generation", "observed_at")),
    "status__error",
)


def observe(hypervisor: Hypervisor, connection: Connection) -> bool:
    """Record every domain with its NICs, and from time to time the pool's volumes; only changes are written.

    A domain that cannot be read is reported as a problem and keeps its last known values. Return whether something
    has changed or is in progress.
    """
    began, busy = timezone.now(), False
    known = VM.objects.on(hypervisor).select_related("status").only(*KNOWN)
    rows = {row.uuid_text: row for row in known}
    with Observation(hypervisor, Kind.VM) as reading:
        found = {domain.uuid: domain for domain in connection.domains.all(reading.guard)}
        for uuid, domain in found.items():
            if uuid in rows and _is_known(rows[uuid], domain):
                busy |= not rows[uuid].done
                continue
            busy = True
            with reading.written(uuid, domain.name):
                row = rows.get(uuid) or _add_unmanaged(hypervisor, connection, domain)
                if row and (row := _reload(row)):
                    _record(row, _with_stop_reason(row, domain, connection), began)
                    rows[uuid] = row
        for uuid in rows.keys() - found.keys() - reading.failed.keys():
            if rows[uuid].managed and not rows[uuid].status.present:
                continue  # that is recorded
            with reading.written(uuid, rows[uuid].name):
                if row := _reload(rows[uuid]):
                    _record_gone(row, began)
    forget(hypervisor, [Kind.NIC], (row.name for row in rows.values()))
    with Observation(hypervisor, Kind.PART, "VMs") as parts:
        for part in _parts(rows.values()):
            with parts.guard(part.__name__, _name_of(part.__name__)):
                busy |= bool(part(hypervisor))
        for part in (_check_disconnected, image_sync.observe, observe_pools, observe_snapshots):
            with parts.guard(part.__name__, _name_of(part.__name__)):
                part(hypervisor, connection)
    return busy


def _reload(row: VM) -> VM | None:
    """Return a VM with all columns; None if it was deleted in the meantime."""
    return VM.objects.select_related("hypervisor", "status").filter(pk=row.pk).first()


def _parts(rows: Iterable[VM]) -> Iterator[Callable[[Hypervisor], bool | None]]:
    """Return the parts of a poll that may have something to do for VMs as they were before it."""
    recently = timezone.now() - LEASE_WAIT
    yield _find_networks
    yield restart.handle
    if any(row.status.error for row in rows):
        yield _try_again
    if any(row.status.observed_at is None or row.status.observed_at > recently for row in rows):
        yield _ask_for_leases
    if any(row.managed for row in rows):
        yield seed.keep_up


def _name_of(function: str) -> str:
    """Return the name of a part of the poll in a problem."""
    return f"VMs, {function.strip('_').replace('_', ' ')}"


def _add_unmanaged(hypervisor: Hypervisor, connection: Connection, domain: FoundDomain) -> VM | None:
    """Create a row for an unmanaged domain; return None if it is gone again, or was just made by the portal."""
    if connection.domains.get(domain.uuid) is None or VM.objects.on(hypervisor).filter(uuid=domain.uuid).exists():
        return None
    return VM.objects.create(
        hypervisor=hypervisor, name=domain.name, uuid=domain.uuid, managed=False, generation=0, memory=0, vcpus=0
    )


def _is_known(row: VM, domain: FoundDomain) -> bool:
    """Return whether everything that was found is already recorded."""
    status = row.status
    return status.present and status.fingerprint == domain.fingerprint and status.compared == row.generation


def _with_stop_reason(row: VM, domain: FoundDomain, connection: Connection) -> FoundDomain:
    """Return the domain; one that has stopped since the last poll is read again, with the reason why it stopped."""
    stopped = row.status.running and domain.state == Power.OFF
    return (connection.domains.get(domain.uuid) if stopped else None) or domain


def _record(row: VM, domain: FoundDomain, began: datetime) -> None:
    if not row.lock():  # it was deleted since the list was read
        return
    status = row.status
    status.refresh_from_db(fields=["observed_at"])
    if status.observed_at and status.observed_at > began:
        return
    if not row.managed:
        _update_unmanaged(row, domain)
    write_nics(row, domain)
    _finish_at_shutdown(row, domain)
    ssh.note_start(row, domain.document)
    guest_report.note(status, domain.document)
    VMStatus.objects.filter(desired=row).update(**status_values(row, domain))


def _update_unmanaged(row: VM, domain: FoundDomain) -> None:
    """Update an unmanaged VM to what libvirt has; a VM of Virter's also has an ID, an SSH user and a host key."""
    spec = domain_xml.parse(domain.document)
    access = next((nic for nic in spec.nics if nic.source == row.hypervisor.access_network), None)
    virters = bool(spec.host_key or spec.ssh_user)
    values = {
        "name": domain.name,
        "number": addressing.id_of_mac(access.mac) if access and virters else None,
        "ssh_user": spec.ssh_user[:32] or "root",
        "host_key_public": spec.host_key,
    }
    if any(getattr(row, name) != value for name, value in values.items()):
        VM.objects.filter(pk=row.pk).update(**values)


def _finish_at_shutdown(row: VM, domain: FoundDomain) -> None:
    """Finish what was waiting for the VM's shutdown."""
    late = list(row.nics.filter(at_shutdown=True))
    found = {nic.key: nic for nic in parse_domain(domain.document)} if late else {}
    running = domain.state != Power.OFF
    gone = any(nic.removed_at and nic.key not in found for nic in late)
    kept = [nic for nic in late if nic.removed_at is None and not nic.asked_at and nic.key in found]
    came = [nic.pk for nic in kept if not drift(nic.spec(), found[nic.key], running)]
    row.nics.filter(pk__in=came).update(at_shutdown=False, asked_at=timezone.now())
    if gone or came:
        row.ask_again()


def _record_gone(row: VM, began: datetime) -> None:
    status = row.status
    if status.present:
        image_sync.refresh_volumes(row.hypervisor_id)  # its volumes were probably removed with it
    if not row.managed:
        row.forget()
    elif status.present and not (status.observed_at and status.observed_at > began):
        write_nics(row, None)
        guest_report.note(status, "")
        VMStatus.objects.filter(desired=row).update(**status_values(row, None))


def _find_networks(hypervisor: Hypervisor) -> None:
    """Link NICs to networks that appeared in libvirt after the domain was last read."""
    loose = NICStatus.objects.filter(vm__desired__hypervisor=hypervisor, kind=NIC.Kind.NETWORK, network=None)
    names = set(loose.values_list("source", flat=True))
    for network in Network.objects.on(hypervisor).filter(name__in=names).order_by("managed"):
        loose.filter(source=network.name).update(network=network)


def _try_again(hypervisor: Hypervisor) -> None:
    """Retry VMs that failed because a network was missing which now exists."""
    failed = VM.objects.on(hypervisor).exclude(status__error="").filter(status__generation__gte=F("generation"))
    active = set(Network.objects.on(hypervisor).filter(status__active=True).values_list("name", flat=True))
    for vm in failed.filter(removed_at=None).select_related("status").prefetch_related("nics"):
        refused = [nic.refused for nic in vm.nics.all() if nic.refused]
        lacks = any(_wants_network(code) in active for code in refused)
        if lacks or (not refused and _lacking_networks(vm.status.error) & active):
            vm.ask_refused_nics_again()


def _wants_network(refused: dict[str, str]) -> str:
    """Return the missing network that a NIC was refused for; "" if it was refused for another reason."""
    lacks = refused.get("reason") in (Code.NO_NETWORK, Code.NETWORK_INACTIVE)
    return refused["about"] if lacks else ""


def _lacking_networks(error: Message) -> set[str]:
    """Return the networks that libvirt, or `make`, did not find or found not active."""
    return {str(each.params["about"]) for each in error.parts() if each.code in LACKS_NETWORK}


def _check_disconnected(hypervisor: Hypervisor, connection: Connection) -> None:
    """Check for disconnected NICs where more NICs run than are on their network, as after its restart."""
    on_it = Q(vm__power__in=(Power.RUNNING, Power.PAUSED), kind=NIC.Kind.NETWORK, network__status__active=True)
    taps: dict[int, list[str]] = {}
    running = NICStatus.objects.filter(on_it, vm__desired__hypervisor=hypervisor)
    for network_id, tap in running.values_list("network_id", "target"):
        taps.setdefault(network_id, []).append(tap)
    known = Q(pk__in=taps) | Q(status__active=True) & ~Q(status__disconnected=[])
    with Observation(hypervisor, Kind.PART, "connections") as reading:
        for network in Network.objects.on(hypervisor).filter(known).select_related("status"):
            with reading.guard(network.uuid_text, f"connections of network {network}"):
                on_bridge, wanted = connection.ports.taps_on(network.status.bridge), taps.get(network.pk, [])
                fewer = len(wanted) > network.status.connections
                if fewer or network.status.disconnected or (on_bridge is not None and not on_bridge.issuperset(wanted)):
                    networks_sync.record_disconnected(network, connection)


def _ask_for_leases(hypervisor: Hypervisor) -> bool:
    """Request frequent readings of leases while a running NIC on a DHCP network waits for an address."""
    waiting = NICStatus.objects.filter(
        ~leased(),
        ~Q(network__status__dhcp=""),
        vm__desired__hypervisor=hypervisor,
        vm__power=Power.RUNNING,
        vm__observed_at__gt=timezone.now() - LEASE_WAIT,
        network__status__active=True,
    )
    networks = set(waiting.values_list("network", flat=True).distinct())
    if networks:
        leases.read_at_next_poll(networks)
    return bool(networks)
