"""Documents of storage volumes: built for new ones, read of found ones. Pure: neither ORM nor libvirt.

Follows libvirt's formatstorage.html.
"""

from dataclasses import dataclass

from lxml import etree


@dataclass(frozen=True, kw_only=True)
class VolumeSpec:
    """A volume; `capacity` in bytes, `backing` the path of what it is a copy-on-write overlay of."""

    name: str
    capacity: int
    format: str = "qcow2"
    backing: str = ""
    backing_format: str = "qcow2"


def build(spec: VolumeSpec) -> str:
    volume = etree.Element("volume")
    etree.SubElement(volume, "name").text = spec.name
    etree.SubElement(volume, "capacity", unit="bytes").text = str(spec.capacity)
    target = etree.SubElement(volume, "target")
    etree.SubElement(target, "format", type=spec.format)
    if spec.backing:
        store = etree.SubElement(volume, "backingStore")
        etree.SubElement(store, "path").text = spec.backing
        etree.SubElement(store, "format", type=spec.backing_format)
    return etree.tostring(volume, encoding="unicode")


def parse(document: str) -> VolumeSpec:
    volume = etree.fromstring(document)
    kind = volume.find("target/format")
    backing = volume.find("backingStore/format")
    return VolumeSpec(
        name=volume.findtext("name", ""),
        capacity=int(volume.findtext("capacity", "0")),
        format="raw" if kind is None else kind.get("type", "raw"),
        backing=volume.findtext("backingStore/path", ""),
        backing_format="raw" if backing is None else backing.get("type", "raw"),
    )
