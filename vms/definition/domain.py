"""Documents of libvirt domains: built for new VMs, parsed for found ones. Pure: no ORM, no libvirt.

Follows libvirt's formatdomain.html and schemas/domain.rng, and the domains that Virter creates.
"""

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from lxml import etree

from virterweb.hypervisors.gateway.bounds import whole_number
from virterweb.hypervisors.gateway.found import normal_path
from vms.definition.nics.spec import FoundNIC, NICSpec

from .disks import PARSER, DiskSpec, FoundDisk, add, build_disk, parse_disk
from .hardware import ARCHS, ARM, X86, Hardware
from .hardware import parse as parse_hardware
from .nics import edit as nic_edit
from .nics import parse as nic_parse

VIRTER = "https://github.com/LINBIT/virter"
USER_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
OPTION = re.compile(r"[,=\s]")  # between the parts of arguments of QEMU


@dataclass(frozen=True, kw_only=True)
class DomainSpec:
    """A new VM. `type` is kvm or qemu, `memory` in MiB; the bus of disks is virtio, scsi or ide.

    Without `vnc_port` VNC uses the next free port; `console_log` is a file on the host. Without `machine` the machine
    type is virt for aarch64, and libvirt chooses that of other architectures.
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
    vnc_port: int | None = None
    vnc_bind: str = "127.0.0.1"
    console_log: str = ""
    arch: str = X86
    machine: str = ""


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
    hardware: Hardware = field(default_factory=Hardware)


def build(spec: DomainSpec) -> str:
    """Return the document of a new VM, like that of a Virter VM."""
    domain = etree.Element("domain", type=spec.type)
    add(domain, "name", spec.name)
    add(domain, "uuid", spec.uuid)
    meta = etree.SubElement(add(domain, "metadata"), f"{{{VIRTER}}}meta", nsmap={"vir": VIRTER})
    add(meta, f"{{{VIRTER}}}hostkey", spec.host_key)
    add(meta, f"{{{VIRTER}}}ssh-user-name", spec.ssh_user)
    add(domain, "memory", spec.memory, unit="MiB")
    add(domain, "vcpu", spec.vcpus)
    _build_platform(domain, spec)
    add(domain, "on_poweroff", "destroy")
    add(domain, "on_reboot", "restart")
    add(domain, "on_crash", "destroy")
    _build_devices(add(domain, "devices"), spec)
    return etree.tostring(domain, encoding="unicode")


def _build_platform(domain: etree._Element, spec: DomainSpec) -> None:
    """Add what depends on the architecture: machine, firmware, features, CPU and clock.

    The machine virt boots by UEFI, which its ACPI needs; APIC and the timers are those of x86. Emulation has no CPU of
    the host to model: "maximum" is all that it can do.
    """
    x86, machine = spec.arch == X86, spec.machine or ("virt" if spec.arch == ARM else "")
    os = add(domain, "os", **({"firmware": "efi"} if spec.arch == ARM else {}))
    add(os, "type", "hvm", arch=spec.arch, **({"machine": machine} if machine else {}))
    if spec.arch in ARCHS:
        features = add(domain, "features")
        for name in ("acpi", "apic") if x86 else ("acpi",):
            add(features, name)
    with_kvm = "host-model" if x86 else "host-passthrough"
    add(domain, "cpu", mode=with_kvm if spec.type == "kvm" else "maximum")
    clock = add(domain, "clock", offset="utc")
    if x86:
        add(clock, "timer", name="rtc", tickpolicy="catchup")
        add(clock, "timer", name="pit", tickpolicy="delay")
        add(clock, "timer", name="hpet", present="no")


def bare(document: str, name: str, uuid: str) -> str:
    """Return a minimal document of the same kind as another VM's, with that name and UUID."""
    was = etree.fromstring(document)
    domain = etree.Element("domain", type=was.get("type"))
    add(domain, "name", name)
    add(domain, "uuid", uuid)
    add(domain, "memory", 1, unit="MiB")
    os = was.find("os/type")
    add(add(domain, "os"), "type", os.text, **{key: os.attrib[key] for key in ("arch",) if key in os.attrib})
    return etree.tostring(domain, encoding="unicode")


def _build_devices(devices: etree._Element, spec: DomainSpec) -> None:
    for disk in spec.disks:
        devices.append(build_disk(disk))
    add(devices, "controller", type="scsi", model="virtio-scsi")
    for nic in spec.nics:
        devices.append(etree.fromstring(nic_edit.build(nic)))
    serial = add(devices, "serial", type="pty")
    if spec.console_log:
        add(serial, "log", file=spec.console_log, append="off")
    add(serial, "target", port="0")
    add(add(devices, "console", type="pty"), "target", type="serial", port="0")
    # Virter's VMs have none; with it the guest's agent, if there is one, can say which addresses it has.
    add(add(devices, "channel", type="unix"), "target", type="virtio", name="org.qemu.guest_agent.0")
    port, auto = (str(spec.vnc_port), "no") if spec.vnc_port else ("-1", "yes")
    add(devices, "graphics", type="vnc", port=port, autoport=auto, listen=spec.vnc_bind)
    add(add(devices, "video"), "model", type="virtio")
    add(devices, "memballoon", model="virtio")
    add(add(devices, "rng", model="virtio"), "backend", "/dev/urandom", model="random")


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
        disks=tuple(parse_disk(disk) for disk in root.iterfind("devices/disk")),
        host_key=root.findtext(f"metadata/{{{VIRTER}}}meta/{{{VIRTER}}}hostkey", "").strip(),
        hardware=parse_hardware(root),
        ssh_user=_ssh_user(root),
    )


def _ssh_user(root: etree._Element) -> str:
    """Return the user name in Virter's metadata; "" if it is none: it becomes an argument of ssh."""
    name = root.findtext(f"metadata/{{{VIRTER}}}meta/{{{VIRTER}}}ssh-user-name", "").strip()
    return name if USER_NAME.fullmatch(name) else ""


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
