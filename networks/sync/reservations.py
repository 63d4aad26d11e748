"""Single reservations that a VM needs at once, or no longer needs."""

from collections.abc import Callable, Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from networks.definition.document.parse import parse
from networks.definition.events import Event
from networks.definition.plans.updates import plan_hosts
from networks.definition.spec import HostSpec
from networks.models import DHCPHost, DHCPHostStatus, Network
from networks.sync.steps import found_side, run_step
from virterweb.hypervisors.desired.revisions import Revision
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import Refused
from virterweb.messages import Message


def requests_of(entries: QuerySet[DHCPHost]) -> dict[int, datetime]:
    """Return the times at which changes of these entries were requested, by primary key.

    A push reads this first. What is committed later belongs to the next push, even if its time is earlier: the clocks
    of machines differ, and a transaction may take long.
    """
    return dict(entries.filter(removed_at=None).exclude(asked_at=None).values_list("pk", "asked_at"))


def forget_requests(network: Network, requests: dict[int, datetime]) -> None:
    """Clear the requests that libvirt has carried out, but not newer ones; on an unmanaged network, delete the rows."""
    if not requests:
        return
    with transaction.atomic():
        network.lock()  # before its reservations, as requests do
        rows = network.hosts.select_for_update().filter(pk__in=requests, removed_at=None)
        done = [pk for pk, asked_at in rows.values_list("pk", "asked_at") if asked_at == requests[pk]]
        if network.managed:
            network.hosts.filter(pk__in=done).update(asked_at=None)
        else:
            network.hosts.filter(pk__in=done).delete()


def add_host(network: Network, connection: Connection, entry: HostSpec) -> None:
    """Add one desired reservation live and stored, at once: the VM that needs it is about to start.

    From then on it counts as carried out; later changes outside are treated as after a push.
    """
    same = network.hosts.filter(mac=entry.mac, duid=entry.duid, name=entry.name, ip=entry.ip)
    requests = requests_of(same.filter(lease=entry.lease))
    for step in plan_hosts((entry,), (), found_side(network, connection, with_nics=False)):
        run_step(step, network, connection)
    if entry not in found_hosts(network, connection):
        raise Refused(Message("network.entry_not_taken", entry=entry, network=network))
    with transaction.atomic():
        network.lock()
        network.status.write(observed_at=timezone.now())  # a poll that began earlier does not undo it
        if entry not in [each.spec() for each in network.found_hosts.all()]:
            DHCPHostStatus.of(network, entry).save()
        forget_requests(network, requests)


def delete_hosts(
    network: Network, connection: Connection, macs: Iterable[str], spared: Callable[[], set[str]] = set
) -> None:
    """Delete every reservation of these MACs, requested or not, live and stored.

    But for those MACs that `spared` then returns: an entry that was made after the network was read is not deleted.
    """
    side = found_side(network, connection, with_nics=False)
    # Entries by name or DUID have no MAC, so no VM is found for them.
    macs = tuple(sorted({*filter(None, macs)} - spared()))
    if network.hosts.filter(mac__in=macs).delete()[0]:
        network.note(Event.RESERVATIONS_REMOVED, result=Revision.Result.DONE, names=macs)
    for step in plan_hosts((), macs, side):
        run_step(step, network, connection)
    with transaction.atomic():
        network.lock()
        network.status.write(observed_at=timezone.now())
        network.found_hosts.filter(mac__in=macs).delete()


def found_hosts(network: Network, connection: Connection) -> tuple[HostSpec, ...]:
    """Return the reservations that libvirt has now."""
    found = connection.networks.get(network.uuid_text)
    return parse(found.document).hosts if found else ()
