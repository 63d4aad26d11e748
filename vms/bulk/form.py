"""The forms for changes of many VMs' NICs, one per action."""

from collections.abc import Iterable

from django import forms

from networks.models import Network
from virterweb.pages import characters
from virterweb.pages.tables import natural_key
from virterweb.people import rights
from vms.definition.nics.spec import NICSpec
from vms.models import NIC, VIRTIO, VM, NICStatus, PowerVerb, VMQuerySet
from vms.nics.place_form import PlaceForm

from .rows import Action, Change


def form_for(action: Action | PowerVerb, data: dict | None, vms: VMQuerySet, user: rights.Actor) -> forms.Form:
    """Return the action's form; unbound without data, unless the action needs none."""
    if isinstance(action, PowerVerb):
        return PowerForm(action)
    if action == Action.ADD:
        return AddForm(data, vms=vms, user=user)
    if action == Action.MOVE:
        return MoveForm(data, vms=vms, user=user)
    return LinkForm({} if data is None else data, vms=vms, action=action)


def _networks(vms: VMQuerySet, user: rights.Actor) -> list[str]:
    """Return the networks of the VMs' hypervisors."""
    here = Network.objects.visible_to(user).filter(hypervisor__in=vms.order_by().values("hypervisor"), removed_at=None)
    return sorted(set(here.values_list("name", flat=True)), key=natural_key)


def _sources(vms: VMQuerySet) -> list[str]:
    """Return the networks that the VMs' NICs are on, found or desired."""
    seen = NICStatus.objects.filter(vm__desired__in=vms, kind=NIC.Kind.NETWORK).values_list("source", flat=True)
    saved = NIC.objects.filter(vm__in=vms, kind=NIC.Kind.NETWORK, removed_at=None).values_list("source", flat=True)
    return sorted({*seen, *saved}, key=natural_key)


def _options(names: Iterable[str], empty: str) -> list[tuple[str, str]]:
    return [("", empty), *characters.labels(names).items()]


class AddForm(PlaceForm):
    """Adds a NIC to each VM; each NIC gets its own MAC."""

    def __init__(self, data: dict | None, *, vms: VMQuerySet, user: rights.Actor) -> None:
        super().__init__(data, hypervisor=None, user=user)
        self.offer(characters.labels(_networks(vms, user)))
        for name in ("bridge", "device"):
            if not self.operator and not (data and data.get(name)):
                del self.fields[name]
        self.fields["network"].error_messages["invalid_choice"] = "These VMs cannot use a network %(value)s."
        offered = VM.objects.filter(pk__in=vms).values_list("hypervisor__status__nic_models", flat=True)
        models = dict.fromkeys([VIRTIO, *(model for each in offered.order_by().distinct() for model in each)])
        self.fields["model"].choices = [(model, model) for model in models]

    def change(self) -> Change:
        model = self.cleaned_data["model"] or VIRTIO
        return Change(action=Action.ADD, new=NICSpec(**self.place, model=model, mac=""))


class MoveForm(forms.Form):
    source = forms.ChoiceField(
        label="From network", error_messages={"invalid_choice": "None of these VMs has a NIC on a network %(value)s."}
    )
    to = forms.ChoiceField(
        label="To network", error_messages={"invalid_choice": "These VMs cannot use a network %(value)s."}
    )

    def __init__(self, data: dict | None, *, vms: VMQuerySet, user: rights.Actor) -> None:
        super().__init__(data, label_suffix="")
        self.fields["source"].choices = _options(_sources(vms), "choose one")
        self.fields["to"].choices = _options(_networks(vms, user), "choose one")

    def clean_to(self) -> str:
        if self.cleaned_data["to"] == self.cleaned_data.get("source"):
            raise forms.ValidationError("The NICs are already on this network. Choose another one.")
        return self.cleaned_data["to"]

    def change(self) -> Change:
        return Change(action=Action.MOVE, source=self.cleaned_data["source"], to=self.cleaned_data["to"])


class LinkForm(forms.Form):
    source = forms.ChoiceField(
        label="NICs on network",
        required=False,
        error_messages={"invalid_choice": "None of these VMs has a NIC on a network %(value)s."},
    )

    def __init__(self, data: dict, *, vms: VMQuerySet, action: Action) -> None:
        super().__init__(data, label_suffix="")
        self.action = action
        self.fields["source"].choices = _options(_sources(vms), "all of them")

    def change(self) -> Change:
        return Change(action=self.action, source=self.cleaned_data["source"])


class PowerForm(forms.Form):
    """Changes the power of VMs; it has no fields."""

    def __init__(self, verb: PowerVerb) -> None:
        super().__init__({})
        self.verb = verb

    def change(self) -> Change:
        return Change(action=self.verb)
