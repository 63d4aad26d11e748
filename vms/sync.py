"""Makes libvirt's domains and volumes agree with the wishes, and writes down what libvirt has of them.

Safe to run twice, to be killed anywhere, and to run beside another worker.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q
from django.utils import timezone

from networks import addressing, leases
from networks import sync as networks_sync
from networks.models import Lease, Network
from virterweb.hypervisors.found import FoundDomain, Refused
from virterweb.hypervisors.gateway import Host
from virterweb.hypervisors.models import Hypervisor
from virterweb.hypervisors.reconcile import Waiting

from . import console, domain_xml, guest_report, image_sync, seed, ssh
from .make import make, release_addresses, release_entries, release_leases, take_away
from .models import NIC, VM, NICStatus, Power, VMStatus
from .nic_plan import NICStep, drift, plan
from .nic_sync import carry_out
from .nic_xml import FoundNIC

PATIENCE = timedelta(minutes=5)  # how long a NIC without a lease counts as waiting for its first


def push(vm: VM, host: Host) -> dict | None:
    """Make libvirt agree with one wish; columns for its status, or None once the wish is gone."""
    if vm.removed_at:
        _remove(vm, host)
        return None
    if vm.managed and vm.status.made_at is None:
        image_sync.look_again(vm.hypervisor_id)
        make(vm, host)
        console.begin(vm)
        vm.status.write(power_done=vm.power_generation)
    else:
        _follow(vm, host)
    found = host.domain(vm.uuid_text)
    _write_nics(vm, found)
    if found:
        ssh.note_start(vm, found.document)
    guest_report.note(vm.status, found.document if found else "")
    return _seen(vm, found)


def _remove(vm: VM, host: Host) -> None:
    found = host.domain(vm.uuid_text)
    if found or vm.status.made_at:  # undefined behind our back, what is left of it is still ours
        host.destroy_domain(vm.uuid_text, vm.name)
        console.finish(vm, host)
        take_away(vm, host, found)
    vm.delete()


def _follow(vm: VM, host: Host) -> None:
    """Carry out what was wished of a VM since it was made, or of another's NICs: stop it, change its NICs, start it."""
    found = host.domain(vm.uuid_text)
    if found is None:
        raise Refused(f"libvirt no longer has {vm.name}; remove it here, and run it anew.")
    asked = vm.power_generation > vm.status.power_done
    if asked and not vm.running and found.state != Power.OFF:
        _stop(vm, host)
        found = host.domain(vm.uuid_text)
    if found is None:  # a transient one, which is gone when it stops
        vm.status.write(power_done=vm.power_generation, shut_down_at=None)
        return
    if seed.ours(vm):
        with suppress(Refused):  # the guest keeps what it was told; the VM itself can be changed all the same
            seed.write(vm, host)
    _change_nics(vm, host, found)
    if asked and vm.running:
        host.start_domain(vm.uuid_text, vm.name)
    if asked:
        vm.status.write(power_done=vm.power_generation, shut_down_at=None)


def _stop(vm: VM, host: Host) -> None:
    """Ask the guest to shut down, once; when its time is over, or at once if forced, destroy it."""
    status, now = vm.status, timezone.now()
    limit = timedelta(seconds=vm.hypervisor.shutdown_timeout)
    if vm.forced or (status.shut_down_at and now >= status.shut_down_at + limit):
        host.destroy_domain(vm.uuid_text, vm.name)
        return
    if status.shut_down_at is None:
        host.shut_down_domain(vm.uuid_text, vm.name)
        status.write(shut_down_at=now)
    left = (status.shut_down_at + limit - now).seconds
    raise Waiting(f"shutting down; stopped by force in {left} s", seconds=0.5)


def _change_nics(vm: VM, host: Host, found: FoundDomain) -> None:
    """Make the NICs as they are wished: those that are asked for, that are missing, or that shall go."""
    running = found.state != Power.OFF
    live = {nic.mac: nic for nic in domain_xml.parse(found.document).nics} if running else {}
    stored = host.stored_domain(vm.uuid_text) if found.persistent else ""
    kept = {nic.mac: nic for nic in domain_xml.parse(stored).nics} if stored else {}
    held, detail = [], ""
    for nic in vm.nics.all():
        here, there = live.get(nic.mac), kept.get(nic.mac)
        if nic.removed_at is None and not nic.asked_at and (not vm.managed or _is_there(here, there, running, stored)):
            continue
        stays = bool(nic.removed_at and nic.at_shutdown and here)  # in the running guest, until that is shut down
        wanted = None if nic.removed_at else nic.spec()
        found_now = (None, there, False) if stays else (here, there, running)
        steps = plan(wanted, *found_now, replug=not nic.at_shutdown).steps
        try:
            done = all(carry_out(step, vm, host, found.persistent) for step in steps)
        except Refused as problem:  # the others are not made to wait for it
            vm.nics.filter(pk=nic.pk, asked_at=nic.asked_at).update(asked_at=None, refused=str(problem))
            detail = detail or problem.detail
            continue
        if not done:
            held.append(nic.mac)
        elif not stays:
            moved_from = _left(here, steps, running)
            there_now = bool(moved_from) or not running or (here is not None and _same_place(here, nic))
            _settle(vm, nic, host, moved_from, there_now)
    refused = list(vm.nics.exclude(refused="").values_list("refused", flat=True))
    if held:
        _write_nics(vm, host.domain(vm.uuid_text))
        raise Waiting(" ".join([_held(held), *refused]), seconds=3)
    if refused:
        raise Refused(" ".join(refused), detail)


def _is_there(here: FoundNIC | None, there: FoundNIC | None, running: bool, stored: str) -> bool:
    return bool((here or not running) and (there or not stored))


def _left(here: FoundNIC | None, steps: tuple[NICStep, ...], running: bool) -> str:
    """The network that a NIC has left with these steps; "" if it stays, or goes only at the next boot."""
    if here is None or here.kind != NIC.Kind.NETWORK or not running:
        return ""
    now = [(step.spec.kind, step.spec.source) for step in steps if step.live and step.spec]
    return here.source if now and now[-1] != (here.kind, here.source) else ""


def _same_place(found: FoundNIC, nic: NIC) -> bool:
    return (found.kind, found.source) == (nic.kind, nic.source)


def _settle(vm: VM, nic: NIC, host: Host, moved_from: str, there_now: bool) -> None:
    """A NIC is as it was wished: of what is gone, or of where it was, its addresses are given up."""
    wish = vm.nics.filter(pk=nic.pk, asked_at=nic.asked_at, removed_at=nic.removed_at)
    if nic.removed_at:
        release_addresses(vm, host, {nic.mac})
        wish.delete()
        return
    if moved_from:
        release_leases(vm, host, {nic.mac}, moved_from)
    if there_now:
        release_entries(vm, host, {nic.mac}, but=nic.source)
    if vm.managed:
        wish.update(asked_at=None, refused="")
    else:
        wish.delete()  # another's VM: what was asked is done, and not watched over


def _held(macs: list[str]) -> str:
    return (
        f"the guest has not released NIC {', '.join(sorted(macs))}; it is asked again. It does so once it has booted, "
        "or when the VM is off."
    )


def observe(hypervisor: Hypervisor, host: Host) -> None:
    """Write down every domain with its NICs, and the pool's volumes now and then; nothing that did not change."""
    began = timezone.now()
    found = {domain.uuid: domain for domain in host.domains()}
    rows = {row.uuid_text: row for row in VM.objects.on(hypervisor).select_related("hypervisor", "status")}
    for uuid, domain in found.items():
        if uuid not in rows:
            if host.domain(uuid) is None:  # ours, removed since the list was read
                continue
            rows[uuid] = _take_in(hypervisor, domain)
        _record(rows[uuid], domain, began)
    for uuid in rows.keys() - found.keys():
        _record_gone(rows[uuid], began)
    _find_networks(hypervisor)
    _try_again(hypervisor)
    _look_for_cut(hypervisor, host)
    _ask_for_leases(hypervisor)
    image_sync.observe(hypervisor, host)


def _take_in(hypervisor: Hypervisor, domain: FoundDomain) -> VM:
    """A row for a domain that others made."""
    return VM.objects.create(
        hypervisor=hypervisor, name=domain.name, uuid=domain.uuid, managed=False, generation=0, memory=0, vcpus=0
    )


def _record(row: VM, domain: FoundDomain, began: datetime) -> None:
    status = row.status
    same = domain.document == status.document and domain.state == status.power and status.present
    if same and status.compared == row.generation:
        return
    status.refresh_from_db(fields=["observed_at"])
    if status.observed_at and status.observed_at > began:
        return
    if not row.managed:
        _follow_foreign(row, domain)
    with transaction.atomic():
        _write_nics(row, domain)
        _finish_late(row, domain)
        ssh.note_start(row, domain.document)
        guest_report.note(status, domain.document)
        VMStatus.objects.filter(wish=row).update(**_seen(row, domain))


def _follow_foreign(row: VM, domain: FoundDomain) -> None:
    """Another's VM is what libvirt says; one of Virter's also has an ID, who logs in, and a host key."""
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


def _finish_late(row: VM, domain: FoundDomain) -> None:
    """What was to wait until the VM is shut down has come about: what hangs on it is done now."""
    late = list(row.nics.filter(at_shutdown=True))
    found = {nic.mac: nic for nic in domain_xml.parse(domain.document).nics} if late else {}
    running = domain.state != Power.OFF
    gone = any(nic.removed_at and nic.mac not in found for nic in late)
    kept = [nic for nic in late if nic.removed_at is None and not nic.asked_at and nic.mac in found]
    came = [nic.pk for nic in kept if not drift(nic.spec(), found[nic.mac], running)]
    row.nics.filter(pk__in=came).update(at_shutdown=False, asked_at=timezone.now())
    if gone or came:
        row.ask_again()


def _record_gone(row: VM, began: datetime) -> None:
    status = row.status
    if not row.managed:
        row.delete()
    elif status.present and not (status.observed_at and status.observed_at > began):
        _write_nics(row, None)
        guest_report.note(status, "")
        VMStatus.objects.filter(wish=row).update(**_seen(row, None))


def _write_nics(row: VM, domain: FoundDomain | None) -> None:
    """Replace the NICs seen of one VM, if they differ."""
    networks = dict(Network.objects.on(row.hypervisor_id).order_by("managed").values_list("name", "pk"))
    now = [
        NICStatus(
            vm=row.status,
            position=position,
            kind=nic.kind,
            source=nic.source,
            network_id=networks.get(nic.source) if nic.kind == NIC.Kind.NETWORK else None,
            port_group=nic.spec.port_group[:50],
            model=nic.model,
            mac=nic.mac,
            target=nic.target,
            link=nic.link,
        )
        for position, nic in enumerate(domain_xml.parse(domain.document).nics if domain else ())
    ]
    fields = ("position", "kind", "source", "network_id", "port_group", "model", "mac", "target", "link")
    before = [tuple(getattr(nic, field) for field in fields) for nic in row.status.nics.all()]
    if before != [tuple(getattr(nic, field) for field in fields) for nic in now]:
        with transaction.atomic():
            if not VMStatus.objects.select_for_update().filter(pk=row.status.pk):  # whoever else writes them waits
                return  # the VM has just been removed
            row.status.nics.all().delete()
            NICStatus.objects.bulk_create(now)
        leases.look_again({nic.network_id for nic in now if nic.network_id})


def _seen(row: VM, domain: FoundDomain | None) -> dict:
    """The status columns that say what libvirt has."""
    now = timezone.now()
    if domain is None:
        drift = "libvirt no longer has it" if row.status.made_at else ""
        gone = {"present": False, "power": Power.OFF, "document": "", "disks": [], "drift": drift}
        return {**gone, "compared": row.generation, "observed_at": now}
    spec = domain_xml.parse(domain.document)
    return {
        "present": True,
        "power": domain.state,
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
        "drift": "\n".join(_drift(row, spec, domain.state != Power.OFF)) if row.managed and row.status.made_at else "",
        "compared": row.generation,
        "observed_at": now,
    }


def _drift(row: VM, spec: domain_xml.FoundDomain, running: bool) -> Iterator[str]:
    if row.name != spec.name:
        yield f"is called {spec.name}"
    if row.memory != spec.memory:
        yield f"memory: found {spec.memory} MiB, wanted {row.memory} MiB"
    if row.vcpus != spec.vcpus:
        yield f"vCPUs: found {spec.vcpus}, wanted {row.vcpus}"
    wanted = {nic.mac: nic for nic in row.nics.all()}
    found = {nic.mac: nic for nic in spec.nics}
    for mac, nic in wanted.items():
        if nic.removed_at is None and mac not in found:
            yield f"NIC {mac} on {nic.source} is missing"
        elif nic.removed_at is None:
            for each in drift(nic.spec(), found[mac], running, replug=not nic.at_shutdown):
                yield f"NIC {mac}: {each.title}: found {each.was}, wanted {each.becomes}"
    for mac in found.keys() - wanted.keys():
        yield f"NIC {mac} on {found[mac].source} was added outside"


def _find_networks(hypervisor: Hypervisor) -> None:
    """Tie NICs to networks that libvirt has only since the domain was last read."""
    loose = NICStatus.objects.filter(vm__wish__hypervisor=hypervisor, kind=NIC.Kind.NETWORK, network=None)
    names = set(loose.values_list("source", flat=True))
    for network in Network.objects.on(hypervisor).filter(name__in=names).order_by("managed"):
        loose.filter(source=network.name).update(network=network)


def _try_again(hypervisor: Hypervisor) -> None:
    """Have wishes carried out that failed for want of a network which is there by now."""
    failed = VM.objects.on(hypervisor).exclude(status__error="").filter(status__generation__gte=F("generation"))
    active = set(Network.objects.on(hypervisor).filter(status__active=True).values_list("name", flat=True))
    for vm in failed.filter(removed_at=None).select_related("status").prefetch_related("nics"):
        reasons = [nic.refused for nic in vm.nics.all() if nic.refused] or [vm.status.error]
        if any(_lacks(name, reason) for name in active for reason in reasons):
            vm.ask_nics_again()


def _lacks(network: str, reason: str) -> bool:
    """Whether a refusal, by the gateway or by `make`, says that there is no such network, or that it is not active."""
    name = re.escape(network)
    return bool(re.search(rf"no network {name}(?: on \S+)?\.?\Z|network {name} is not active", reason))


def _look_for_cut(hypervisor: Hypervisor, host: Host) -> None:
    """Where more NICs run than libvirt counts on their network, somebody has restarted it: see who hangs in the air."""
    on_it = Q(nics__vm__power__in=(Power.RUNNING, Power.PAUSED), nics__kind=NIC.Kind.NETWORK)
    networks = Network.objects.on(hypervisor).filter(status__active=True).annotate(running=Count("nics", filter=on_it))
    for network in networks.filter(Q(running__gt=0) | ~Q(status__cut=[])).select_related("status"):
        if network.running > network.status.connections or network.status.cut:
            networks_sync.look_for_cut(network, host)


def _ask_for_leases(hypervisor: Hypervisor) -> None:
    """Have the leases read often while a running NIC on a DHCP network waits for its first address."""
    waiting = NICStatus.objects.filter(
        ~Exists(Lease.objects.current().filter(network=OuterRef("network"), mac=OuterRef("mac"))),
        ~Q(network__status__dhcp=""),
        vm__wish__hypervisor=hypervisor,
        vm__power=Power.RUNNING,
        vm__observed_at__gt=timezone.now() - PATIENCE,
        network__status__active=True,
    )
    leases.want(waiting.values_list("network", flat=True).distinct())
