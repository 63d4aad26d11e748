"""Documents of libvirt domains: built for new VMs, read of found ones. Pure: no ORM, no libvirt.

Follows libvirt's formatdomain.html and schemas/domain.rng, and what Virter gives its VMs.
"""

from dataclasses import dataclass

from lxml import etree

from . import nic_xml
from .nic_xml import FoundNIC, NICSpec

VIRTER = "https://github.com/LINBIT/virter"
PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


@dataclass(frozen=True, kw_only=True)
class DiskSpec:
    """A volume as a disk, or as a CD-ROM."""

    target: str
    bus: str
    pool: str
    volume: str
    format: str
    device: str = "disk"
    boot_order: int | None = None


@dataclass(frozen=True, kw_only=True)
class FoundDisk:
    """A disk of a domain; source is a path, or POOL/VOLUME, or "" for an empty drive."""

    target: str
    bus: str
    device: str
    format: str
    source: str
    pool: str = ""
    volume: str = ""


@dataclass(frozen=True, kw_only=True)
class DomainSpec:
    """A new VM. type is kvm or qemu, memory in MiB; disks with bus virtio, scsi or ide.

    Without vnc_port VNC listens at the next free one; console_log is a file on the host.
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
    host_key: str = ""  # the public one, and who logs in: from Virter's metadata, which ours have too
    ssh_user: str = ""


def _add(parent: etree._Element, tag: str, text: str | int | None = None, /, **attributes: str) -> etree._Element:
    element = etree.SubElement(parent, tag, {key.rstrip("_"): value for key, value in attributes.items()})
    element.text = None if text is None else str(text)
    return element


def build(spec: DomainSpec) -> str:
    """The document of a new VM, as Virter's VMs are."""
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


def _build_devices(devices: etree._Element, spec: DomainSpec) -> None:
    for disk in spec.disks:
        devices.append(_disk(disk, spec.disk_cache))
    _add(devices, "controller", type="scsi", model="virtio-scsi")
    for nic in spec.nics:
        devices.append(etree.fromstring(nic_xml.build(nic)))
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
    """Whether a domain boots by <os><boot/>: then libvirt takes no boot order of its devices."""
    return bool(document) and etree.fromstring(document.encode(), PARSER).find("os/boot") is not None


def parse(document: str) -> FoundDomain:
    """What the portal models of a domain."""
    root = etree.fromstring(document.encode(), PARSER)
    return FoundDomain(
        name=root.findtext("name", ""),
        uuid=root.findtext("uuid", ""),
        memory=_mebibytes(root.find("memory")),
        vcpus=int(root.findtext("vcpu", "1")),
        nics=tuple(nic_xml.parse(nic) for nic in root.iterfind("devices/interface")),
        disks=tuple(_parse_disk(disk) for disk in root.iterfind("devices/disk")),
        host_key=root.findtext(f"metadata/{{{VIRTER}}}meta/{{{VIRTER}}}hostkey", "").strip(),
        ssh_user=root.findtext(f"metadata/{{{VIRTER}}}meta/{{{VIRTER}}}ssh-user-name", "").strip(),
    )


def console_log(document: str) -> str:
    """The file on the host that a domain's first serial port is logged to; "" if it is not logged."""
    log = etree.fromstring(document.encode(), PARSER).find("devices/serial/log") if document else None
    return "" if log is None else log.get("file", "")


def run_number(document: str) -> str:
    """What tells one run of a domain from its next; "" while it is off."""
    return etree.fromstring(document.encode(), PARSER).get("id", "") if document else ""


_UNITS = {"b": 1, "bytes": 1, "k": 1024, "kib": 1024, "kb": 1000, "m": 1024**2, "mib": 1024**2, "mb": 1000**2}
_UNITS |= {"g": 1024**3, "gib": 1024**3, "gb": 1000**3, "t": 1024**4, "tib": 1024**4, "tb": 1000**4}


def _mebibytes(memory: etree._Element | None) -> int:
    if memory is None:
        return 0
    return int(memory.text) * _UNITS[memory.get("unit", "KiB").lower()] // 1024**2


def _attribute(element: etree._Element, path: str, name: str, default: str = "") -> str:
    found = element.find(path)
    return default if found is None else found.get(name, default)


def _parse_disk(disk: etree._Element) -> FoundDisk:
    source = disk.find("source")
    values = {} if source is None else dict(source.attrib)
    pool, volume = values.get("pool", ""), values.get("volume", "")
    place = next((values[key] for key in ("file", "dev", "dir", "name") if values.get(key)), "")
    return FoundDisk(
        target=_attribute(disk, "target", "dev"),
        bus=_attribute(disk, "target", "bus"),
        device=disk.get("device", "disk"),
        format=_attribute(disk, "driver", "type"),
        source=f"{pool}/{volume}" if volume else place,
        pool=pool,
        volume=volume,
    )
