"""NICs that a restart of their network has disconnected: finding and reconnecting them."""

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from networks.definition.document.edit import OWN_BRIDGE
from networks.models import Network, NetworkStatus
from networks.sync.progress import with_progress
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import Busy, FoundPort, Refused
from virterweb.messages import Message

MAX_TRIES = 3  # to reconnect a VM, before the push fails


def disconnected_nics(network: Network, nics: list[FoundPort]) -> list[FoundPort]:
    """Return NICs to reconnect: those seen disconnected, and those on the network when a push restarted it."""
    begun = {(uuid, mac) for uuid, _, mac, *_ in (*network.status.disconnected, *network.status.suspect)}
    return [nic for nic in nics if not nic.plugged or (nic.vm_uuid, nic.mac) in begun]


def nic_rows(nics: list[FoundPort]) -> list[list[str]]:
    return [[nic.vm_uuid, nic.vm, nic.mac] for nic in nics]


def reconnect_nics(network: Network, connection: Connection) -> None:
    """Reconnect every NIC that is or may be disconnected; those that stay so are named, and soon tried again."""
    uuid = network.uuid_text
    disconnected = disconnected_nics(network, connection.ports.of_network(uuid))
    network.status.write(disconnected=nic_rows(disconnected))
    failures = {}
    if disconnected:
        connection.ports.prepare_reconnect(uuid)
    for nic in with_progress(network, disconnected, "NICs"):
        try:
            connection.ports.reconnect(nic, uuid)
        except Refused as problem:
            failures[nic.vm_uuid, nic.mac] = problem.message
    connection.ports.end_reconnect(uuid)
    before = {(nic.vm_uuid, nic.mac): nic.port for nic in disconnected}
    left = [nic for nic in connection.ports.of_network(uuid) if _still_disconnected(nic, before)]
    network.status.write(disconnected=nic_rows(left), suspect=[], checked_at=timezone.now())
    if left:
        silent = Message("nic.not_on_bridge")
        nics = [[nic.vm, nic.mac, failures.get((nic.vm_uuid, nic.mac), silent).stored()] for nic in left]
        problem = Busy if network.status.tries < MAX_TRIES else Refused
        raise problem(Message("network.disconnected", network=network, nics=nics))


def _still_disconnected(nic: FoundPort, before: dict[tuple[str, str], str]) -> bool:
    """Return whether a NIC is still disconnected; if its tap cannot be seen, only a new port proves the contrary."""
    port = before.get((nic.vm_uuid, nic.mac))
    return not nic.plugged or bool(port and not nic.seen and nic.port == port)


def note_start(hypervisor_id: int, uuid: str, at: datetime) -> None:
    """Record that a network was started: earlier NICs may be disconnected, even if libvirt reports otherwise.

    Every worker receives the event, at slightly different times.
    """
    before = Q(started_at=None) | Q(started_at__lt=at - timedelta(seconds=1))
    NetworkStatus.objects.filter(before, desired__hypervisor=hypervisor_id, desired__uuid=uuid).update(started_at=at)


def record_disconnected(network: Network, connection: Connection) -> None:
    """Record which running VMs are, or may be, disconnected after a restart of their network."""
    with NetworkStatus.objects.filter(desired=network).claim() as status:
        if status and network.done:  # else a worker carries out a change, or is about to
            connection.ports.end_reconnect(network.uuid_text)
            now, nics = timezone.now(), connection.ports.of_network(network.uuid_text)
            values = {
                "disconnected": nic_rows([nic for nic in nics if not nic.plugged]),
                "suspect": _suspects(status, nics, connection),
                "checked_at": now if is_unchecked(status) else status.checked_at,
            }
            if any(getattr(status, name) != value for name, value in values.items()):
                status.write(**values)


def is_unchecked(status: NetworkStatus) -> bool:
    """Return whether a network was started since it was last checked which NICs that disconnected."""
    return bool(status.started_at and (status.checked_at is None or status.checked_at < status.started_at))


def _suspects(status: NetworkStatus, nics: list[FoundPort], connection: Connection) -> list[list]:
    """Return the NICs that may be disconnected although libvirt believes otherwise: their taps cannot be seen.

    These are all that were on the network when it was started, until they get another port, because they were moved or
    their VM was restarted, or until they received a packet from the network.
    """
    if status.forward_mode not in OWN_BRIDGE:
        return []  # a bridge of the host stays when the network is stopped
    unseen = {(nic.vm_uuid, nic.mac, nic.port): nic for nic in nics if nic.plugged and not nic.seen}
    if is_unchecked(status):
        return [[*nic_rows([nic])[0], nic.port, connection.ports.packets_received(nic)] for nic in unseen.values()]
    return [
        each
        for each in status.suspect
        if (nic := unseen.get((each[0], each[2], each[3]))) and connection.ports.packets_received(nic) == each[4]
    ]


def may_have_disconnected_nics(row: Network) -> bool:
    return row.status.active and (is_unchecked(row.status) or bool(row.status.suspect))
