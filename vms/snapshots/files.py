"""The files of a VM's snapshots: overlays on its own disks, and saved memory. Deletion takes them with it."""

from collections.abc import Iterable, Mapping

from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundDomain, FoundVolume
from vms.definition import domain as domain_xml
from vms.definition import volume as volume_xml

Place = tuple[str, str]  # pool and name of a volume


def files(
    connection: Connection, found: FoundDomain | None, volumes: Mapping[Place, FoundVolume], own: Iterable[Place]
) -> list[Place]:
    """Return the volumes that a domain or its snapshots name and that lead to its own ones, and their memory files."""
    if found is None:
        return []
    own, memory, disks = set(own), *_of_snapshots(connection, found)
    by_path = {volume.path: place for place, volume in volumes.items()}
    result = [by_path[path] for path in sorted(memory) if path in by_path]
    for path in sorted(disks | _of_domain(found)):
        above, place = [], by_path.get(path)
        while place and place not in own and place not in above:
            above.append(place)
            place = by_path.get(volume_xml.parse(volumes[place].document).backing)
        if place in own:
            result += above
    return list(dict.fromkeys(result))


def outside(
    connection: Connection, found: FoundDomain | None, volumes: Mapping[Place, FoundVolume], folders: Iterable[str]
) -> str:
    """Return the path of an overlay that a domain's disk is in and that is in none of these pools; "" without."""
    if found is None:
        return ""
    _, disks = _of_snapshots(connection, found)
    known = {volume.path for volume in volumes.values()}
    used = (disks & _of_domain(found)) - known
    return next((path for path in sorted(used) if path.rpartition("/")[0] not in set(folders)), "")


def _of_domain(found: FoundDomain) -> set[str]:
    documents = filter(None, (found.document, found.stored))
    return set().union(*(domain_xml.disk_sources(document) for document in documents))


def _of_snapshots(connection: Connection, found: FoundDomain) -> tuple[set[str], set[str]]:
    """Memory files, and overlays of disks."""
    memory, disks = set(), set()
    for document in connection.snapshots.documents(found.uuid):
        parts = domain_xml.snapshot_files(document)
        memory |= parts[0]
        disks |= parts[1]
    return memory, disks
