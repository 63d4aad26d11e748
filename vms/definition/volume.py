"""Documents of storage volumes: built for new ones, read of found ones. Pure: neither ORM nor libvirt.

Follows libvirt's formatstorage.html.
"""

import posixpath
from dataclasses import dataclass
from datetime import UTC, date, datetime

from lxml import etree

from virterweb.hypervisors.gateway.bounds import whole_number
from virterweb.hypervisors.gateway.found import normal_path

WORK = "virter:work:"  # what the names of volumes of VMs begin with, before that of the VM
PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


@dataclass(frozen=True, kw_only=True)
class VolumeSpec:
    """A volume; `capacity` in bytes, `backing` is the path of what it is a copy-on-write overlay on.

    In pools of files, a sparse raw volume takes no space until it is written to; libvirt would allocate it otherwise.
    """

    name: str
    capacity: int
    format: str = "qcow2"
    backing: str = ""
    backing_format: str = "qcow2"
    sparse: bool = False


def changed_on(document: str) -> date | None:
    """Return the day, in UTC, on which a found volume last changed; None if libvirt does not say it."""
    text = etree.fromstring(document.encode(), PARSER).findtext("target/timestamps/mtime", "")
    try:
        return datetime.fromtimestamp(float(text), UTC).date()
    except (ValueError, OverflowError, OSError):
        return None


def allocation(document: str) -> int:
    """Return how many bytes a found volume takes in its pool; 0 if libvirt does not say it."""
    return whole_number(etree.fromstring(document.encode(), PARSER).findtext("allocation"))


def build(spec: VolumeSpec) -> str:
    volume = etree.Element("volume")
    etree.SubElement(volume, "name").text = spec.name
    etree.SubElement(volume, "capacity", unit="bytes").text = str(spec.capacity)
    if spec.sparse:
        etree.SubElement(volume, "allocation", unit="bytes").text = "0"
    target = etree.SubElement(volume, "target")
    etree.SubElement(target, "format", type=spec.format)
    if spec.backing:
        store = etree.SubElement(volume, "backingStore")
        etree.SubElement(store, "path").text = spec.backing
        etree.SubElement(store, "format", type=spec.backing_format)
    return etree.tostring(volume, encoding="unicode")


def parse(document: str) -> VolumeSpec:
    """Return what a found volume is; its backing path is absolute and normalised, for Virter's are like ./NAME."""
    volume = etree.fromstring(document.encode(), PARSER)
    kind = volume.find("target/format")
    backing = volume.find("backingStore/format")
    return VolumeSpec(
        name=volume.findtext("name", ""),
        capacity=whole_number(volume.findtext("capacity")),
        format="raw" if kind is None else kind.get("type", "raw"),
        backing=normal_path(
            volume.findtext("backingStore/path", ""), posixpath.dirname(volume.findtext("target/path", ""))
        ),
        backing_format="raw" if backing is None else backing.get("type", "raw"),
    )
