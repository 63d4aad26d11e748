"""Merges overlays of external snapshots into the disks beneath them, while QEMU runs: block commits."""

from collections.abc import Collection
from functools import partial

from lxml import etree

from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import Refused
from virterweb.messages import Message
from vms.definition import domain as domain_xml
from vms.definition.snapshots import document as snapshot_xml
from vms.definition.snapshots.document import FoundSnapshot, Kind
from vms.models import LAYER, TAG, VM, Image, Power, SnapshotRequest

from . import overlays, progress
from .overlays import Place
from .take import present


def merge(row: SnapshotRequest, vm: VM, connection: Connection, snapshot: FoundSnapshot) -> None:
    """Merge the overlays of a snapshot that the VM is on, and note in the request into which disk each is merged.

    A VM that is off is started with its guest paused: libvirt merges disks only in a QEMU process.

    Raises:
        Refused: something else needs the disks, or the request was cancelled.
    """
    overlays.refresh(connection, snapshot.overlays.values())
    volumes = overlays.everywhere(connection)
    chains = chains_of(connection, present(vm, connection).document, volumes)
    wanted = {target: path for target, path in snapshot.overlays.items() if path in chains.get(target, [])}
    for target, overlay in wanted.items():
        _require_alone(vm, connection, snapshot, chains[target], overlay, volumes)
    if wanted and present(vm, connection).state == Power.OFF:
        row.note(started=True)
        connection.jobs.start_paused(vm.uuid_text, vm.name)
    for number, (target, overlay) in enumerate(wanted.items(), start=1):
        chain = chains[target]
        base = chain[chain.index(overlay) + 1]
        row.note(merged=row.about.get("merged", {}) | {overlay: base})
        job = partial(connection.jobs.of_disk, vm.uuid_text, target)
        commit = partial(connection.jobs.commit, vm.uuid_text, target, base, overlay, active=chain[0] == overlay)
        step = Message("step.merging", disk=target, number=number, count=len(wanted))
        row.steps.watch(step, (lambda: None) if job() else commit, job)
        progress.finish_commit(row, vm.uuid_text, target, connection)
        now = chains_of(connection, present(vm, connection).document, volumes)
        if overlay in now.get(target, []):
            raise Refused(Message("snapshot.not_merged", name=snapshot.name, disk=target))


def chains_of(connection: Connection, document: str, volumes: dict[str, Place]) -> dict[str, list[str]]:
    """Return the files of each disk by target, the one that the VM writes to first, then those beneath it."""
    found = {}
    for disk in etree.fromstring(document.encode(), domain_xml.PARSER).iterfind("devices/disk"):
        source, target = disk.find("source"), disk.find("target")
        if source is None or target is None:
            continue
        chain = [overlays.resolved(connection, snapshot_xml.file_of(disk))]
        beneath = disk.find("backingStore")
        while beneath is not None and beneath.find("source") is not None:
            chain.append(overlays.resolved(connection, snapshot_xml.file_of(beneath)))
            beneath = beneath.find("backingStore")
        while (last := volumes.get(chain[-1])) and (path := overlays.backing(last[1])) and path not in chain:
            chain.append(path)
        found[target.get("dev", "")] = chain
    return found


def _require_alone(
    vm: VM,
    connection: Connection,
    snapshot: FoundSnapshot,
    chain: list[str],
    overlay: str,
    volumes: dict[str, Place],
) -> None:
    """Refuse to merge an overlay if anything but the VM's present disk needs it or the disk beneath it."""
    place = chain.index(overlay)
    if place + 1 == len(chain):
        raise Refused(Message("snapshot.no_base", name=snapshot.name, path=overlay))
    base, above = chain[place + 1], chain[place - 1] if place else ""
    _require_no_image(vm, snapshot, base, volumes)
    both = {base, overlay}
    on_top = {
        path: volume.name
        for path, (_, volume) in volumes.items()
        if overlays.backing(volume) in both and path not in (overlay, above)
    }
    if vms := _other_vms(vm, connection, on_top):
        raise Refused(Message("snapshot.cloned", name=snapshot.name, vms=vms))
    others = list(on_top.values())
    for document in connection.snapshots.documents(vm.uuid_text):
        each = snapshot_xml.parse(document)
        its = {overlays.resolved(connection, source) for source in each.sources.values()}
        needs = overlay in its if each.kind == Kind.INTERNAL else base in its and each.name != snapshot.name
        others += [each.name] * needs
    if others:
        raise Refused(Message("snapshot.in_use", name=snapshot.name, others=sorted(set(others))))
    if vms := _other_vms(vm, connection, both):
        raise Refused(Message("snapshot.used_by_vm", name=snapshot.name, vms=vms))


def _other_vms(vm: VM, connection: Connection, paths: Collection[str]) -> list[str]:
    """Return the names of other VMs that use any of these files."""
    others = (domain for domain in connection.domains.all() if domain.uuid != vm.uuid_text)
    return sorted(each.name for each in others if not overlays.of_domain(connection, each).isdisjoint(paths))


def _require_no_image(vm: VM, snapshot: FoundSnapshot, base: str, volumes: dict[str, Place]) -> None:
    name = volumes[base][1].name if base in volumes else base.rpartition("/")[2]
    images = set(Image.objects.filter(hypervisor=vm.hypervisor).values_list("volume", flat=True))
    if name in images or name.startswith((LAYER, TAG)):
        raise Refused(Message("snapshot.of_image", name=snapshot.name, path=base))
