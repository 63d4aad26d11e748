"""The texts for the hardware of VMs, in forms, differences and the history. Pure."""

from collections.abc import Mapping

from vms.definition import hardware

TITLES = {
    "cpu": "CPU mode",
    "firmware": "Firmware",
    "graphics": "Display",
    "description": "Description",
    "boot": "Boot order",
}
CPU = {
    "host-model": "like the host’s CPU",
    "host-passthrough": "the host’s CPU itself",
    "maximum": "all that QEMU can emulate",
}
FIRMWARE = {hardware.BIOS: "BIOS", hardware.UEFI: "UEFI", hardware.SECURE: "UEFI with secure boot"}
GRAPHICS = {hardware.VNC: "VNC", hardware.NONE: "none"}
VALUES = {"cpu": CPU, "firmware": FIRMWARE, "graphics": GRAPHICS}
NONE = "none"


def value(name: str, found: object) -> str:
    """Return a value by the name of its field; a boot order as its devices in order."""
    if isinstance(found, Mapping):
        return ", ".join(sorted(found, key=found.__getitem__)) or NONE
    return NONE if found in (None, "") else VALUES.get(name, {}).get(found, str(found))
