"""The tables of observed data that the admin shows."""

from dataclasses import dataclass

from django.db.models import Model
from django.urls import reverse
from django.utils.text import capfirst

from networks.models import DHCPHost, DHCPHostStatus, DNSAnswers, Lease, NetworkRevision, NetworkStatus
from virterweb.hypervisors.models import HypervisorStatus, ReadingProblem
from vms.models import (
    NIC,
    AddressRound,
    Capture,
    ConsoleClaim,
    ConsoleLog,
    Disk,
    DiskRequest,
    GuestReport,
    GuestRun,
    ImageExport,
    ImageStatus,
    NICAddress,
    NICStatus,
    NICTraffic,
    Snapshot,
    SnapshotRequest,
    SSHCheck,
    StoragePool,
    TrafficHistory,
    VMRevision,
    VMStatus,
    VMTemplate,
    Volume,
)

OF_DESIRED, OF_NETWORK, OF_VM, OF_VM_STATUS = (
    *("desired__hypervisor", "network__hypervisor"),
    *("vm__hypervisor", "vm__desired__hypervisor"),
)


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table that is shown: what it holds, the path from a row to its hypervisor, columns, and fields to search."""

    model: type[Model]
    about: str
    at: str = "hypervisor"
    columns: tuple[str, ...]
    search: tuple[str, ...]
    large: tuple[str, ...] = ()  # columns that only the page of a row reads

    @property
    def name(self) -> str:
        return capfirst(self.model._meta.verbose_name_plural)

    @property
    def url(self) -> str:
        meta = self.model._meta
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")


GROUPS: dict[str, tuple[Table, ...]] = {
    "Hypervisors": (
        Table(
            model=HypervisorStatus,
            about="The last poll of each hypervisor.",
            columns=("hypervisor", "observed_at", "seconds", "unreachable_since", "error", "version", "acceleration"),
            search=("hypervisor__name", "error"),
        ),
        Table(
            model=ReadingProblem,
            about="What the last poll could not read.",
            columns=("__str__", "hypervisor", "kind", "within", "since"),
            search=("hypervisor__name", "within", "name", "reason"),
        ),
        Table(
            model=AddressRound,
            about="When the addresses of guests are read next.",
            columns=("hypervisor", "due_at"),
            search=("hypervisor__name",),
        ),
    ),
    "Networks": (
        Table(
            model=NetworkStatus,
            about="Networks as libvirt has them.",
            at=OF_DESIRED,
            columns=("desired", "present", "active", "ip_range", "bridge", "generation", "error", "observed_at"),
            search=("desired__name", "ip_range", "bridge", "error"),
        ),
        Table(
            model=DHCPHost,
            about="DHCP reservations as they are defined.",
            at=OF_NETWORK,
            columns=("mac", "ip", "name", "network", "removed_at"),
            search=("mac", "ip", "name", "network__name"),
        ),
        Table(
            model=DHCPHostStatus,
            about="DHCP reservations as libvirt has them.",
            at=OF_NETWORK,
            columns=("mac", "ip", "name", "network"),
            search=("mac", "ip", "name", "network__name"),
        ),
        Table(
            model=Lease,
            about="DHCP leases and their history.",
            columns=("ip", "mac", "hostname", "vm", "network_name", "first_seen", "last_seen", "expires_at"),
            search=("ip", "mac", "hostname", "vm", "network_name"),
        ),
        Table(
            model=DNSAnswers,
            about="What the dnsmasq of a network last answered.",
            at=OF_NETWORK,
            columns=("network", "asked_at", "error"),
            search=("network__name",),
        ),
        Table(
            model=NetworkRevision,
            about="Saved versions of the definitions of networks.",
            at=OF_DESIRED,
            columns=("at", "desired", "what", "by", "result", "seconds"),
            search=("desired__name", "event", "by__username", "document"),
        ),
    ),
    "VMs": (
        Table(
            model=VMStatus,
            about="VMs as libvirt has them.",
            at=OF_DESIRED,
            columns=("desired", "power", "present", "memory", "vcpus", "generation", "error", "observed_at"),
            search=("desired__name", "error"),
        ),
        Table(
            model=NIC,
            about="NICs as they are defined.",
            at=OF_VM,
            columns=("mac", "vm", "position", "kind", "source", "model", "removed_at"),
            search=("mac", "source", "vm__name"),
        ),
        Table(
            model=NICStatus,
            about="NICs as libvirt has them.",
            at=OF_VM_STATUS,
            columns=("mac", "vm", "position", "kind", "source", "model", "target", "link"),
            search=("mac", "source", "target", "vm__desired__name"),
        ),
        Table(
            model=NICAddress,
            about="Addresses of NICs, as guests and the host report them.",
            at=OF_VM_STATUS,
            columns=("ip", "mac", "vm", "source", "seen_at"),
            search=("ip", "mac", "vm__desired__name"),
        ),
        Table(
            model=NICTraffic,
            about="Counters of NICs.",
            at=OF_VM_STATUS,
            columns=("mac", "vm", "at"),
            search=("mac", "vm__desired__name"),
        ),
        Table(
            model=TrafficHistory,
            about="Rates of NICs and networks in the last hour and day.",
            columns=("key", "hypervisor", "at"),
            search=("key", "mac"),
        ),
        Table(
            model=Disk,
            about="Disks as they are defined.",
            at=OF_VM,
            columns=("name", "vm", "size", "format", "bus"),
            search=("name", "vm__name"),
        ),
        Table(
            model=GuestReport,
            about="What guest agents and cloud-init report.",
            at=OF_VM_STATUS,
            columns=("vm", "since", "agent", "cloud_init", "errors", "refused", "asked_at"),
            search=("vm__desired__name", "errors"),
        ),
        Table(
            model=Snapshot,
            about="Snapshots of VMs.",
            at=OF_VM,
            columns=("name", "vm", "taken_at", "kind", "state", "current", "size"),
            search=("name", "description", "vm__name"),
        ),
        Table(
            model=SnapshotRequest,
            about="Requests about snapshots.",
            at=OF_VM,
            columns=("vm", "verb", "name", "asked_by", "asked_at", "done_at", "error"),
            search=("name", "vm__name"),
        ),
        Table(
            model=Capture,
            about="Captures of packets.",
            at=OF_VM,
            columns=("vm", "nic", "filter", "asked_by", "asked_at", "done_at", "captured_packets", "end", "error"),
            search=("vm__name", "nic", "filter"),
        ),
        Table(
            model=DiskRequest,
            about="Requested changes of disks that are in progress or were refused.",
            at=OF_VM,
            columns=("vm", "verb", "target", "disk", "size", "volume", "refused"),
            search=("vm__name", "target", "volume"),
        ),
        Table(
            model=SSHCheck,
            about="VMs that wait for SSH.",
            at=OF_VM,
            columns=("vm", "since", "ready_at", "reason"),
            search=("vm__name",),
        ),
        Table(
            model=GuestRun,
            about="Commands that were run in guests.",
            at=OF_VM,
            columns=("vm", "asked_at", "done_at", "code"),
            search=("vm__name",),
        ),
        Table(
            model=ConsoleLog,
            about="Console output, also that of deleted VMs.",
            columns=("name", "hypervisor", "size", "read_at", "gone_at", "problem"),
            search=("name", "text"),
        ),
        Table(
            model=ConsoleClaim,
            about="Serial consoles, with the web server that has them open.",
            at=OF_VM,
            columns=("vm", "claimed_by", "claimed_until"),
            search=("vm__name", "claimed_by"),
        ),
        Table(
            model=VMRevision,
            about="Saved versions of the definitions of VMs.",
            at=OF_DESIRED,
            columns=("at", "desired", "what", "by", "result", "seconds"),
            search=("desired__name", "event", "by__username", "document"),
        ),
    ),
    "Templates": (
        Table(
            model=VMTemplate,
            about="Templates that VMs are run from.",
            columns=("name", "hypervisor", "owner", "team"),
            search=("name",),
            large=("fields",),
        ),
    ),
    "Images": (
        Table(
            model=ImageStatus,
            about="Images as they are in the pools.",
            at=OF_DESIRED,
            columns=("desired", "generation", "done_bytes", "error"),
            search=("desired__name", "error"),
        ),
        Table(
            model=ImageExport,
            about="Files of images that were requested.",
            at="image__hypervisor",
            columns=("image", "asked_by", "asked_at", "ready_at", "error"),
            search=("image__name", "error"),
        ),
        Table(
            model=Volume,
            about="Volumes of the storage pools.",
            at="pool__hypervisor",
            columns=("name", "pool", "format", "capacity", "path"),
            search=("name", "path"),
        ),
        Table(
            model=StoragePool,
            about="Storage pools.",
            columns=("name", "hypervisor", "kind", "active", "capacity", "available", "read_at"),
            search=("name",),
        ),
    ),
}
