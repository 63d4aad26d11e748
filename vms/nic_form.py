"""The form that changes a NIC: the common fields in view, the rest folded, as libvirt's interfaces have them."""

from dataclasses import replace

from django import forms
from django.core.exceptions import ValidationError

from networks import lines, rules
from networks.fields import PartField
from networks.models import Network
from virterweb.hypervisors.models import Hypervisor

from .models import NIC
from .nic_plan import NICPlan, plan
from .nic_xml import FoundNIC, NICSpec

MODES = (("bridge", "bridge"), ("vepa", "vepa"), ("private", "private"), ("passthrough", "passthrough"))
MACVTAP = "direct"


class NICChangeForm(forms.Form):
    """Everything of one NIC but its MAC, which is what it is known by."""

    IN_VIEW = ("network", "link_up", "model")
    FOLDS = (
        ("Instead of a network", ("bridge", "device", "mode")),
        ("On the network", ("port_group", "isolated", "filter", "filter_parameters", "trust_rx_filters", "vlan")),
        ("Size and speed", ("mtu", "inbound", "outbound", "queues", "boot_order")),
    )

    network = forms.ChoiceField(required=False)
    link_up = forms.BooleanField(label="Link up", required=False)
    model = forms.ChoiceField(required=False)
    bridge = forms.CharField(label="Host bridge", required=False, validators=[rules.validate_bridge])
    device = forms.CharField(label="Host device, by macvtap", required=False, max_length=15)
    mode = forms.ChoiceField(label="macvtap mode", choices=MODES, required=False)
    port_group = forms.CharField(required=False, max_length=50, validators=[rules.validate_printable])
    isolated = forms.BooleanField(label="Isolated from other isolated ports", required=False)
    filter = forms.CharField(
        label="Network filter",
        required=False,
        max_length=50,
        validators=[rules.validate_printable],
        help_text="clean-traffic stops spoofed addresses.",
    )
    filter_parameters = forms.CharField(
        required=False,
        max_length=500,
        validators=[rules.validate_printable],
        help_text="NAME=VALUE, with spaces between, like IP=10.255.0.8.",
    )
    trust_rx_filters = forms.BooleanField(label="Trust the guest’s receive filters", required=False)
    vlan = forms.IntegerField(label="VLAN tag", required=False, min_value=0, max_value=lines.VLAN_TAGS)
    mtu = forms.IntegerField(label="MTU", required=False, validators=rules.MTU)
    inbound = PartField(lines.read_bandwidth, label="Bandwidth in", help_text="average,peak,burst in KiB/s, KiB.")
    outbound = PartField(lines.read_bandwidth, label="Bandwidth out")
    queues = forms.IntegerField(required=False, min_value=1, max_value=256)
    boot_order = forms.IntegerField(required=False, min_value=1, max_value=100)

    def __init__(self, *args, hypervisor: Hypervisor, now: NICSpec, **options) -> None:
        """`now` is the NIC as it is wished, or was found."""
        super().__init__(*args, initial=initial_of(now), **options)
        self.label_suffix, self.now = "", now
        names = Network.objects.on(hypervisor.pk).filter(removed_at=None).values_list("name", flat=True)
        stays = [now.source] if now.kind == NIC.Kind.NETWORK else []  # even on a network that is gone
        choices = [(name, name) for name in dict.fromkeys([*names, *stays])]
        self.fields["network"].choices = [("", "none"), *choices]
        models = dict.fromkeys([*NIC.Model.values, now.model])
        self.fields["model"].choices = [(model, model or "libvirt’s choice") for model in models]

    def in_view(self) -> list[forms.BoundField]:
        return [self[name] for name in self.IN_VIEW]

    def folds(self) -> list[tuple[str, str, list[forms.BoundField]]]:
        """Title, what it holds, and fields of each fold."""
        found = []
        for title, names in self.FOLDS:
            fields = [self[name] for name in names]
            filled = [field for field in fields if field.value() not in (None, "") and field.value() is not False]
            held = [f"{field.label}: {field.value()}" for field in filled]
            found.append((title, ", ".join(held) if title != "Instead of a network" or len(held) > 1 else "", fields))
        return found

    def clean_filter_parameters(self) -> tuple[tuple[str, str], ...]:
        pairs = [word.partition("=")[::2] for word in self.cleaned_data["filter_parameters"].split()]
        if not all(name and value for name, value in pairs):
            raise ValidationError("Parameters look like IP=10.255.0.8 MAC=52:54:00:00:00:08.")
        return tuple(pairs)

    def clean_device(self) -> str:
        try:
            return rules.read_device(self.cleaned_data["device"]) if self.cleaned_data["device"] else ""
        except ValueError as problem:
            raise ValidationError(str(problem)) from problem

    def clean(self) -> dict:
        data = super().clean()
        chosen = [name for name in ("network", "bridge", "device") if data.get(name)]
        if not self.errors and len(chosen) != 1 and self.now.kind != NIC.Kind.USER:
            self.add_error("network", "One of a network, a host bridge and a host device.")
        if data.get("filter_parameters") and not data.get("filter"):
            self.add_error("filter", "Parameters of which filter?")
        if data.get("mtu") and data.get("device"):
            self.add_error("mtu", "macvtap takes the MTU of its device.")
        if data.get("port_group") and not data.get("network"):
            self.add_error("port_group", "Port groups are a network’s.")
        return data

    @property
    def wanted(self) -> NICSpec:
        data = self.cleaned_data
        where = {"kind": self.now.kind, "source": self.now.source, "mode": ""}
        if data["network"]:
            where |= {"kind": NIC.Kind.NETWORK.value, "source": data["network"]}
        elif data["bridge"]:
            where |= {"kind": NIC.Kind.BRIDGE.value, "source": data["bridge"]}
        elif data["device"]:
            where |= {"kind": MACVTAP, "source": data["device"], "mode": data["mode"]}
        names = ("link_up", "model", "port_group", "isolated", "filter", "filter_parameters", "trust_rx_filters")
        names += ("vlan", "mtu", "inbound", "outbound", "queues", "boot_order")
        return replace(self.now, **where, **{name: data[name] for name in names})


def initial_of(spec: NICSpec) -> dict[str, object]:
    """A NIC as the form's values."""
    plain = ("link_up", "model", "port_group", "isolated", "filter", "trust_rx_filters", "vlan", "mtu", "queues")
    places = {NIC.Kind.NETWORK: "network", NIC.Kind.BRIDGE: "bridge", MACVTAP: "device"}
    return {
        **{name: getattr(spec, name) for name in (*plain, "boot_order")},
        **({places[spec.kind]: spec.source} if spec.kind in places else {}),
        "mode": spec.mode or "bridge",
        "inbound": str(spec.inbound or ""),
        "outbound": str(spec.outbound or ""),
        "filter_parameters": " ".join(f"{name}={value}" for name, value in spec.filter_parameters),
    }


def preview(wanted: NICSpec, found: FoundNIC | None, running: bool) -> NICPlan:
    """What saving would do, as far as pages know: the definition of a running VM is taken to be as it runs."""
    return plan(wanted, found, found, running)
