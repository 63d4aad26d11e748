"""The texts for hardware that forms offer. Pure."""

from vms.definition import hardware

FIRMWARE = {hardware.BIOS: "BIOS", hardware.UEFI: "UEFI", hardware.SECURE: "UEFI with secure boot"}
