"""Makes libvirt's networks agree with the wishes, and writes down what libvirt has: networks and leases.

Safe to run twice, to be killed anywhere, and to run beside another worker.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic

from django.db.models import Q
from django.utils import timezone

from virterweb.hypervisors.gateway import FoundLease, FoundNetwork, Host, Refused
from virterweb.hypervisors.models import Hypervisor
from virterweb.hypervisors.reconcile import Waiting

from . import plan as plans
from .models import DHCPHost, Lease, Network, NetworkStatus
from .network_xml import HostSpec, NetworkSpec, differences, parse
from .plan import Verb

POLL = 10.0  # seconds between two readings of a network's leases; none passes while a NIC waits for its first
_next_poll: dict[int, float] = {}


def push(network: Network, host: Host) -> dict | None:
    """Make libvirt agree with one wish; columns for its status, or None once the wish is gone."""
    if network.removed_at:
        _remove(network, host)
        return None
    released = list(network.hosts.exclude(removed_at=None))
    try:
        for step in _steps(network, host, released):
            _run(step, network, host)
    except Refused:
        if network.managed and not network.status.made_at:
            _take_back(network, host)
        raise
    network.hosts.filter(pk__in=[entry.pk for entry in released]).delete()
    return _seen(network, host.network(network.uuid_text))


def _steps(network: Network, host: Host, released: list[DHCPHost]) -> Iterable[plans.Step]:
    side = _found_side(network, host)
    macs = frozenset(entry.mac for entry in released)
    if not network.managed:
        add = tuple(entry.spec() for entry in network.hosts.filter(removed_at=None))
        return plans.plan_hosts(add, tuple(macs), side)
    wanted = network.spec()
    if side:
        wanted = _with_others_hosts(wanted, parse(side.document), macs)
    return plans.plan(wanted, side, network.document)


def _found_side(network: Network, host: Host) -> plans.Found | None:
    found = host.network(network.uuid_text)
    return found and plans.Found(
        document=host.stored_network(found.uuid) if found.persistent else found.document,
        live=found.document if found.active else "",
        active=found.active,
        autostart=found.autostart,
    )


def _with_others_hosts(wanted: NetworkSpec, found: NetworkSpec, released: frozenset[str]) -> NetworkSpec:
    """The wish with the host entries that others added: a push of something else leaves them alone."""
    ours = {host.mac for host in wanted.hosts} | released
    others = {subnet.cidr: [host for host in subnet.hosts if host.mac not in ours] for subnet in found.subnets}
    subnets = (replace(subnet, hosts=(*subnet.hosts, *others.get(subnet.cidr, ()))) for subnet in wanted.subnets)
    return replace(wanted, subnets=tuple(subnets))


def _run(step: plans.Step, network: Network, host: Host) -> None:
    uuid, name = network.uuid_text, network.name
    match step.verb:
        case Verb.DEFINE:
            host.define_network(step.xml, name)
        case Verb.AUTOSTART:
            host.autostart_network(uuid, name)
        case Verb.START:
            host.start_network(uuid, name)
        case Verb.ADD_HOST | Verb.DELETE_HOST:
            host.update_network_host(uuid, step.xml, add=step.verb is Verb.ADD_HOST)
        case Verb.RESTART:
            if users := host.network_users(uuid):
                raise Waiting(f"stored; restarts when {', '.join(users)} no longer hang on it", seconds=10)
            host.stop_network(uuid, name)
            host.start_network(uuid, name)


def _take_back(network: Network, host: Host) -> None:
    """Leave nothing of a network that was never whole."""
    host.stop_network(network.uuid_text, network.name)
    host.undefine_network(network.uuid_text, network.name)


def _remove(network: Network, host: Host) -> None:
    users = host.network_users(network.uuid_text)
    if users and not network.may_cut_off:
        Network.objects.filter(pk=network.pk).update(removed_at=None)
        raise Refused(f"Not removed: it would cut off {', '.join(users)}. Remove it again and say that you mean it.")
    host.stop_network(network.uuid_text, network.name)
    host.undefine_network(network.uuid_text, network.name)
    network.hypervisor.status.forget_routes(network.status.bridge)
    network.delete()


def add_host(network: Network, host: Host, entry: HostSpec) -> None:
    """Add one wanted host entry live and stored, at once: the VM that needs it is about to start."""
    _change_hosts(network, host, add=(entry,))


def delete_hosts(network: Network, host: Host, macs: Iterable[str]) -> None:
    """Delete every host entry of these MACs, wished or not, live and stored."""
    macs = tuple(macs)
    network.hosts.filter(mac__in=macs).delete()
    _change_hosts(network, host, remove=macs)


def _change_hosts(network: Network, host: Host, add: tuple[HostSpec, ...] = (), remove: tuple[str, ...] = ()) -> None:
    if side := _found_side(network, host):
        for step in plans.plan_hosts(add, remove, side):
            _run(step, network, host)


def found_hosts(network: Network, host: Host) -> tuple[HostSpec, ...]:
    """The host entries that libvirt has this moment."""
    found = host.network(network.uuid_text)
    return parse(found.document).hosts if found else ()


def observe(hypervisor: Hypervisor, host: Host) -> None:
    """Write down every network that libvirt has, and the leases that are due; nothing that did not change."""
    began = timezone.now()
    found = {network.uuid: network for network in host.networks()}
    rows = {row.uuid_text: row for row in Network.objects.on(hypervisor).select_related("hypervisor", "status")}
    for uuid, network in found.items():
        if uuid not in rows:
            if host.network(uuid) is None:  # ours, removed since the list was read
                continue
            rows[uuid] = Network.objects.create(
                hypervisor=hypervisor, name=network.name, uuid=uuid, managed=False, generation=0
            )
        _record(rows[uuid], network, began)
    for uuid in rows.keys() - found.keys():
        _record_gone(rows[uuid], began)
    _poll_leases(host, [(rows[uuid], network) for uuid, network in found.items() if uuid in rows])


def _record(row: Network, network: FoundNetwork, began: datetime) -> None:
    status = row.status
    now_as = (network.document, network.active, network.autostart, network.persistent)
    if now_as == (status.document, status.active, status.autostart, status.persistent) and (
        status.present and status.compared == row.generation
    ):
        return
    if row.name != network.name and not row.managed:
        Network.objects.filter(pk=row.pk).update(name=network.name)
    _write(row, began, _seen(row, network))


def _record_gone(row: Network, began: datetime) -> None:
    if not row.managed:
        row.delete()
    elif row.status.present:
        row.leases.all().delete()
        _write(row, began, _seen(row, None))


def _write(row: Network, began: datetime, values: dict) -> None:
    """Write what was seen, unless a push has seen it later than this look began."""
    older = Q(observed_at=None) | Q(observed_at__lte=began)
    NetworkStatus.objects.filter(older, wish=row).update(**values)


def _seen(row: Network, found: FoundNetwork | None) -> dict:
    """The status columns that say what libvirt has."""
    now = timezone.now()
    if found is None:
        drift = "libvirt no longer has it" if row.status.made_at else ""
        return {"present": False, "active": False, "drift": drift, "compared": row.generation, "observed_at": now}
    spec = parse(found.document)
    return {
        "present": True,
        "active": found.active,
        "autostart": found.autostart,
        "persistent": found.persistent,
        "document": found.document,
        "forward_mode": spec.forward_mode,
        "ip_range": spec.ip_range,
        "domain": spec.domain,
        "dhcp": spec.dhcp,
        "bridge": spec.bridge,
        "drift": "\n".join(_drift(row, spec, found)) if row.managed else "",
        "compared": row.generation,
        "observed_at": now,
    }


def _drift(row: Network, spec: NetworkSpec, found: FoundNetwork) -> Iterable[str]:
    yield from differences(row.spec(), spec)
    if not found.active:
        yield "is not active"
    if not found.autostart:
        yield "does not start with the host"


def want_leases(networks: Iterable[int]) -> None:
    """Read the leases of these networks (by id) at the next look: a running NIC waits for its first address."""
    for pk in networks:
        _next_poll.pop(pk, None)


def _poll_leases(host: Host, networks: list[tuple[Network, FoundNetwork]]) -> None:
    now = monotonic()
    due = [
        (row, network)
        for row, network in networks
        if _next_poll.get(row.pk, 0) <= now and ("<dhcp" in network.document or row.status.dhcp)
    ]
    known: dict[int, dict[tuple[str, str], Lease]] = {row.pk: {} for row, _ in due}
    for lease in Lease.objects.filter(network__in=known):
        known[lease.network_id][lease.mac, lease.ip] = lease
    for row, network in due:
        _write_leases(row, known[row.pk], host.leases(network.uuid) if network.active else [])
        _next_poll[row.pk] = now + POLL


def _write_leases(row: Network, known: dict[tuple[str, str], Lease], found: list[FoundLease]) -> None:
    for lease in found:
        values = {
            "hostname": lease.hostname,
            "client_id": lease.client_id,
            "expires_at": datetime.fromtimestamp(lease.expires, UTC) if lease.expires else None,
        }
        old = known.pop((lease.mac, lease.ip), None)
        if old is None or any(getattr(old, name) != value for name, value in values.items()):
            Lease.objects.update_or_create(network=row, mac=lease.mac, ip=lease.ip, defaults=values)
    if known:
        Lease.objects.filter(pk__in=[lease.pk for lease in known.values()]).delete()
