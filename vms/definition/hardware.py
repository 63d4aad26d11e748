"""Hardware in domain documents that has fields in the portal: CPU, firmware, boot order, display, description. Pure.

Follows libvirt's formatdomain.html. What has no field here stays as it is.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lxml import etree

from .disks import PARSER, add

CPU_MODES = ("host-model", "host-passthrough", "maximum")
BIOS, UEFI, SECURE = "bios", "uefi", "secure"
FIRMWARE = (BIOS, UEFI, SECURE)
X86, ARM = "x86_64", "aarch64"
ARCHS = (X86, ARM)  # the architectures that documents are built for
ALIASES = {"amd64": X86, "arm64": ARM, "native": ""}  # of Virter; "": that of the host
VNC, NONE = "vnc", "none"
OTHER = ""  # a value that has no field


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """Hardware of a domain; `boot` has the boot order of disks and drives by target. OTHER: as the document has it."""

    cpu: str = OTHER
    firmware: str = BIOS
    graphics: str = OTHER
    description: str = ""
    machine: str = ""
    arch: str = X86
    boot: Mapping[str, int] = field(default_factory=dict)


def firmware_of(arch: str, machine: str = "") -> tuple[str, ...]:
    """Return the firmware that VMs of an architecture can have; `machine` is their machine type if it is fixed."""
    if arch == ARM:
        return (UEFI,)
    return FIRMWARE if "q35" in machine or not machine else (BIOS, UEFI)


def parse(root: etree._Element) -> Hardware:
    """Return the hardware of a <domain>."""
    mode = root.xpath("string(cpu/@mode)")
    return Hardware(
        cpu=mode if mode in CPU_MODES else OTHER,
        firmware=_firmware(root),
        graphics=_graphics(root),
        description=root.findtext("description", ""),
        machine=root.xpath("string(os/type/@machine)"),
        arch=root.xpath("string(os/type/@arch)") or X86,
        boot={target: int(order) for target, order in _orders(root) if re.fullmatch(r"\d{1,9}", order)},
    )


def edit(document: str, values: Mapping[str, object]) -> str:
    """Return the document with these values, by the names of the fields of `Hardware`; everything else is kept."""
    root = etree.fromstring(document.encode(), PARSER)
    editors = {
        "cpu": _set_cpu,
        "firmware": _set_firmware,
        "graphics": _set_graphics,
        "description": _set_description,
        "boot": _set_boot,
    }
    for name, value in values.items():
        editors[name](root, value)
    return etree.tostring(root, encoding="unicode")


def differences(values: Mapping[str, object], found: Hardware) -> list[tuple[str, object, object]]:
    """Return the fields whose value differs from what was saved: name, saved and found value."""
    there = {name: getattr(found, name) for name in values}
    return [(name, value, there[name]) for name, value in values.items() if value != there[name]]


def _firmware(root: etree._Element) -> str:
    os = root.find("os")
    if os is None:
        return BIOS
    loader, secure = os.find("loader"), os.xpath("firmware/feature[@name='secure-boot'][@enabled='yes']")
    if secure or (loader is not None and loader.get("secure") == "yes"):
        return SECURE
    return UEFI if os.get("firmware") == "efi" or (loader is not None and loader.get("type") == "pflash") else BIOS


def _graphics(root: etree._Element) -> str:
    found = [each.get("type") for each in root.iterfind("devices/graphics")]
    return NONE if not found else VNC if found == [VNC] else OTHER


def _orders(root: etree._Element) -> Iterable[tuple[str, str]]:
    for disk in root.xpath("devices/disk[boot/@order]"):
        yield disk.xpath("string(target/@dev)"), disk.find("boot").get("order")


def _set_cpu(root: etree._Element, mode: str) -> None:
    if root.xpath("string(cpu/@mode)") == mode:
        return
    for cpu in root.iterfind("cpu"):
        root.remove(cpu)
    root.insert(root.index(root.find("os")) + 1, etree.Element("cpu", mode=mode))


def _set_firmware(root: etree._Element, firmware: str) -> None:
    """Have libvirt choose the firmware's files; those of the other firmware are left out of the document."""
    if _firmware(root) == firmware:
        return
    os = root.find("os")
    for name in ("firmware", "loader", "nvram"):
        for child in os.findall(name):
            os.remove(child)
    os.attrib.pop("firmware", None)
    if firmware == BIOS:
        return
    os.set("firmware", "efi")
    features = etree.Element("firmware")
    os.insert(1, features)
    enabled = "yes" if firmware == SECURE else "no"
    for name in ("enrolled-keys", "secure-boot"):
        add(features, "feature", enabled=enabled, name=name)
    if firmware == SECURE and root.find("features/smm") is None:  # which secure boot needs
        of_domain = root.find("features")
        add(add(root, "features") if of_domain is None else of_domain, "smm", state="on")


def _set_graphics(root: etree._Element, graphics: str) -> None:
    if _graphics(root) == graphics:
        return
    devices = root.find("devices")
    for each in devices.findall("graphics"):
        devices.remove(each)
    if graphics == VNC:
        add(devices, "graphics", type=VNC, port="-1", autoport="yes", listen="127.0.0.1")


def _set_description(root: etree._Element, text: str) -> None:
    found = root.find("description")
    if found is None:
        if not text:
            return
        found = etree.Element("description")
        root.insert(root.index(root.find("uuid" if root.find("uuid") is not None else "name")) + 1, found)
    if text:
        found.text = text
    else:
        root.remove(found)


def _set_boot(root: etree._Element, orders: Mapping[str, int]) -> None:
    """Set the boot order of disks and drives; <os><boot/>, which excludes it, is left out."""
    os = root.find("os")
    for boot in os.findall("boot"):
        os.remove(boot)
    for disk in root.iterfind("devices/disk"):
        order, found = orders.get(disk.xpath("string(target/@dev)")), disk.find("boot")
        if order is None:
            if found is not None:
                disk.remove(found)
        elif found is not None:
            found.set("order", str(order))
        else:
            disk.insert(disk.index(disk.find("target")), etree.Element("boot", order=str(order)))
