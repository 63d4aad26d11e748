"""Makes libvirt's networks agree with the wishes, and writes down what libvirt has: networks and leases.

Safe to run twice, to be killed anywhere, and to run beside another worker.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address
from time import monotonic

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from virterweb.hypervisors.found import Busy, FoundNetwork, FoundPort, Refused
from virterweb.hypervisors.gateway import Host
from virterweb.hypervisors.models import Hypervisor
from virterweb.hypervisors.reconcile import claimed, keep_claim

from . import leases
from . import plan as plans
from .compare_xml import TITLES, differences
from .models import DHCPHost, DHCPHostStatus, DNSAnswers, Network, NetworkStatus
from .network_xml import HostSpec, parse
from .plan import Verb

PACE = 1.0  # seconds between two words about how far a long plan is
TRIES = 3  # to put a VM back on the wire, until somebody has to look


def push(network: Network, host: Host) -> dict | None:
    """Make libvirt agree with one wish; columns for its status, or None once the wish is gone."""
    if network.removed_at:
        _remove(network, host)
        return None
    began, done = monotonic(), []
    released = list(network.hosts.exclude(removed_at=None))
    wanted = network.wanted if network.managed else None  # as of now: host entries may be wished meanwhile
    try:
        for step in _saying_how_far(network, tuple(_steps(network, host, wanted, released))):
            _run(step, network, host)
            done.append(step.text)
    except Refused as problem:
        if network.managed and not network.status.made_at:
            _take_back(network, host)
        _note_result(network, done, str(problem), monotonic() - began)
        raise
    # But for those that somebody has wished again meanwhile.
    network.hosts.filter(pk__in=[entry.pk for entry in released]).exclude(removed_at=None).delete()
    Network.objects.filter(pk=network.pk, generation=network.generation).update(exact=False)
    _note_result(network, done, "done", monotonic() - began)
    return _settled(network, host, wanted)


def _steps(network: Network, host: Host, wanted: plans.Wanted | None, released: list[DHCPHost]) -> Iterable[plans.Step]:
    side = _found_side(network, host)
    if wanted is None:
        gone = {entry.mac or entry.duid or entry.ip for entry in released}
        return plans.plan_hosts(network.wanted_hosts(), gone, side)
    if side and not network.exact:
        _check_names(network, side, {entry.spec() for entry in released})
    steps = network.steps(side, wanted, network.exact)
    _check_accepted(network, steps)
    return steps


def _saying_how_far(network: Network, steps: tuple[plans.Step, ...]) -> Iterable[plans.Step]:
    """The steps. Hundreds of live updates take minutes, for libvirt reloads its firewall rules at each."""
    said = monotonic()
    for number, step in enumerate(steps):
        if monotonic() - said > PACE:
            said = monotonic()
            network.status.write(progress=f"{number} of {len(steps)} steps done")
            keep_claim(network.status)
        yield step


def _check_accepted(network: Network, steps: tuple[plans.Step, ...]) -> None:
    """Refuse what nobody was shown: steps beyond those that were accepted, or VMs that would be cut off too."""
    if not network.status.made_at:
        return
    shown = network.accepted or []
    texts, vms = {step["text"] for step in shown}, {vm for step in shown for vm in step["vms"]}
    unasked = [step for step in steps if step.disruption and not set(step.vms) <= vms]
    if network.accepted is not None:
        unasked += [step for step in steps if step.verb in (Verb.RESTART, Verb.STOP) and step.text not in texts]
        # Entries that others made go by an exact push alone, those that are wished away at any time.
        updates = [step for step in steps if step.update and not step.harmless and step.text not in texts]
        unasked += [step for step in updates if network.exact or step.update.section != "ip-dhcp-host"]
    if unasked:
        what = "; ".join(dict.fromkeys(step.text for step in unasked))
        raise Refused(f"Not done, for you have not seen this: {what}. Look at the plan, and say so if you mean it.")


def _check_names(network: Network, side: plans.Found, released: set[HostSpec]) -> None:
    """Refuse host entries whose name others took: libvirt has one of a name, and only by a restart two."""
    wished = network.wanted_hosts()
    ours = {host.mac for host in (*wished, *released) if host.mac} | {host.ip for host in wished}
    names = {(host.name, ":" in host.ip) for host in wished if host.name}
    for other in set(parse(side.document).hosts) - released:
        if (other.name, ":" in other.ip) in names and ours.isdisjoint((other.mac, other.ip)):
            raise Refused(f"Not done: others have made {other.name} the name of another host entry, {other}.")


def _found_side(network: Network, host: Host, with_nics: bool = True) -> plans.Found | None:
    found = host.network(network.uuid_text)
    if not found:
        return None
    nics = _nics(network, host) if with_nics else []
    return plans.Found(
        document=found.stored,
        live=found.document if found.active else "",
        active=found.active,
        autostart=found.autostart,
        attached=tuple(sorted({nic.vm for nic in nics})),
        cut=tuple(sorted({nic.vm for nic in _cut(nics)})),
    )


def _nics(network: Network, host: Host) -> list[FoundPort]:
    """The NICs of running VMs on it, those among them that a killed worker left half-way back to the wire."""
    begun = {(uuid, mac) for uuid, _, mac in network.status.cut}
    found = host.network_nics(network.uuid_text)
    return [nic for nic in found if not nic.half_way or (nic.vm_uuid, nic.mac) in begun]


def _cut(nics: list[FoundPort]) -> list[FoundPort]:
    """NICs that are not on the wire: libvirt destroyed their network under them."""
    return [nic for nic in nics if nic.half_way or not nic.plugged]


def _as_cut(nics: list[FoundPort]) -> list[list[str]]:
    return [[nic.vm_uuid, nic.vm, nic.mac] for nic in nics]


def _run(step: plans.Step, network: Network, host: Host) -> None:
    uuid, name = network.uuid_text, network.name
    match step.verb:
        case Verb.DEFINE:
            host.define_network(step.xml, name)
        case Verb.AUTOSTART | Verb.NO_AUTOSTART:
            host.autostart_network(uuid, name, step.verb is Verb.AUTOSTART)
        case Verb.START:
            _start(network, host)
        case Verb.STOP:
            host.stop_network(uuid, name)
        case Verb.UPDATE:
            host.update_network(uuid, step.update, step.text)
        case Verb.RESTART:
            _restart(network, host)
        case Verb.RECONNECT:
            _reconnect(network, host)


def _restart(network: Network, host: Host) -> None:
    """Destroy and start it at once. Who was on it is written down before: a killed worker's successor goes on."""
    uuid, name = network.uuid_text, network.name
    network.status.write(cut=_as_cut(_nics(network, host)))
    host.stop_network(uuid, name)
    _start(network, host)


def _start(network: Network, host: Host) -> None:
    """Start it; if a libvirt that was killed has left its bridge behind, with another that libvirt chooses."""
    try:
        host.start_network(network.uuid_text, network.name)
    except Refused as problem:
        if not problem.bridge_left or not network.managed or parse(network.document).bridge:
            raise
        host.define_network(network.full_document, network.name)
        host.start_network(network.uuid_text, network.name)


def _reconnect(network: Network, host: Host) -> None:
    """Put every running VM that is off the wire back; those that cannot be are named, and soon tried again."""
    cut = _cut(_nics(network, host))
    network.status.write(cut=_as_cut(cut))
    failures = {}
    for nic in cut:
        try:
            host.replug(nic, network.uuid_text)
        except Refused as problem:
            failures[nic.vm_uuid, nic.mac] = str(problem)
    left = _cut(_nics(network, host))
    network.status.write(cut=_as_cut(left))
    if left:
        silent = "libvirt said that it is done, but it is not"
        names = (f"{nic.vm} (NIC {nic.mac}): {failures.get((nic.vm_uuid, nic.mac), silent)}" for nic in left)
        problem = Busy if network.status.tries < TRIES else Refused
        raise problem(f"{network} runs, but these are not back on the wire: {'; '.join(names)}")


def look_for_cut(network: Network, host: Host) -> None:
    """Write down which running VMs hang in the air: somebody has restarted their network."""
    with claimed(NetworkStatus.objects.filter(wish=network)) as status:
        if status:  # else a worker is at it, who knows better
            cut = _as_cut(_cut(_nics(network, host)))
            if cut != status.cut:
                status.write(cut=cut)


def _take_back(network: Network, host: Host) -> None:
    """Leave nothing of a network that was never whole."""
    host.stop_network(network.uuid_text, network.name)
    host.undefine_network(network.uuid_text, network.name)


def _note_result(network: Network, done: list[str], result: str, seconds: float) -> None:
    """Write into the history what came of the wish, and of those that it overtook."""
    waiting = network.revisions.filter(generation__lte=network.generation, result="")
    if revision := waiting.first():
        network.revisions.filter(pk=revision.pk).update(plan=done, seconds=seconds)
        waiting.update(result=result)


def _settled(network: Network, host: Host, wanted: plans.Wanted | None) -> dict:
    """The status after a push: what still differs is what this libvirt does not keep."""
    found = host.network(network.uuid_text)
    if found and wanted:
        left = differences(wanted.document, found.stored)
        ignored = [str(one) for one in left if not (one.found and one.listed)]
        network.status.write(ignored="\n".join(ignored))
    _write_hosts(network, found)
    return _seen(network, found)


def _remove(network: Network, host: Host) -> None:
    users = sorted({nic.vm for nic in _nics(network, host) if nic.plugged})
    if users and not network.may_cut_off:
        Network.objects.filter(pk=network.pk).update(removed_at=None)
        raise Refused(f"Not removed: it would cut off {', '.join(users)}. Remove it again and say that you mean it.")
    host.stop_network(network.uuid_text, network.name)
    host.undefine_network(network.uuid_text, network.name)
    network.hypervisor.status.forget_routes(network.status.bridge)
    network.leases.end()
    network.delete()


def add_host(network: Network, host: Host, entry: HostSpec) -> None:
    """Add one wanted host entry live and stored, at once: the VM that needs it is about to start."""
    _change_hosts(network, host, add=(entry,))


def delete_hosts(network: Network, host: Host, macs: Iterable[str]) -> None:
    """Delete every host entry of these MACs, wished or not, live and stored."""
    macs = tuple(macs)
    if network.hosts.filter(mac__in=macs).delete()[0]:
        network.note(f"host entries of {', '.join(macs)} removed", result="done")
    _change_hosts(network, host, remove=macs)


def _change_hosts(network: Network, host: Host, add: tuple[HostSpec, ...] = (), remove: tuple[str, ...] = ()) -> None:
    if side := _found_side(network, host, with_nics=False):
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
        _record_gone(rows[uuid], began, hypervisor.status.observed_at)
    leases.poll(hypervisor, host, [(rows[uuid], network) for uuid, network in found.items() if uuid in rows])


def _record(row: Network, network: FoundNetwork, began: datetime) -> None:
    status = row.status
    now_as = (network.document, network.active, network.autostart, network.persistent)
    if now_as == (status.document, status.active, status.autostart, status.persistent) and (
        status.present and status.compared == row.generation and network.stored == status.definition
    ):
        return
    if row.name != network.name and not row.managed:
        Network.objects.filter(pk=row.pk).update(name=network.name)
    with transaction.atomic():
        written = _write(row, began, _seen(row, network))
        if written:
            _write_hosts(row, network)
    if written:
        _answer_drift(row)


def _answer_drift(row: Network) -> None:
    """Do by itself what an operator set for this network when others change it."""
    row.refresh_from_db()
    if not (row.managed and row.done and row.status.drift) or row.removed_at or row.status.error:
        return
    if row.on_drift == Network.OnDrift.TAKE and row.status.present:
        row.follow("libvirt’s taken over by itself")
    elif row.on_drift == Network.OnDrift.PUT_BACK:
        row.change("ours put back by itself", exact=True)


def _record_gone(row: Network, began: datetime, last_look: datetime | None) -> None:
    if not row.managed:
        row.leases.end(last_look)
        row.delete()
    elif row.status.present and _write(row, began, _seen(row, None)):
        row.leases.end(last_look)
        _write_hosts(row, None)
        _answer_drift(row)


def _write(row: Network, began: datetime, values: dict) -> bool:
    """Write what was seen, unless a push has seen it later than this look began."""
    older = Q(observed_at=None) | Q(observed_at__lte=began) | Q(observed_at__gt=timezone.now())  # the clock jumped back
    return bool(NetworkStatus.objects.filter(older, wish=row).update(**values))


def _seen(row: Network, found: FoundNetwork | None) -> dict:
    """The status columns that say what libvirt has."""
    now = timezone.now()
    if found is None:
        drift = "libvirt no longer has it" if row.status.made_at else ""
        gone = {"present": False, "active": False, "drift": drift, "leases_print": ""}
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
        "drift": "\n".join(_drift(row, found)) if row.managed else "",
        "compared": row.generation,
        "observed_at": now,
    }


def _write_hosts(row: Network, found: FoundNetwork | None) -> None:
    """Write down the host entries that libvirt has, as rows to be looked for, and have the names asked anew."""
    now = {replace(host, ip=str(ip_address(host.ip))) for host in (parse(found.document).hosts if found else ())}
    gone = []
    for entry in row.found_hosts.all():
        spec = entry.spec()
        if spec in now:
            now.remove(spec)
        else:
            gone.append(entry.pk)
    row.found_hosts.filter(pk__in=gone).delete()
    DHCPHostStatus.objects.bulk_create(DHCPHostStatus.of(row, host) for host in now)
    DNSAnswers.objects.filter(network=row).update(due_at=None)


def _drift(row: Network, found: FoundNetwork) -> Iterable[str]:
    wanted, ignored = row.full_document, row.status.ignored.splitlines()
    off = [str(one) for one in differences(wanted, found.stored)]
    # A running network learns of a new title and the like only when it is restarted, which nobody does for that.
    kept_only = {TITLES[path] for path in plans.KEPT_ONLY}
    off += [str(one) for one in differences(wanted, found.document) if one.field not in kept_only]
    yield from (line for line in dict.fromkeys(off) if line not in ignored)
    if found.active != row.active:
        yield "is active" if found.active else "is not active"
    if found.autostart != row.autostart:
        yield "starts with the host" if found.autostart else "does not start with the host"
