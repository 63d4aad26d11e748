"""Records of what libvirt has: networks, their reservations, and the leases that are due."""

from contextlib import suppress
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from networks.definition.document.compare import differences
from networks.definition.drift import RECREATED
from networks.definition.events import Event
from networks.leases import sync as leases
from networks.models import Network, NetworkStatus
from networks.sync.reconnect import may_have_disconnected_nics, note_start, record_disconnected
from networks.sync.seen import status_values, write_reservations
from virterweb.hypervisors.connections.guard import Observation, forget
from virterweb.hypervisors.desired.drift import encoded
from virterweb.hypervisors.desired.refusals import InvalidTransition
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundNetwork
from virterweb.hypervisors.models import Hypervisor, ReadingProblem

#: The columns that show whether something has changed; the others are read only if something has.
KNOWN = (
    *("hypervisor", "name", "uuid", "managed", "generation"),
    *(f"status__{name}" for name in ("desired", "present", "fingerprint", "compared", "generation", "observed_at")),
    *(
        f"status__{name}"
        for name in ("active", "suspect", "started_at", "checked_at", "dhcp", "leases_due_at", "leases_print")
    ),
)


def observe(hypervisor: Hypervisor, connection: Connection) -> bool:
    """Record every network that libvirt has, and the leases that are due; write only changes.

    A network that cannot be read is named as a problem, and stays as it was known. Return whether something has
    changed or is in progress.
    """
    began, busy = timezone.now(), False
    known = Network.objects.on(hypervisor).select_related("status").only(*KNOWN)
    rows = {row.uuid_text: row for row in known}
    for row in rows.values():
        row.hypervisor = hypervisor
    with Observation(hypervisor, ReadingProblem.Kind.NETWORK) as reading:
        found = {network.uuid: network for network in connection.networks.all(reading.guard)}
        for uuid, network in found.items():
            if uuid in rows and _is_known(rows[uuid], network):
                busy |= not rows[uuid].done
                continue
            busy = True
            with reading.written(uuid, network.name):
                row = rows.get(uuid) or _add_unmanaged(hypervisor, connection, network)
                if row := row and _reload(row):
                    _record(row, network, began, hypervisor.status.has_restarted)
                    rows[uuid] = row
                else:  # it was deleted since the list was read
                    rows.pop(uuid, None)
        for uuid in rows.keys() - found.keys() - reading.failed.keys():
            if rows[uuid].managed and not rows[uuid].status.present:
                continue  # that is recorded
            with reading.written(uuid, rows[uuid].name):
                if row := _reload(rows[uuid]):
                    _record_gone(row, began, hypervisor.status.observed_at)
        restarted = [uuid for uuid in found if uuid in rows and may_have_disconnected_nics(rows[uuid])]
        for uuid in dict.fromkeys([*connection.ports.interrupted_reconnects(), *restarted]):
            with reading.guard(uuid, rows[uuid].name if uuid in rows else uuid):
                record_disconnected(rows[uuid], connection) if uuid in rows else connection.ports.end_reconnect(uuid)
    forget(
        hypervisor,
        (ReadingProblem.Kind.RESERVATION, ReadingProblem.Kind.LEASES, ReadingProblem.Kind.LEASE),
        (row.name for row in rows.values()),
    )
    leases.poll(hypervisor, connection, [(rows[uuid], network) for uuid, network in found.items() if uuid in rows])
    return busy


def _reload(row: Network) -> Network | None:
    """Return a network with all columns; None if it was deleted in the meantime."""
    return Network.objects.select_related("hypervisor", "status").filter(pk=row.pk).first()


def _add_unmanaged(hypervisor: Hypervisor, connection: Connection, network: FoundNetwork) -> Network | None:
    """Create a row for an unmanaged network; return None if it is gone again, or was just made by the portal."""
    if (
        connection.networks.get(network.uuid) is None
        or Network.objects.on(hypervisor).filter(uuid=network.uuid).exists()
    ):
        return None
    row = Network.objects.create(
        hypervisor=hypervisor, name=network.name, uuid=network.uuid, managed=False, generation=0
    )
    rows = NetworkStatus.objects.filter(desired__hypervisor=hypervisor, desired__name=row.name, desired__managed=True)
    rows.filter(present=False).exclude(drift="").update(drift=encoded([RECREATED]))
    return row


def _is_known(row: Network, network: FoundNetwork) -> bool:
    """Return whether everything that was found is already recorded."""
    status = row.status
    return status.present and status.fingerprint == network.fingerprint and status.compared == row.generation


def _record(row: Network, network: FoundNetwork, began: datetime, has_restarted: bool) -> None:
    if not row.lock():  # it was deleted since the list was read
        return
    was_active = row.status.active
    if row.name != network.name and not row.managed:
        Network.objects.filter(pk=row.pk).update(name=network.name)
    if row.status.present and network.active and not row.status.active:
        note_start(row.hypervisor_id, row.uuid_text, began)
    if _write(row, began, status_values(row, network)):
        write_reservations(row, network)
        if has_restarted and was_active and not network.active:
            _start_again(row)
        _resolve_drift(row)


def _start_again(row: Network) -> None:
    """Request the start of a network that was active before its host restarted and does not start with it."""
    row.refresh_from_db()
    if row.managed and row.active and not row.removed_at:
        row.change(Event.STARTED_AGAIN, requested=("active",))


def _resolve_drift(row: Network) -> None:
    """Apply the automatic reaction to drift that an operator chose for the network."""
    row.refresh_from_db()
    if not (row.managed and row.done and row.status.drift) or row.removed_at or row.status.error:
        return
    if row.on_drift == Network.OnDrift.ACCEPT and row.status.present:
        if _differs(row):
            with suppress(InvalidTransition):  # renamed outside to the name of a managed one: it stays drifted
                row.accept_found(event=Event.ACCEPTED_BY_ITSELF)
    elif row.on_drift == Network.OnDrift.REVERT and not row.contested:
        row.change(Event.REVERTED_BY_ITSELF, overwrite=True)


def _differs(row: Network) -> bool:
    """Return whether accepting libvirt's changes would change anything: some drift ends only at a restart."""
    flags = (row.active, row.autostart) != (row.status.active, row.status.autostart)
    return flags or bool(differences(row.acceptable, row.full_document))


def _record_gone(row: Network, began: datetime, last_polled_at: datetime | None) -> None:
    if not row.lock():
        return
    if not row.managed:
        row.leases.end(last_polled_at)
        row.forget()
    elif row.status.present and _write(row, began, status_values(row, None)):
        row.leases.end(last_polled_at)
        write_reservations(row, None)
        _resolve_drift(row)


def _write(row: Network, began: datetime, values: dict) -> bool:
    """Write the observed values, unless a push observed newer ones after this poll began."""
    older = Q(observed_at=None) | Q(observed_at__lte=began) | Q(observed_at__gt=timezone.now())  # the clock jumped back
    return bool(NetworkStatus.objects.filter(older, desired=row).update(**values))
