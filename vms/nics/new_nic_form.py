"""Forms of NICs that do not exist yet: in general, and as a row of the form that runs VMs."""

from django import forms
from django.core.exceptions import ValidationError

from networks.definition import addressing, rules
from virterweb.pages.forms.folds import Fold, fold
from virterweb.people.hidden.names import name_for
from vms.addresses import ids
from vms.definition.guest_nic import Attached
from vms.definition.nics.spec import NICSpec
from vms.guests.form import GUEST, GuestForm
from vms.models import VIRTIO, VM

from .place_form import HOST_PLACES, PlaceForm


class NewNICForm(PlaceForm, GuestForm):
    """A NIC that may not exist yet: adds its MAC, and the guest's configuration."""

    mac = forms.CharField(
        label="MAC",
        required=False,
        validators=[rules.validate_mac],
        widget=forms.TextInput(attrs={"placeholder": "chosen automatically"}),
    )

    def clean_mac(self) -> str:
        mac = addressing.parse_mac(self.cleaned_data["mac"]) if self.cleaned_data["mac"] else ""
        if not mac:
            return ""
        holder = ids.taken_macs(self.hypervisor, self.user).get(mac)
        if holder is not None:
            raise ValidationError(f"This MAC is in use by {holder}." if holder else "This MAC is taken.")
        if not self.operator and (network := ids.reserved_on(self.hypervisor, mac)):
            of = f" of {name}" if (name := name_for(self.user, network)) else ""
            raise ValidationError(f"An address{of} is reserved for this MAC. Only operators may use it.")
        return mac


class NICForm(NewNICForm):
    """A row of the form that runs VMs: a NIC with the usual fields."""

    SHOWN = ("network", "bridge", "device", "model", "mac")
    FIELDS = (*SHOWN, *GUEST)

    def __init__(self, *args, row: int = 0, **kwargs) -> None:
        super().__init__(*args, auto_id=f"nic-{row}-%s", **kwargs)
        self.row = row

    def shows(self, name: str) -> bool:
        """Return whether a field is shown, the same for all rows: browsers send values without their row."""
        return self.operator or name not in HOST_PLACES

    def shown(self) -> list[forms.BoundField]:
        return [self[name] for name in self.SHOWN if self.shows(name)]

    @property
    def folds(self) -> list[Fold]:
        return [fold("Guest network configuration", [self[name] for name in GUEST], key=f"nic-{self.row}-guest")]

    def clean(self) -> dict:
        data = super().clean()
        if not self.errors:
            network = VM(hypervisor=self.hypervisor).network(self.wanted) if self.hypervisor else None
            nic = Attached(mac=data["mac"], desired=self.desired_guest, network=network and network.definition)
            self.add_guest_problems(nic, {}, network)
        return data

    @property
    def wanted(self) -> NICSpec:
        """Return the NIC's specification; its MAC is empty if the portal chooses one."""
        data = self.cleaned_data
        return NICSpec(**self.place, model=data["model"] or VIRTIO, mac=data["mac"])
