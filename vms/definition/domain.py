"""Documents of libvirt domains: built for new VMs, parsed for found ones. Pure: no ORM, no libvirt.

Follows libvirt's formatdomain.html and schemas/domain.rng, and the domains that Virter creates.
"""

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass

from lxml import etree

from virterweb.hypervisors.gateway.bounds import whole_number
from virterweb.hypervisors.gateway.found import normal_path
from vms.definition.nics.spec import FoundNIC, NICSpec

from .nics import edit as nic_edit
from .nics import parse as nic_parse

VIRTER = "https://github.com/LINBIT/virter"
PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
OPTION = re.compile(r"[,=\s]")  # between the parts of arguments of QEMU


@dataclass(frozen=True, kw_only=True)
class DiskSpec:
    """A volume as a disk or a CD-ROM."""

    target: str
    bus: str
    pool: str
    volume: str
    format: str
    device: str = "disk"
    boot_order: int | None = None


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


@dataclass(frozen=True, kw_only=True)
class DomainSpec:
    """A new VM. `type` is kvm or qemu, `memory` in MiB; the bus of disks is virtio, scsi or ide.

    Without `vnc_port` VNC uses the next free port; `console_log` is a file on the host.
    """

    name: str
    uuid: str
    type: str
    memory: int
    vcpus: int
    disks: tuple[DiskSpec, ...]
    nics: tuple[NICSpec, ...]
    host_key: str = ""
    ssh_user: str = "root"
    disk_cache: str = ""
    vnc_port: int | None = None
    vnc_bind: str = "127.0.0.1"
    console_log: str = ""
    arch: str = "x86_64"


@dataclass(frozen=True, kw_only=True)
class FoundDomain:
    name: str
    uuid: str
    memory: int
    vcpus: int
    nics: tuple[FoundNIC, ...]
    disks: tuple[FoundDisk, ...]
    host_key: str = ""  # the public key; it and the SSH user are in Virter's metadata, also of the portal's VMs
    ssh_user: str = ""


def _add(parent: etree._Element, tag: str, text: str | int | None = None, /, **attributes: str) -> etree._Element:
    element = etree.SubElement(parent, tag, {key.rstrip("_"): value for key, value in attributes.items()})
    element.text = None if text is None else str(text)
    return element


def build(spec: DomainSpec) -> str:
    """Return the document of a new VM, like that of a Virter VM."""
    domain = etree.Element("domain", type=spec.type)
    _add(domain, "name", spec.name)
    _add(domain, "uuid", spec.uuid)
    meta = etree.SubElement(_add(domain, "metadata"), f"{{{VIRTER}}}meta", nsmap={"vir": VIRTER})
    _add(meta, f"{{{VIRTER}}}hostkey", spec.host_key)
    _add(meta, f"{{{VIRTER}}}ssh-user-name", spec.ssh_user)
    _add(domain, "memory", spec.memory, unit="MiB")
    _add(domain, "vcpu", spec.vcpus)
    os = _add(domain, "os")
    _add(os, "type", "hvm", arch=spec.arch)
    features = _add(domain, "features")
    _add(features, "acpi")
    _add(features, "apic")
    # Emulation has no host CPU to model; "maximum" is all that it can do.
    _add(domain, "cpu", mode="host-model" if spec.type == "kvm" else "maximum")
    clock = _add(domain, "clock", offset="utc")
    _add(clock, "timer", name="rtc", tickpolicy="catchup")
    _add(clock, "timer", name="pit", tickpolicy="delay")
    _add(clock, "timer", name="hpet", present="no")
    _add(domain, "on_poweroff", "destroy")
    _add(domain, "on_reboot", "restart")
    _add(domain, "on_crash", "destroy")
    _build_devices(_add(domain, "devices"), spec)
    return etree.tostring(domain, encoding="unicode")


def bare(document: str, name: str, uuid: str) -> str:
    """Return a minimal document of the same kind as another VM's, with that name and UUID."""
    was = etree.fromstring(document)
    domain = etree.Element("domain", type=was.get("type"))
    _add(domain, "name", name)
    _add(domain, "uuid", uuid)
    _add(domain, "memory", 1, unit="MiB")
    os = was.find("os/type")
    _add(_add(domain, "os"), "type", os.text, **{key: os.attrib[key] for key in ("arch",) if key in os.attrib})
    return etree.tostring(domain, encoding="unicode")


def _build_devices(devices: etree._Element, spec: DomainSpec) -> None:
    for disk in spec.disks:
        devices.append(_disk(disk, spec.disk_cache))
    _add(devices, "controller", type="scsi", model="virtio-scsi")
    for nic in spec.nics:
        devices.append(etree.fromstring(nic_edit.build(nic)))
    serial = _add(devices, "serial", type="pty")
    if spec.console_log:
        _add(serial, "log", file=spec.console_log, append="off")
    _add(serial, "target", port="0")
    _add(_add(devices, "console", type="pty"), "target", type="serial", port="0")
    # Virter's VMs have none; with it the guest's agent, if there is one, can say which addresses it has.
    _add(_add(devices, "channel", type="unix"), "target", type="virtio", name="org.qemu.guest_agent.0")
    port, auto = (str(spec.vnc_port), "no") if spec.vnc_port else ("-1", "yes")
    _add(devices, "graphics", type="vnc", port=port, autoport=auto, listen=spec.vnc_bind)
    _add(_add(devices, "video"), "model", type="virtio")
    _add(devices, "memballoon", model="virtio")
    _add(_add(devices, "rng", model="virtio"), "backend", "/dev/urandom", model="random")


def _disk(spec: DiskSpec, cache: str) -> etree._Element:
    disk = etree.Element("disk", type="volume", device=spec.device)
    driver = _add(disk, "driver", name="qemu", type=spec.format)
    if spec.device == "disk":
        driver.set("discard", "unmap")
        driver.set("error_policy", "report")  # the guest gets the error; the VM is not paused
        if cache:
            driver.set("cache", cache)
    _add(disk, "source", pool=spec.pool, volume=spec.volume)
    if spec.boot_order:
        _add(disk, "boot", order=str(spec.boot_order))
    _add(disk, "target", dev=spec.target, bus=spec.bus)
    if spec.device == "cdrom":
        _add(disk, "readonly")
    return disk


def names_boot_device(document: str) -> bool:
    """Return whether <os> names a boot device: then libvirt rejects a boot order of devices."""
    return bool(document) and etree.fromstring(document.encode(), PARSER).find("os/boot") is not None


def parse(document: str) -> FoundDomain:
    """Return what the portal models of a domain."""
    root = etree.fromstring(document.encode(), PARSER)
    return FoundDomain(
        name=root.findtext("name", ""),
        uuid=root.findtext("uuid", ""),
        memory=_mebibytes(root.find("memory")),
        vcpus=whole_number(root.findtext("vcpu", "1")),
        nics=nic_parse.parse_all(root),
        disks=tuple(_parse_disk(disk) for disk in root.iterfind("devices/disk")),
        host_key=root.findtext(f"metadata/{{{VIRTER}}}meta/{{{VIRTER}}}hostkey", "").strip(),
        ssh_user=root.findtext(f"metadata/{{{VIRTER}}}meta/{{{VIRTER}}}ssh-user-name", "").strip(),
    )


def disk_sources(document: str) -> set[str]:
    """Return the volume names and normalised paths of all disks, and of what they are on top of or copied to.

    A layer's own name is among them too, whatever the path is that leads to it.
    """
    found = set()
    for source in etree.fromstring(document.encode(), PARSER).iterfind("devices/disk//source"):
        path = normal_path(next((source.get(key) for key in ("file", "dev", "name") if source.get(key)), ""))
        found |= {source.get("volume", ""), path, posixpath.basename(path) if "virter:layer:" in path else ""}
    return found - {""}


def files(document: str) -> set[str]:
    """Return all normalised paths that a domain's document names, such as of disks, kernels and logs of consoles."""
    root, found = etree.fromstring(document.encode(), PARSER), disk_sources(document)
    for element in root.iter(etree.Element):
        for value in filter(None, (element.text, *element.attrib.values())):
            found |= {
                normal_path(part.strip()) for part in (value, *OPTION.split(value)) if part.lstrip().startswith("/")
            }
    return found


def snapshot_files(document: str) -> tuple[set[str], set[str]]:
    """Return the normalised paths of the memory file and of the disks' overlays that a <domainsnapshot> names."""
    root = etree.fromstring(document.encode(), PARSER)
    memory = {normal_path(each.get("file")) for each in root.iterfind("memory[@file]")}
    disks = {normal_path(each.get("file")) for each in root.iterfind("disks/disk[@snapshot='external']/source[@file]")}
    return memory, disks


def edit(
    document: str,
    *,
    name: str = "",
    memory: int | None = None,
    vcpus: int | None = None,
    nics: Iterable[tuple[str, NICSpec]] | None = None,
) -> str:
    """Return the document with another name, memory in MiB, vCPUs and exactly these NICs by key; the rest is kept."""
    root = etree.fromstring(document.encode(), PARSER)
    if name:
        root.find("name").text = name
    if memory is not None and _mebibytes(root.find("memory")) != memory:
        _set_memory(root, memory)
    if vcpus is not None and root.find("vcpu") is not None:
        root.find("vcpu").text = str(vcpus)
        if int(root.find("vcpu").get("current", "1")) > vcpus:
            del root.find("vcpu").attrib["current"]
    document = etree.tostring(root, encoding="unicode")
    return document if nics is None else nic_edit.put_all(document, dict(nics))


def _set_memory(root: etree._Element, memory: int) -> None:
    """Set the maximum memory; set the current memory as well if it was the maximum, or is larger now."""
    current, before = root.find("currentMemory"), _mebibytes(root.find("memory"))
    for element in (root.find("memory"), current):
        if element is not None and (
            element is not current or _mebibytes(current) in (before,) or _mebibytes(current) > memory
        ):
            element.text = str(memory)
            element.set("unit", "MiB")


def console_log(document: str) -> str:
    """Return the file on the host that the first serial port is logged to; "" if it is not logged."""
    log = etree.fromstring(document.encode(), PARSER).find("devices/serial/log") if document else None
    return "" if log is None else log.get("file", "")


def run_number(document: str) -> str:
    """Return what distinguishes one run of a domain from the next; "" while it is off."""
    return etree.fromstring(document.encode(), PARSER).get("id", "") if document else ""


_UNITS = {"b": 1, "bytes": 1, "k": 1024, "kib": 1024, "kb": 1000, "m": 1024**2, "mib": 1024**2, "mb": 1000**2}
_UNITS |= {"g": 1024**3, "gib": 1024**3, "gb": 1000**3, "t": 1024**4, "tib": 1024**4, "tb": 1000**4}


def _mebibytes(memory: etree._Element | None) -> int:
    if memory is None:
        return 0
    return whole_number(memory.text, _UNITS.get(memory.get("unit", "KiB").lower(), 0)) // 1024**2


def _attribute(element: etree._Element, path: str, name: str, default: str = "") -> str:
    found = element.find(path)
    return default if found is None else found.get(name, default)


def _parse_disk(disk: etree._Element) -> FoundDisk:
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
