"""The form that edits the hardware of a VM."""

from django import forms

from vms.definition import hardware
from vms.definition.domain import parse
from vms.definition.hardware import Hardware
from vms.definition.wording.hardware import CPU, FIRMWARE, GRAPHICS
from vms.models import VM
from vms.models.document import saved_document

KEEP = "keep as it is"
NEEDS_Q35 = "Secure boot needs the machine type q35, and this VM has {machine}."


class HardwareForm(forms.Form):
    """Memory, vCPUs, CPU mode, firmware, display, description, and the boot order of disks and drives."""

    memory = forms.IntegerField(label="Memory, MiB", min_value=1, max_value=2**24)
    vcpus = forms.IntegerField(label="vCPUs", min_value=1, max_value=512)
    cpu = forms.ChoiceField(
        label="CPU mode", required=False, help_text="Without KVM, choose “all that QEMU can emulate”."
    )
    firmware = forms.ChoiceField(
        required=False,
        help_text="A guest boots only with the firmware that it was installed for.",
    )
    graphics = forms.ChoiceField(label="Display", required=False)
    description = forms.CharField(
        required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}), strip=False
    )

    def __init__(self, data: dict | None = None, *, vm: VM) -> None:
        self.vm, self.now = vm, current(vm)
        initial = {"memory": vm.memory, "vcpus": vm.vcpus} | {name: getattr(self.now, name) for name in FIELDS}
        super().__init__(data, initial=initial, label_suffix="")
        self.fields["cpu"].choices = _choices(CPU, self.now.cpu)
        possible = hardware.firmware_of(self.now.arch, self.now.machine)
        offered = dict.fromkeys((*possible, self.now.firmware))
        self.fields["firmware"].choices = [(each, FIRMWARE[each]) for each in offered]
        if hardware.UEFI in possible and self.now.arch == hardware.X86 and hardware.SECURE not in possible:
            self.fields["firmware"].help_text += f" {NEEDS_Q35.format(machine=self.now.machine)}"
        self.fields["graphics"].choices = _choices(GRAPHICS, self.now.graphics)
        self.bootable = [disk["target"] for disk in vm.status.disks if disk["target"]]
        for target in self.bootable:
            self.fields[f"boot-{target}"] = forms.IntegerField(
                label=f"Boot position of {target}",
                required=False,
                min_value=1,
                max_value=9999,
                help_text="The lowest position boots first. Empty: the VM does not boot from it.",
            )
            self.initial[f"boot-{target}"] = self.now.boot.get(target)

    def clean_description(self) -> str:
        text = self.cleaned_data["description"].replace("\r\n", "\n")
        if any(ord(character) < 32 and character not in "\n\t" for character in text):
            raise forms.ValidationError("Control characters are not allowed.")
        return text

    def clean(self) -> dict[str, object]:
        data = super().clean()
        used: dict[int, str] = {}
        for target in self.bootable:
            if order := data.get(f"boot-{target}"):
                if order in used:
                    self.add_error(f"boot-{target}", f"{used[order]} has this position already.")
                used[order] = target
        return data

    @property
    def boot(self) -> dict[str, int]:
        """Return the boot order as sent, by target."""
        orders = {target: self.cleaned_data.get(f"boot-{target}") for target in self.bootable}
        return {target: order for target, order in orders.items() if order}

    @property
    def changes(self) -> dict[str, object]:
        """Return the hardware that differs from the present one, by field; what was not sent stays."""
        sent = {name: self.cleaned_data[name] for name in FIELDS if name in self.data}
        if any(f"boot-{target}" in self.data for target in self.bootable):
            sent["boot"] = self.boot
        return {name: value for name, value in sent.items() if value != getattr(self.now, name)}


FIELDS = ("cpu", "firmware", "graphics", "description")


def current(vm: VM) -> Hardware:
    """Return the hardware of the saved definition."""
    document = saved_document(vm, vm.nics.filter(removed_at=None))
    return parse(document).hardware


def _choices(known: dict[str, str], value: str) -> list[tuple[str, str]]:
    """Return the known choices, and one that keeps a value without a field if the VM has such a value."""
    return ([] if value else [("", KEEP)]) + list(known.items())
