"""The disks of a VM as the page shows them: found in libvirt, and requested."""

from dataclasses import dataclass

from django.db.models import Q

from vms.models import VM, Disk, DiskRequest, Power, Volume


@dataclass(frozen=True, kw_only=True)
class DiskRow:
    """A disk or drive; `request` is what is in progress or was refused.

    `size` is a text, "" if unknown; `capacity` is in bytes, 0 if unknown.
    """

    target: str
    bus: str
    device: str
    format: str
    source: str
    size: str = ""
    capacity: int = 0
    name: str = ""
    disk: Disk | None = None
    request: DiskRequest | None = None
    is_boot: bool = False
    is_seed: bool = False

    @property
    def is_drive(self) -> bool:
        return self.device == "cdrom"

    @property
    def can_grow(self) -> bool:
        return bool(self.target and self.source and self.device == "disk")

    @property
    def can_go(self) -> bool:
        """Return whether it can be detached: the boot disk and the drive with the cloud-init ISO stay."""
        return bool(self.target) and not (self.is_boot or self.is_seed)


def disk_rows(vm: VM) -> list[DiskRow]:
    """Return the disks that libvirt has, then those that are not attached yet."""
    known = _Known(vm)
    rows = [known.found(each) for each in vm.status.disks]
    sources, targets = {row.source for row in rows}, {row.target for row in rows}
    rows += [known.coming(disk) for disk in known.disks.values() if disk.path not in sources]
    drives = [each for each in known.requests if each.verb == DiskRequest.Verb.DRIVE and each.target not in targets]
    empty = {"target": "", "bus": "", "device": "cdrom", "format": "", "source": ""}
    return rows + [DiskRow(**empty, request=request) for request in drives]


class _Known:
    """What the database has about the disks of a VM; each table is read once."""

    def __init__(self, vm: VM) -> None:
        self.vm = vm
        self.disks = {disk.path: disk for disk in vm.disks.all()}
        self.requests = list(vm.disk_requests.select_related("disk"))
        sources = [each["source"] for each in vm.status.disks]
        names = {name for source in sources for name in (source.partition("/")[2], source.rpartition("/")[2])}
        self.volumes: dict[str, Volume] = {}
        for each in (
            Volume.objects.on(vm.hypervisor).filter(Q(path__in=sources) | Q(name__in=names)).select_related("pool")
        ):
            self.volumes |= {each.path: each, f"{each.pool}/{each.name}": each}

    def found(self, found: dict[str, str]) -> DiskRow:
        """Return the row of a disk that libvirt has."""
        source, name = found["source"], found["source"].rpartition("/")[2]
        volume, disk = self.volumes.get(source), self.disks.get(source)
        return DiskRow(
            **{key: found[key] for key in ("target", "bus", "device", "format", "source")},
            size=volume.size if volume else _size(disk.size) if disk else "",
            capacity=volume.capacity if volume else disk.size * 1024**2 if disk else 0,
            name=disk.name if disk else "",
            disk=disk,
            request=next((each for each in self.requests if each.target == found["target"]), None),
            is_boot=name == self.vm.boot_volume,
            is_seed=name == self.vm.seed_volume,
        )

    def coming(self, disk: Disk) -> DiskRow:
        """Return the row of a disk that is not attached yet."""
        request = next((each for each in self.requests if each.disk_id == disk.pk), None)
        values = {"bus": disk.bus, "format": disk.format, "source": disk.path, "name": disk.name}
        return DiskRow(target="", device="disk", size=_size(disk.size), disk=disk, request=request, **values)


def _size(mebibytes: int) -> str:
    return f"{mebibytes / 1024:.1f} GiB" if mebibytes >= 1024 else f"{mebibytes} MiB"


def goes_live(vm: VM, bus: str) -> bool:
    """Return whether a disk of this bus is plugged into the running VM, or waits for its next boot."""
    return vm.status.power != Power.OFF and bus != Disk.Bus.IDE
