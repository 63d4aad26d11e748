"""The files of external snapshots in pools: where they are, and whether something needs them."""

from collections.abc import Iterable
from posixpath import dirname

from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundDomain, FoundVolume, PoolUnreadable, fail_on_unreadable
from vms.definition import domain as domain_xml
from vms.definition import volume as volume_xml
from vms.definition.snapshots import document as snapshot_xml
from vms.definition.snapshots.document import Disk, FoundSnapshot
from vms.models import LAYER, TAG, VM, Image

Place = tuple[str, FoundVolume]  # pool and volume


def path_of(connection: Connection, disk: Disk) -> str:
    """Return the path of a disk's file; "" if its pool no longer has the volume."""
    if not disk.volume:
        return disk.file
    volume = connection.volumes.get(disk.pool, disk.volume)
    return volume.path if volume else ""


def resolved(connection: Connection, source: str) -> str:
    """Return the path of what a document names as the source of a disk: a path, or POOL/VOLUME."""
    if source.startswith("/") or "/" not in source:
        return source
    pool, _, name = source.partition("/")
    volume = connection.volumes.get(pool, name)
    return volume.path if volume else source


def refresh(connection: Connection, files: Iterable[str]) -> None:
    """Have libvirt notice new files in the folders of active pools."""
    folders = {dirname(path) for path in files}
    for pool in connection.pools.active() if folders else ():
        if connection.pools.folder(pool).rstrip("/") in folders:
            connection.volumes.all(pool)


def everywhere(connection: Connection) -> dict[str, Place]:
    """Return all volumes of all active pools, by path; Refused if one cannot be read, which may be an overlay."""
    found: dict[str, Place] = {}
    for pool in connection.pools.active():
        try:
            for volume in connection.volumes.all(pool, fail_on_unreadable):
                found.setdefault(volume.path, (pool, volume))
        except PoolUnreadable as problem:
            if not problem.missing:
                raise
    return found


def backing(volume: FoundVolume) -> str:
    return volume_xml.parse(volume.document).backing


def of_domain(connection: Connection, domain: FoundDomain) -> set[str]:
    """Return the paths that the disks of a domain name, now and at its next start."""
    found: set[str] = set()
    for document in filter(None, (domain.document, domain.stored)):
        found |= domain_xml.disk_sources(document)
        found |= {resolved(connection, each.file) for each in snapshot_xml.disks(document)}
    return found


def of_snapshots(paths: Iterable[str], snapshots: Iterable[FoundSnapshot]) -> list[str]:
    """Return those of the paths that are files of snapshots: they, and no other disk, may be deleted."""
    known = {path for each in snapshots for path in each.files}
    return [path for path in paths if path in known or snapshot_xml.OVERLAY.search(path)]


def needed(vm: VM, connection: Connection, volumes: dict[str, Place]) -> set[str]:
    """Return the paths that any VM, its snapshots, or an overlay on another disk needs, down to the lowest."""
    top: set[str] = set()
    for domain in connection.domains.all():
        top |= of_domain(connection, domain)
    for document in connection.snapshots.documents(vm.uuid_text):
        found = snapshot_xml.parse(document)
        top |= {resolved(connection, source) for source in found.sources.values()}
        top |= {found.memory_file}
    result: set[str] = set()
    while top:
        result |= top
        top = {backing(volumes[path][1]) for path in top if path in volumes} - result
    return result - {""}


def delete_unused(vm: VM, connection: Connection, files: Iterable[str]) -> None:
    """Delete those of the files that nothing needs: overlays of snapshots and saved memory, never images."""
    files = list(files)
    refresh(connection, files)
    volumes = everywhere(connection) if files else {}
    kept = needed(vm, connection, volumes) if files else set()
    names = {name for _, name in vm.volumes()}
    names |= set(Image.objects.filter(hypervisor=vm.hypervisor).values_list("volume", flat=True))
    for path in dict.fromkeys(files):
        if path in kept or path not in volumes:
            continue
        pool, volume = volumes[path]
        others = [each for each, (_, other) in volumes.items() if backing(other) == path and each not in files]
        if not others and volume.name not in names and not volume.name.startswith((LAYER, TAG)):
            connection.volumes.delete(pool, volume.name)
