"""The document of a duplicate: another domain's document with a name, a UUID, disks and MACs of its own. Pure.

Follows libvirt's formatdomain.html. What the portal does not model is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lxml import etree

from ..disks import DISK_DEVICES, PARSER
from ..domain import VIRTER
from ..volume import WORK

BOUND = ("genid", "sysinfo")  # elements that identify a machine; libvirt makes new ones where they are needed


@dataclass(frozen=True, kw_only=True)
class Own:
    """What a duplicate has of its own. `volumes` are the new names by the old ones, `macs` are in order of the NICs."""

    name: str
    uuid: str
    volumes: Mapping[str, str]
    macs: Sequence[str]
    host_key: str = ""
    console_log: str = ""


def duplicate(document: str, own: Own) -> str:
    """Return the document with the values of a duplicate."""
    root = etree.fromstring(document.encode(), PARSER)
    root.attrib.pop("id", None)
    root.find("name").text = own.name
    root.find("uuid").text = own.uuid
    for tag in BOUND:
        for element in root.findall(tag):
            root.remove(element)
    for nvram in root.iterfind("os/nvram"):  # libvirt makes another one of the template
        nvram.getparent().remove(nvram)
    for key in root.iterfind(f"metadata/{{{VIRTER}}}meta/{{{VIRTER}}}hostkey"):
        key.text = own.host_key
    for source in root.xpath("devices/disk/source[@volume]"):
        source.set("volume", own.volumes.get(source.get("volume"), source.get("volume")))
    for nic, mac in zip(root.iterfind("devices/interface"), own.macs, strict=True):
        nic.find("mac").set("address", mac)
        for target in nic.findall("target"):
            nic.remove(target)
    _set_console_log(root, own.console_log)
    for display in root.iterfind("devices/graphics"):
        if display.get("autoport") == "no":
            display.attrib.pop("port", None)
            display.set("autoport", "yes")
    return etree.tostring(root, encoding="unicode")


def own_name(volume: str, original: str, name: str) -> str:
    """Return the name of a volume of the original for the duplicate; the same for what is not the original's."""
    rest = volume.removeprefix(f"{WORK}{original}")
    return f"{WORK}{name}{rest}" if rest != volume and rest[:1] in ("", "-") else volume


def volumes(document: str) -> list[tuple[str, str]]:
    """Return the volumes of the disks as pairs of pool and name; the name is "" for a disk that is no volume."""
    root = etree.fromstring(document.encode(), PARSER)
    disks = [disk for disk in root.iterfind("devices/disk") if disk.get("device", "disk") in DISK_DEVICES]
    return [(disk.xpath("string(source/@pool)"), disk.xpath("string(source/@volume)")) for disk in disks]


def on_overlays(document: str, places: Mapping[str, tuple[str, str]]) -> str:
    """Return the document with its disks in these qcow2 volumes, given as pool and name by target."""
    root = etree.fromstring(document.encode(), PARSER)
    for disk in root.iterfind("devices/disk"):
        target = disk.find("target")
        if target is None or target.get("dev") not in places:
            continue
        for tag in ("source", "backingStore", "mirror"):
            for element in disk.findall(tag):
                disk.remove(element)
        pool, volume = places[target.get("dev")]
        disk.set("type", "volume")
        etree.SubElement(disk, "source", pool=pool, volume=volume)
        if disk.find("driver") is None:
            disk.insert(0, etree.Element("driver", name="qemu"))
        disk.find("driver").set("type", "qcow2")
    return etree.tostring(root, encoding="unicode")


def _set_console_log(root: etree._Element, file: str) -> None:
    for log in root.xpath("devices/serial/log | devices/console/log"):
        if file:
            log.set("file", file)
        else:
            log.getparent().remove(log)
