"""Documents of snapshots: what can be taken how, the document to take one with, and found ones. Pure.

Follows libvirt's formatsnapshot.html and schemas/domainsnapshot.rng.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from lxml import etree

from virterweb.hypervisors.gateway.bounds import whole_number
from virterweb.hypervisors.gateway.found import normal_path
from virterweb.messages import Message
from virterweb.pages.characters import hidden_in
from vms.definition.domain import PARSER
from vms.definition.domain import files as domain_files

OF_RUNS = ("/dev/pts/", "/dev/urandom", "/run/", "/var/run/", "/var/lib/libvirt/qemu/", "/usr/")
OVERLAY = re.compile(r"\.snapshot-[0-9a-f]{8}\Z")  # the end of the names of the portal's overlays


MAX_NAME = 100  # characters, which are up to 200 bytes: libvirt keeps a file of that name, QEMU has a field for it
MAX_NAME_BYTES = 200
MAX_DESCRIPTION = 1000


def name_problem(name: str) -> Message:
    """Return why a name is not one for a new snapshot; an empty message if it is one."""
    if hidden := hidden_in(name):
        return Message("snapshot.name_hidden", character=hidden)
    if not name or name != name.strip():
        return Message("snapshot.name_empty")
    if len(name) > MAX_NAME or len(name.encode()) > MAX_NAME_BYTES:
        return Message("snapshot.name_long", most=MAX_NAME)
    if "/" in name or name.startswith("."):
        return Message("snapshot.name_path")
    if name.isdigit():  # QEMU would take it for the number of a snapshot
        return Message("snapshot.name_number")
    return Message()


def description_problem(description: str) -> Message:
    """Return why a description cannot be that of a new snapshot; an empty message if it can."""
    for line in description.splitlines():
        if hidden := hidden_in(line.replace("\t", " ")):
            return Message("snapshot.name_hidden", character=hidden)
    return (
        Message("snapshot.description_long", most=MAX_DESCRIPTION) if len(description) > MAX_DESCRIPTION else Message()
    )


class Kind(StrEnum):
    """Where a snapshot is: in the disks, or in files of its own."""

    INTERNAL = "internal"
    EXTERNAL = "external"


@dataclass(frozen=True, kw_only=True)
class Disk:
    """A disk of a domain that a snapshot would have to include; it is a file, or a volume of a pool."""

    target: str
    format: str
    file: str
    pool: str
    volume: str
    kind: str  # file, volume, block, network …


@dataclass(frozen=True, kw_only=True)
class FoundSnapshot:
    """A snapshot that libvirt has; `sources` are the files of the disks when it was taken, by target."""

    name: str
    parent: str
    description: str
    created: int  # seconds since the epoch
    state: str  # libvirt's word
    kind: Kind
    memory: bool
    overlays: Mapping[str, str]  # the files of its external disks, by target
    memory_file: str
    sources: Mapping[str, str]
    domain: str  # the definition when it was taken; "" if libvirt does not tell

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(filter(None, (*self.overlays.values(), self.memory_file)))


def parse(document: str) -> FoundSnapshot:
    root = etree.fromstring(document.encode(), PARSER)
    memory = root.find("memory")
    where = "" if memory is None else memory.get("snapshot", "")
    external = root.xpath("disks/disk[@snapshot='external']")
    domain = root.find("domain")
    return FoundSnapshot(
        name=root.findtext("name", ""),
        parent=root.findtext("parent/name", ""),
        description=root.findtext("description", ""),
        created=whole_number(root.findtext("creationTime", "0")),
        state=root.findtext("state", ""),
        kind=Kind.EXTERNAL if external or where == "external" else Kind.INTERNAL,
        memory=where in ("internal", "external"),
        overlays={each.get("name", ""): file_of(each) for each in external},
        memory_file="" if memory is None else normal_path(memory.get("file", "")),
        sources={} if domain is None else {target: file_of(disk) for target, disk in _writable(domain)},
        domain="" if domain is None else etree.tostring(domain, encoding="unicode"),
    )


def disks(document: str) -> tuple[Disk, ...]:
    """Return the disks of a domain that can be written to; CD-ROMs and floppies are left out of snapshots."""
    found = _writable(etree.fromstring(document.encode(), PARSER))
    return tuple(_disk(target, each) for target, each in found)


def why_external(document: str, *, running: bool, memory: bool) -> Message:
    """Return why a snapshot cannot be internal; an empty message if it can."""
    root = etree.fromstring(document.encode(), PARSER)
    if running and not memory:
        return Message("snapshot.disks_only")
    for each in disks(document):
        if each.format != "qcow2":
            return Message("snapshot.not_qcow2", disk=each.target, format=each.format or "raw")
    return Message("snapshot.uefi") if has_uefi(root) else Message()


def has_uefi(root: etree._Element) -> bool:
    os = root.find("os")
    return os is not None and (os.get("firmware") == "efi" or os.find("loader[@type='pflash']") is not None)


def overlay_of(path: str, token: str) -> str:
    """Return the path of a new overlay on a disk: beside it, and named after it, not after another overlay on it."""
    return f"{OVERLAY.sub('', path)}.snapshot-{token}"


def build(name: str, description: str, places: Mapping[str, str | None], memory: str | bool = False) -> str:
    """Return the document to take a snapshot with.

    `places` has the overlay of each disk by target, None for an internal one. `memory` is the file to save the memory
    to, or whether the disks take it in. Disks that are not named, such as CD-ROMs, have to be in it as "".
    """
    root = etree.Element("domainsnapshot")
    etree.SubElement(root, "name").text = name
    if description:
        etree.SubElement(root, "description").text = description
    saved = etree.SubElement(root, "memory", snapshot="internal" if memory is True else "external" if memory else "no")
    if isinstance(memory, str) and memory:
        saved.set("file", memory)
    listed = etree.SubElement(root, "disks")
    for target, place in places.items():
        kind = "internal" if place is None else "external" if place else "no"
        disk = etree.SubElement(listed, "disk", name=target, snapshot=kind)
        if place:
            etree.SubElement(disk, "driver", type="qcow2")
            etree.SubElement(disk, "source", file=place)
    return etree.tostring(root, encoding="unicode")


def targets_left_out(document: str) -> tuple[str, ...]:
    """Return the targets of CD-ROMs, floppies and disks that are read-only."""
    root = etree.fromstring(document.encode(), PARSER)
    kept = {target for target, _ in _writable(root)}
    found = (target.get("dev", "") for target in root.iterfind("devices/disk/target"))
    return tuple(each for each in found if each not in kept)


def host_parts(document: str) -> frozenset[str]:
    """Return what a definition uses of the host besides NICs: files of the host, and its devices, as texts."""
    root = etree.fromstring(document.encode(), PARSER)
    files = {path for path in domain_files(document) if not path.startswith(OF_RUNS)}
    devices = (each for name in ("hostdev", "redirdev") for each in root.iterfind(f"devices/{name}/source"))
    return frozenset(files | {etree.tostring(each, encoding="unicode", with_tail=False) for each in devices})


def _writable(domain: etree._Element) -> list[tuple[str, etree._Element]]:
    return [
        (disk.find("target").get("dev", ""), disk)
        for disk in domain.iterfind("devices/disk")
        if disk.get("device", "disk") in ("disk", "lun")
        and disk.find("readonly") is None
        and disk.find("target") is not None
    ]


def _disk(target: str, disk: etree._Element) -> Disk:
    source, driver = disk.find("source"), disk.find("driver")
    values = {} if source is None else source.attrib
    return Disk(
        target=target,
        format="" if driver is None else driver.get("type", ""),
        file=file_of(disk),
        pool=values.get("pool", ""),
        volume=values.get("volume", ""),
        kind=disk.get("type", ""),
    )


def file_of(disk: etree._Element) -> str:
    """Return the path of a disk's file or device; POOL/VOLUME of a volume."""
    source = disk.find("source")
    if source is None:
        return ""
    if source.get("volume"):
        return f"{source.get('pool', '')}/{source.get('volume')}"
    return normal_path(next((source.get(key) for key in ("file", "dev") if source.get(key)), ""))
