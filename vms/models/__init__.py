"""Desired VMs with their NICs, images to run them from, and the observed state of both."""

from .capture import KEPT, Capture, CaptureEnd, CapturePart
from .console import ConsoleClaim
from .disk import WORK, Disk, DiskRequest
from .images import (
    EXPORT,
    FETCHING,
    LAYER,
    LOADING,
    TAG,
    CatalogueEntry,
    Image,
    ImageExport,
    ImageStatus,
    StoragePool,
    Upload,
    UploadPart,
    Volume,
    name_in,
    with_totals,
)
from .nic import NIC, VIRTIO, free_mac
from .power import SSH_TIMEOUT, Interruption, Power, PowerReason, ShownPower, SSHState
from .power_verb import PowerVerb
from .queryset import VMQuerySet
from .revision import VMRevision
from .snapshot import Snapshot, SnapshotRequest, SnapshotVerb
from .status import (
    AddressRound,
    ConsoleLog,
    GuestReport,
    GuestRun,
    NICAddress,
    NICStatus,
    SSHCheck,
    VMStatus,
)
from .traffic import NICTraffic, TrafficHistory
from .vm import PORT, VM, NICNetworks, VMTemplate

__all__ = [
    "EXPORT",
    "FETCHING",
    "KEPT",
    "LAYER",
    "LOADING",
    "NIC",
    "PORT",
    "SSH_TIMEOUT",
    "TAG",
    "VIRTIO",
    "VM",
    "WORK",
    "AddressRound",
    "Capture",
    "CaptureEnd",
    "CapturePart",
    "CatalogueEntry",
    "ConsoleClaim",
    "ConsoleLog",
    "Disk",
    "DiskRequest",
    "GuestReport",
    "GuestRun",
    "Image",
    "ImageExport",
    "ImageStatus",
    "Interruption",
    "NICAddress",
    "NICNetworks",
    "NICStatus",
    "NICTraffic",
    "Power",
    "PowerReason",
    "PowerVerb",
    "SSHCheck",
    "SSHState",
    "ShownPower",
    "Snapshot",
    "SnapshotRequest",
    "SnapshotVerb",
    "StoragePool",
    "TrafficHistory",
    "Upload",
    "UploadPart",
    "VMQuerySet",
    "VMRevision",
    "VMStatus",
    "VMTemplate",
    "Volume",
    "free_mac",
    "name_in",
    "with_totals",
]
