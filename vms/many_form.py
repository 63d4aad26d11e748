"""What is asked of many VMs' NICs: one small form for each action."""

from collections.abc import Iterable

from django import forms

from networks.models import Network

from .many import Action, Change
from .models import NIC, VIRTIO, VM, NICStatus, VMQuerySet
from .nic_form import USER, PlaceForm
from .nic_xml import NICSpec


def form_for(action: Action, data: dict | None, vms: VMQuerySet) -> forms.Form:
    """The action's form; unbound if there is no data, unless the action needs none."""
    if action == Action.ADD:
        return AddForm(data, vms=vms)
    if action == Action.MOVE:
        return MoveForm(data, vms=vms)
    return LinkForm({} if data is None else data, vms=vms, action=action)


def _networks(vms: VMQuerySet) -> list[str]:
    """The networks of the VMs' hypervisors."""
    here = Network.objects.filter(hypervisor__in=vms.order_by().values("hypervisor"), removed_at=None)
    return sorted(set(here.values_list("name", flat=True)), key=str.lower)


def _sources(vms: VMQuerySet) -> list[str]:
    """The networks that the VMs' NICs are on, or are wished to be."""
    seen = NICStatus.objects.filter(vm__wish__in=vms, kind=NIC.Kind.NETWORK).values_list("source", flat=True)
    wished = NIC.objects.filter(vm__in=vms, kind=NIC.Kind.NETWORK, removed_at=None).values_list("source", flat=True)
    return sorted({*seen, *wished}, key=str.lower)


def _options(names: Iterable[str], empty: str) -> list[tuple[str, str]]:
    return [("", empty), *((name, name) for name in names)]


class AddForm(PlaceForm):
    """Where each VM gets one more NIC; each gets a MAC of its own."""

    def __init__(self, data: dict | None, *, vms: VMQuerySet) -> None:
        super().__init__(data, hypervisor=None)
        self.fields["network"].choices = [*_options(_networks(vms), "choose one"), (USER, "none: user networking")]
        self.fields["network"].error_messages["invalid_choice"] = "There is no network %(value)s for these VMs."
        offered = VM.objects.filter(pk__in=vms).values_list("hypervisor__status__nic_models", flat=True)
        models = dict.fromkeys([VIRTIO, *(model for each in offered.order_by().distinct() for model in each)])
        self.fields["model"].choices = [(model, model) for model in models]

    def change(self) -> Change:
        model = self.cleaned_data["model"] or VIRTIO
        return Change(action=Action.ADD, new=NICSpec(**self.place, model=model, mac=""))


class MoveForm(forms.Form):
    source = forms.ChoiceField(
        label="From network", error_messages={"invalid_choice": "None of their NICs is on a network %(value)s."}
    )
    to = forms.ChoiceField(
        label="To network", error_messages={"invalid_choice": "There is no network %(value)s for these VMs."}
    )

    def __init__(self, data: dict | None, *, vms: VMQuerySet) -> None:
        super().__init__(data, label_suffix="")
        self.fields["source"].choices = _options(_sources(vms), "choose one")
        self.fields["to"].choices = _options(_networks(vms), "choose one")

    def clean_to(self) -> str:
        if self.cleaned_data["to"] == self.cleaned_data.get("source"):
            raise forms.ValidationError("That is the network that they are on: choose another one.")
        return self.cleaned_data["to"]

    def change(self) -> Change:
        return Change(action=Action.MOVE, source=self.cleaned_data["source"], to=self.cleaned_data["to"])


class LinkForm(forms.Form):
    source = forms.ChoiceField(
        label="NICs on network",
        required=False,
        error_messages={"invalid_choice": "None of their NICs is on a network %(value)s."},
    )

    def __init__(self, data: dict, *, vms: VMQuerySet, action: Action) -> None:
        super().__init__(data, label_suffix="")
        self.action = action
        self.fields["source"].choices = _options(_sources(vms), "all of them")

    def change(self) -> Change:
        return Change(action=self.action, source=self.cleaned_data["source"])
