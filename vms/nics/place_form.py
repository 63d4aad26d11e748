"""Where a NIC is attached, as fields of a form."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from django import forms
from django.core.exceptions import ValidationError

from networks.attaching import Attaching
from networks.definition import rules
from networks.models import Network
from virterweb.hypervisors.models import Hypervisor
from virterweb.pages import characters
from virterweb.people import rights
from vms.definition import host_reach, wording
from vms.definition.nics.spec import SOURCES, NICSpec
from vms.models import NIC, VIRTIO

OF_NETWORKS = ("hypervisor", "name", "managed", "owner", "team")  # what rights depend on
MODES = tuple((mode, mode) for mode in ("bridge", "vepa", "private", host_reach.PASSTHROUGH))


HOST_PLACES = ("bridge", "device", "mode")


USER = "/user"  # a choice in place of a network; no network can have this name


STAYS = "/stays"  # for a NIC of a kind that is not modelled: it stays where it is


class PlaceForm(forms.Form):
    """Where a NIC is attached: to a network, a bridge of the host, a host device by macvtap, or none of them."""

    leaving = False  # the NIC is being removed: changing it attaches it again, which needs the rights of a new NIC

    network = forms.ChoiceField(
        required=False, error_messages={"invalid_choice": "This hypervisor has no network %(value)s."}
    )
    bridge = forms.CharField(
        label="or host bridge",
        required=False,
        validators=[rules.validate_bridge],
        widget=forms.TextInput(attrs={"placeholder": "br0"}),
    )
    device = forms.CharField(
        label="or macvtap",
        required=False,
        max_length=15,
        widget=forms.TextInput(attrs={"placeholder": "eth0"}),
    )
    model = forms.ChoiceField(required=False)

    def __init__(
        self,
        *args,
        hypervisor: Hypervisor | None,
        now: NICSpec | None = None,
        user: rights.Actor,
        **kwargs,
    ) -> None:
        """Create the form; `now` is the NIC as desired or found, None for a new one.

        Only operators choose bridges and devices of the host, and MACs that an address is reserved for.
        """
        super().__init__(*args, **kwargs)
        self.label_suffix, self.hypervisor, self.now, self.user = "", hypervisor, now, user
        self.attaching = Attaching(user, hypervisor)
        self.operator = self.attaching.operator
        networks = Network.objects.visible_to(user).on(hypervisor.pk) if hypervisor else Network.objects.none()
        known = list(networks.filter(removed_at=None).only(*OF_NETWORKS))
        stays = self._present()  # even if the network is gone
        choices = characters.labels([*self.attaching.offered(known), *stays])
        if now and now.kind not in SOURCES:
            choices = {STAYS: f"unchanged: {wording.place(now.kind, now.source)}"} | choices
        self.offer(choices, [network.name for network in known])
        models = hypervisor.status.nic_models if hypervisor else []
        models = dict.fromkeys([*(models or [VIRTIO]), *([now.model] if now else [])])
        self.fields["model"].choices = [(model, model or "chosen by libvirt") for model in models]
        if now:
            for name, field in self.fields.items():
                had = self.initial.get(name)
                field.validators = [partial(of_what_changed, had, validate) for validate in field.validators]

    def offer(self, choices: dict[str, str], known: Iterable[str] = ()) -> None:
        """Set the networks to choose from, by value and label; add user networking for those who may use it.

        `known` are all networks that the user can see: `clean` says why NICs may not be attached to one.
        """
        networks = [("", "choose one"), *choices.items()]
        user = (USER, "none: user networking")
        self.fields["network"].choices = [*networks, user, *((name, name) for name in known if name not in choices)]
        may_use_user = self.operator or (self.now and self.now.kind == NIC.Kind.USER)
        self.fields["network"].widget.choices = [*networks, user] if may_use_user else networks

    def shows(self, name: str) -> bool:
        """Return whether a field is shown: host places are for operators, or where the NIC already has one."""
        return self.operator or name not in HOST_PLACES or bool(self[name].value()) or bool(self[name].errors)

    def clean_device(self) -> str:
        try:
            device = self.cleaned_data["device"]
            return rules.read_device(device) if device and device != self.initial.get("device") else device
        except ValueError as problem:
            raise ValidationError(str(problem)) from problem

    def clean(self) -> dict:
        data = super().clean()
        chosen = [name for name in ("network", "bridge", "device") if data.get(name)]
        if not self.errors and len(chosen) != 1:
            self.add_error("network", "Choose either a network, a bridge of the host or a device of the host.")
        others = ("", USER, STAYS, *self._present())
        if not self.errors and data["network"] not in others and (reason := self.attaching.to_network(data["network"])):
            self.add_error("network", str(reason))
        if not self.errors and not self.operator:
            before = host_reach.parts([self.now] if self.now and not self.leaving else [])
            wanted = replace(self.now or NICSpec(kind="", mac=""), **self.place)
            for reason in host_reach.refused(before, host_reach.parts([wanted]), self.attaching):
                field = {"bridge": "bridge", "direct": "device"}.get(wanted.kind, "network")
                self.add_error(field if self.shows(field) else "network", reason)
        return data

    def _present(self) -> list[str]:
        """Return the network that the NIC is on, and may stay on."""
        on_network = self.now and self.now.kind == NIC.Kind.NETWORK and not self.leaving
        return [self.now.source] if on_network else []

    @property
    def shown_place(self) -> str:
        """Return where the half-filled form attaches the NIC, as text."""
        typed = {name: str(self[name].value() or "").strip() for name in ("network", *HOST_PLACES[:2])}
        if typed["bridge"]:
            return f"host bridge {typed['bridge']}"
        if typed["device"]:
            return f"macvtap on {typed['device']}"
        return "user networking" if typed["network"] == USER else typed["network"] or "no network chosen yet"

    @property
    def place(self) -> dict[str, str]:
        """Return kind, source and mode for the NIC's specification."""
        data = self.cleaned_data
        if data["network"] == STAYS:
            return {}
        if data.get("bridge"):
            return {"kind": NIC.Kind.BRIDGE.value, "source": data["bridge"], "mode": ""}
        if data.get("device"):
            return {"kind": NIC.Kind.DIRECT.value, "source": data["device"], "mode": data.get("mode") or "bridge"}
        if data["network"] == USER:
            return {"kind": NIC.Kind.USER.value, "source": "", "mode": ""}
        return {"kind": NIC.Kind.NETWORK.value, "source": data["network"], "mode": ""}


def of_what_changed(had: object, validate: Callable[[object], None], value: object) -> None:
    """Validate a value, unless the NIC already has it."""
    if value != had:
        validate(value)
