"""VMs that people want with their NICs, images to run them from, and what was seen of all that."""

from .images import TAG, Image, ImageStatus, Volume
from .seen import (
    AddressRound,
    ConsoleLog,
    GuestReport,
    GuestRun,
    NICAddress,
    NICStatus,
    NICTraffic,
    SSHCheck,
    VMStatus,
)
from .wishes import NIC, PORT, VIRTIO, VM, WORK, Disk, Power, SSHState, VMQuerySet, free_mac

__all__ = [
    "NIC",
    "PORT",
    "TAG",
    "VIRTIO",
    "VM",
    "WORK",
    "AddressRound",
    "ConsoleLog",
    "Disk",
    "GuestReport",
    "GuestRun",
    "Image",
    "ImageStatus",
    "NICAddress",
    "NICStatus",
    "NICTraffic",
    "Power",
    "SSHCheck",
    "SSHState",
    "VMQuerySet",
    "VMStatus",
    "Volume",
    "free_mac",
]
