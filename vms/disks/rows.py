"""The disks of a VM as the page shows them: found in libvirt, and requested."""

from dataclasses import dataclass

from vms.models import VM, Disk, DiskRequest, Power, Volume


@dataclass(frozen=True, kw_only=True)
class DiskRow:
    """A disk or drive. `size` is a text, "" if unknown; `request` is what is in progress or was refused."""

    target: str
    bus: str
    device: str
    format: str
    source: str
    size: str = ""
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
    own = {disk.path: disk for disk in vm.disks.all()}
    requests = list(vm.disk_requests.select_related("disk"))
    volumes = {volume.name: volume for volume in Volume.objects.filter(hypervisor=vm.hypervisor)}
    rows = [_found(vm, found, own, requests, volumes) for found in vm.status.disks]
    there = {row.source for row in rows}
    for path, disk in own.items():
        if path not in there:
            request = next((each for each in requests if each.disk_id == disk.pk), None)
            values = {"bus": disk.bus, "device": "disk", "format": disk.format, "source": path, "name": disk.name}
            rows.append(DiskRow(target="", **values, size=_size(disk.size), disk=disk, request=request))
    targets = {row.target for row in rows}
    drives = [each for each in requests if each.verb == DiskRequest.Verb.DRIVE and each.target not in targets]
    empty = {"target": "", "bus": "", "device": "cdrom", "format": "", "source": ""}
    rows += [DiskRow(**empty, request=request) for request in drives]
    return rows


def _found(
    vm: VM, found: dict[str, str], own: dict[str, Disk], requests: list[DiskRequest], volumes: dict[str, Volume]
) -> DiskRow:
    pool, _, name = found["source"].rpartition("/")
    volume = volumes.get(name) if pool == vm.hypervisor.pool else None
    volume = volume or next((each for each in volumes.values() if each.path == found["source"]), None)
    disk = own.get(found["source"])
    size = volume.size if volume else _size(disk.size) if disk else ""
    return DiskRow(
        **{key: found[key] for key in ("target", "bus", "device", "format", "source")},
        size=size if found["source"] else "",
        name=disk.name if disk else "",
        disk=disk,
        request=next((each for each in requests if each.target == found["target"]), None),
        is_boot=name == vm.boot_volume,
        is_seed=name == vm.seed_volume,
    )


def _size(mebibytes: int) -> str:
    return f"{mebibytes / 1024:.1f} GiB" if mebibytes >= 1024 else f"{mebibytes} MiB"


def goes_live(vm: VM, bus: str) -> bool:
    """Return whether a disk of this bus is plugged into the running VM, or waits for its next boot."""
    return vm.status.power != Power.OFF and bus != Disk.Bus.IDE
