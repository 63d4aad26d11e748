"""Forms that change the disks of a VM."""

from functools import partial

from django import forms
from django.core.exceptions import ValidationError

from virterweb.people import rights
from virterweb.people.pools import Pools
from vms.definition import sizes
from vms.models import VM, Disk, Volume
from vms.pools.choice import pool_choices
from vms.run.disk_form import LARGEST, MAX_DISKS, DiskForm

EJECT = ""


class NewDiskForm(DiskForm):
    """A further disk of an existing VM, with a new volume."""

    cache = forms.ChoiceField(
        required=False,
        choices=[("", "as set on the hypervisor"), *((value, value) for value in Disk.Cache.values)],
        help_text="QEMU’s cache mode",
    )
    discard = forms.ChoiceField(
        choices=Disk.Discard.choices, initial=Disk.Discard.UNMAP, help_text="when the guest deletes files"
    )

    def __init__(self, *args, vm: VM, user: rights.Actor, **kwargs) -> None:
        pools = partial(pool_choices, user, vm.hypervisor)
        super().__init__(*args, pool=vm.hypervisor.pool, pools=pools, **kwargs)
        self.vm, self.user = vm, user
        self.fields["name"].help_text = "The volume is named after the VM and the disk."
        self.fields["size"].help_text = "For example 512M or 20G."

    def clean(self) -> dict[str, object]:
        data = super().clean()
        name, bus = data.get("name"), data.get("bus")
        if name and self.vm.disks.filter(name=name).exists():
            self.add_error("name", f"{self.vm} already has a disk {name}.")
        elif name and self._volume_exists(data):
            self.add_error("name", "The pool already has a volume of this name. Choose another name.")
        if bus and self.vm.disks.filter(bus=bus).count() >= MAX_DISKS[bus]:
            self.add_error("bus", f"A VM can have at most {MAX_DISKS[bus]} {bus} disks.")
        if reason := Pools(self.user, self.vm.team_id, self.vm.hypervisor).refusal(data.get("pool", "")):
            self.add_error("pool", str(reason))
        return data

    def _volume_exists(self, data: dict[str, object]) -> bool:
        place = data.get("pool") or self.vm.hypervisor.pool, Disk(vm=self.vm, name=data["name"]).volume
        return Volume.objects.at(self.vm.hypervisor, [place]).exists()


class GrowForm(forms.Form):
    size = forms.CharField(max_length=20, label="New size", help_text="For example 20G. A disk cannot become smaller.")

    def __init__(self, *args, known: int = 0, **kwargs) -> None:
        """Create the form; `known` is the present size in bytes, 0 if it is unknown."""
        super().__init__(*args, label_suffix="", **kwargs)
        self.known = known

    def clean_size(self) -> int:
        """Return the size in MiB."""
        try:
            size = sizes.mebibytes(self.cleaned_data["size"])
        except ValueError as problem:
            raise ValidationError(f"{problem}.") from problem
        if size > LARGEST:
            raise ValidationError("Enter a size up to 1024 TiB.")
        if size * 1024**2 <= self.known:
            raise ValidationError(f"The disk has {-(-self.known // 1024**2)} MiB. Enter a larger size.")
        return size


class MediumForm(forms.Form):
    """The ISO image in a CD-ROM drive."""

    medium = forms.ChoiceField(required=False, label="Medium")

    def __init__(self, *args, vm: VM, user: rights.Actor, **kwargs) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.vm, self.user = vm, user
        self.fields["medium"].choices = [(EJECT, "empty"), *((name, name) for name in media(vm))]
        self.fields["medium"].help_text = f"ISO images in the pool {vm.hypervisor.pool}."
        self.fields["medium"].error_messages["invalid_choice"] = "The pool has no ISO image %(value)s."

    def clean_medium(self) -> str:
        medium = self.cleaned_data["medium"]
        if medium and (reason := Pools(self.user, self.vm.team_id, self.vm.hypervisor).refusal()):
            raise ValidationError(str(reason))
        return medium


def media(vm: VM) -> list[str]:
    """Return the names of the ISO images in the pool of a VM’s hypervisor; the volumes of VMs are not among them."""
    images = Volume.objects.of_images(vm.hypervisor).filter(name__iendswith=".iso", delete_asked_at=None)
    return list(images.exclude(name__startswith="virter:").values_list("name", flat=True))
