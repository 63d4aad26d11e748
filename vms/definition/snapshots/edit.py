"""Documents of snapshots and of their domains with other files. Pure."""

from collections.abc import Mapping

from lxml import etree

from virterweb.hypervisors.gateway.found import normal_path
from vms.definition.domain import PARSER


def domain_on(document: str, files: Mapping[str, str], *, live: bool = False) -> str:
    """Return the definition in a snapshot's document with its disks on these qcow2 files, by target.

    That is what a running VM had stored, or with `live` what it was.
    """
    root = etree.fromstring(document.encode(), PARSER)
    stored = None if live else root.find("inactiveDomain")
    domain = root.find("domain") if stored is None else stored
    domain.tag = "domain"
    for disk in domain.iterfind("devices/disk"):
        target = disk.find("target")
        if target is not None and (path := files.get(target.get("dev", ""))):
            _put(disk, path)
    return etree.tostring(domain, encoding="unicode", with_tail=False)


def _put(disk: etree._Element, path: str) -> None:
    disk.set("type", "file")
    for tag in ("backingStore", "mirror"):
        for each in disk.findall(tag):
            disk.remove(each)
    source = disk.find("source")
    for name in list(source.attrib):
        del source.attrib[name]
    source.set("file", path)
    driver = disk.find("driver")
    if driver is None:
        driver = etree.SubElement(disk, "driver", name="qemu")
    driver.set("type", "qcow2")


def with_overlays(document: str, files: Mapping[str, str]) -> str:
    """Return the document of a snapshot whose overlays are these files, by target."""
    root = etree.fromstring(document.encode(), PARSER)
    for disk in root.iterfind("disks/disk[@snapshot='external']"):
        if path := files.get(disk.get("name", "")):
            source = disk.find("source")
            if source is None:
                source = etree.SubElement(disk, "source")
            source.set("file", path)
    return etree.tostring(root, encoding="unicode")


def with_sources(document: str, moved: Mapping[str, str]) -> str:
    """Return the document of a snapshot, with other files in place of those that its disks had when it was taken."""
    root = etree.fromstring(document.encode(), PARSER)
    changed = False
    for source in root.xpath("(domain|inactiveDomain)/devices/disk//source[@file]"):
        if path := moved.get(normal_path(source.get("file"))):
            source.set("file", path)
            changed = True
    return etree.tostring(root, encoding="unicode") if changed else document
