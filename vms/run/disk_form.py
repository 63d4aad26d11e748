"""A row of the form that runs a VM: a disk after the boot disk."""

from collections.abc import Callable

from django import forms
from django.core.exceptions import ValidationError

from networks.definition import rules
from virterweb.people.pools import Pools
from vms.definition import sizes
from vms.models import Disk
from vms.pools.choice import Choices, PoolField

LARGEST = 2**30  # MiB: a PiB
RESERVED_NAMES = ("cidata", "console")  # volumes of a VM whose names look like a disk's
MAX_DISKS = {"virtio": 25, "scsi": 15, "ide": 4}  # on each bus, beside the boot disk and the cloud-init ISO


class DiskForm(forms.Form):
    FIELDS = ("name", "size", "format", "bus", "pool")

    name = forms.CharField(
        max_length=50, validators=[rules.validate_name], widget=forms.TextInput(attrs={"placeholder": "data"})
    )
    size = forms.CharField(max_length=20, widget=forms.TextInput(attrs={"placeholder": "512M or 2G"}))
    format = forms.ChoiceField(choices=[(value, value) for value in Disk.Format.values], required=False)
    bus = forms.ChoiceField(choices=[(value, value) for value in Disk.Bus.values], required=False)
    pool = PoolField()

    def __init__(
        self, *args, pool: str = "", pools: Callable[[], Choices] | None = None, row: int = 0, **kwargs
    ) -> None:
        """Create the form; `pool` is used unless another of `pools` is chosen."""
        super().__init__(*args, auto_id=f"disk-{row}-%s", **kwargs)
        self.label_suffix = ""
        self.fields["pool"].offer(pools, pool, [str(self["pool"].value() or "")])

    def shown(self) -> list[forms.BoundField]:
        return list(self)

    def clean_name(self) -> str:
        if self.cleaned_data["name"] in RESERVED_NAMES:
            raise ValidationError("Another volume of the VM has this name. Choose another name.")
        return self.cleaned_data["name"]

    def clean_size(self) -> int:
        """Return the size in MiB."""
        try:
            size = sizes.mebibytes(self.cleaned_data["size"])
        except ValueError as problem:
            raise ValidationError(f"{problem}.") from problem
        if not 1 <= size <= LARGEST:
            raise ValidationError("Enter a size from 1 MiB to 1024 TiB.")
        return size

    def clean_format(self) -> str:
        return self.cleaned_data["format"] or Disk.Format.QCOW2

    def clean_bus(self) -> str:
        return self.cleaned_data["bus"] or Disk.Bus.VIRTIO

    @property
    def wanted(self) -> Disk:
        """Return the disk, unsaved and without a VM."""
        return Disk(**self.cleaned_data)


def check(rows: list[DiskForm], *, without_ide: str = "") -> None:
    """Add errors to the rows for repeated names, and for more disks than a bus can have.

    `without_ide`: what the VM has, if its machine type has no such bus.
    """
    names: dict[str, int] = {}
    buses: dict[str, int] = {}
    for number, row in enumerate(rows, 1):
        if not row.is_valid():
            continue
        name, bus = row.cleaned_data["name"], row.cleaned_data["bus"]
        if name in names:
            row.add_error("name", f"Disk {names[name]} is also named {name}.")
            continue
        names[name] = number
        buses[bus] = buses.get(bus, 0) + 1
        if without_ide and bus == Disk.Bus.IDE:
            row.add_error("bus", f"A VM with {without_ide} has no IDE bus. Choose another bus.")
        if buses[bus] > MAX_DISKS[bus]:
            row.add_error("bus", f"A VM can have at most {MAX_DISKS[bus]} {bus} disks.")


def check_pools(rows: list[DiskForm], granted: Pools) -> None:
    """Add errors to the rows for pools that the user may not use for the team."""
    for row in rows:
        if row.is_valid() and (pool := row.cleaned_data["pool"]) and (reason := granted.refusal(pool)):
            row.add_error("pool", str(reason))
