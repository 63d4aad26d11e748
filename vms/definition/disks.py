"""Disks and CD-ROM drives in domain documents: built, parsed and chosen. Pure: no ORM, no libvirt.

Follows libvirt's formatdomain.html#hard-drives-floppy-disks-cdroms.
"""

import string
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lxml import etree

from virterweb.hypervisors.gateway.found import normal_path

PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
DISK_DEVICES = ("disk", "lun")  # kinds of disks; the others are drives for media
NOT_HOTPLUGGABLE = ("ide", "sata", "fdc")  # buses whose disks cannot be plugged into a running VM
PREFIXES = {"virtio": "vd", "scsi": "sd", "sata": "sd", "usb": "sd", "ide": "hd", "fdc": "fd"}  # of targets, by bus


@dataclass(frozen=True, kw_only=True)
class DiskSpec:
    """A volume as a disk or a CD-ROM; `cache` and `discard` are QEMU's modes, empty: its default."""

    target: str
    bus: str
    pool: str
    volume: str
    format: str
    device: str = "disk"
    boot_order: int | None = None
    cache: str = ""
    discard: str = "unmap"


@dataclass(frozen=True, kw_only=True)
class FoundDisk:
    """A disk of a domain; `source` is a path, POOL/VOLUME, or "" for an empty drive."""

    target: str
    bus: str
    device: str
    format: str
    source: str
    pool: str = ""
    volume: str = ""


def add(parent: etree._Element, tag: str, text: str | int | None = None, /, **attributes: str) -> etree._Element:
    """Append an element; a trailing underscore of an attribute's name is left out."""
    element = etree.SubElement(parent, tag, {key.rstrip("_"): value for key, value in attributes.items()})
    element.text = None if text is None else str(text)
    return element


def build_disk(spec: DiskSpec) -> etree._Element:
    """Return the <disk>; an error of a disk is reported to the guest, as in Virter's VMs, and does not pause it."""
    disk = etree.Element("disk", type="volume", device=spec.device)
    driver = add(disk, "driver", name="qemu", type=spec.format)
    if spec.device == "disk":
        if spec.discard:
            driver.set("discard", spec.discard)
        driver.set("error_policy", "report")
        if spec.cache:
            driver.set("cache", spec.cache)
    add(disk, "source", pool=spec.pool, volume=spec.volume)
    if spec.boot_order:
        add(disk, "boot", order=str(spec.boot_order))
    add(disk, "target", dev=spec.target, bus=spec.bus)
    if spec.device == "cdrom":
        add(disk, "readonly")
    return disk


def new_disk(spec: DiskSpec) -> str:
    """Return the <disk> as text."""
    return etree.tostring(build_disk(spec), encoding="unicode")


def parse_disk(disk: etree._Element) -> FoundDisk:
    source = disk.find("source")
    values = {} if source is None else dict(source.attrib)
    pool, volume = values.get("pool", ""), values.get("volume", "")
    place = normal_path(next((values[key] for key in ("file", "dev", "dir", "name") if values.get(key)), ""))
    return FoundDisk(
        target=_attribute(disk, "target", "dev"),
        bus=_attribute(disk, "target", "bus"),
        device=disk.get("device", "disk"),
        format=_attribute(disk, "driver", "type"),
        source=f"{pool}/{volume}" if volume else place,
        pool=pool,
        volume=volume,
    )


def _attribute(element: etree._Element, path: str, name: str) -> str:
    found = element.find(path)
    return "" if found is None else found.get(name, "")


def free_target(documents: Iterable[str], bus: str) -> str:
    """Return the first target of a bus, such as vdb, that none of the documents of a domain uses."""
    used = {disk.get("dev") for text in documents if text for disk in _root(text).iterfind("devices/disk/target")}
    names = (f"{PREFIXES.get(bus, 'vd')}{letters}" for letters in _letters())
    return next(name for name in names if name not in used)


def _letters() -> Iterator[str]:
    yield from string.ascii_lowercase
    yield from (first + second for first in string.ascii_lowercase for second in string.ascii_lowercase)


def drive_bus(document: str) -> str:
    """Return the bus of a new CD-ROM drive: that of another drive, else of a controller, else SATA or IDE."""
    root = _root(document)
    if used := root.xpath("string(devices/disk[@device='cdrom']/target/@bus)"):
        return used
    if root.find("devices/controller[@type='scsi']") is not None:
        return "scsi"
    return "sata" if "q35" in root.xpath("string(os/type/@machine)") else "ide"


def empty_drive(target: str, bus: str) -> str:
    """Return the <disk> of a CD-ROM drive without a medium."""
    disk = etree.Element("disk", type="file", device="cdrom")
    add(disk, "driver", name="qemu", type="raw")
    add(disk, "target", dev=target, bus=bus)
    add(disk, "readonly")
    return etree.tostring(disk, encoding="unicode")


def device(document: str, target: str) -> str | None:
    """Return the <disk> with this target; None if the document has none."""
    disk = _find(document, target)
    return None if disk is None else etree.tostring(disk, encoding="unicode", with_tail=False)


def devices(document: str) -> dict[str, str]:
    """Return the <disk> of each disk by its target, as it can be attached again; drives for media are left out."""
    found = {}
    for disk in _disks(_root(document)):
        for each in [*disk.iterfind("alias"), *disk.iterfind("address"), *disk.iterfind("backingStore")]:
            disk.remove(each)
        if (source := disk.find("source")) is not None:
            source.attrib.pop("index", None)
        found[_attribute(disk, "target", "dev")] = etree.tostring(disk, encoding="unicode", with_tail=False).strip()
    return found


def with_disks(document: str, wanted: Mapping[str, str]) -> str:
    """Return the document with exactly the disks that `devices` returned; those that it has are kept as they are."""
    root, kept = _root(document), set()
    parent = root.find("devices")
    for disk in _disks(root):
        target = _attribute(disk, "target", "dev")
        if target in wanted and parse_disk(disk).source == parse_device(wanted[target]).source:
            kept.add(target)
        else:
            parent.remove(disk)
    for target in [each for each in wanted if each not in kept]:
        parent.append(etree.fromstring(wanted[target], PARSER))
    return etree.tostring(root, encoding="unicode")


def have_same_source(one: str, other: str) -> bool:
    """Return whether two <disk>s are stored in the same place."""
    return parse_device(one).source == parse_device(other).source


def parse_device(device: str) -> FoundDisk:
    """Return a <disk> that is given as text."""
    return parse_disk(etree.fromstring(device, PARSER))


def _disks(root: etree._Element) -> list[etree._Element]:
    return [disk for disk in root.iterfind("devices/disk") if disk.get("device", "disk") in DISK_DEVICES]


def with_medium(document: str, target: str, pool: str, volume: str) -> str | None:
    """Return the <disk> of a CD-ROM drive with this volume in it, or empty without a volume; None without the drive."""
    disk = _find(document, target)
    if disk is None or disk.get("device") != "cdrom":
        return None
    for child in [*disk.iterfind("source"), *disk.iterfind("backingStore"), *disk.iterfind("alias")]:
        disk.remove(child)
    disk.set("type", "volume" if volume else "file")
    if volume:
        disk.insert(1, etree.Element("source", pool=pool, volume=volume))
    return etree.tostring(disk, encoding="unicode", with_tail=False)


def _root(document: str) -> etree._Element:
    return etree.fromstring(document.encode(), PARSER)


def _find(document: str, target: str) -> etree._Element | None:
    if not document:
        return None
    found = _root(document).xpath("devices/disk[target/@dev=$target]", target=target)
    return found[0] if found else None
