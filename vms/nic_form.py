"""Forms of NICs: what is asked of most in view, the rest folded, as libvirt's interfaces have them."""

from dataclasses import replace

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.functional import cached_property

from networks import addressing, lines, rules
from networks.fields import PartField
from networks.hosts import Conflict
from networks.models import Network
from virterweb.hypervisors.models import Hypervisor

from . import domain_xml, ids, seed
from .guest_form import GUEST, GuestForm, guest_initial
from .guest_nic import Attached, GuestSpec, guest_nics, words
from .models import NIC, VIRTIO, VM, free_mac
from .nic_address import fixed, plan_address
from .nic_plan import NICPlan, plan
from .nic_xml import USER_ALIAS, FoundNIC, NICSpec

MODES = (("bridge", "bridge"), ("vepa", "vepa"), ("private", "private"), ("passthrough", "passthrough"))
USER = "/user"  # chosen instead of a network, none of which can be called so


class PlaceForm(forms.Form):
    """Where a NIC is attached: to a network, a bridge of the host, a device of it by macvtap, or to none of them."""

    network = forms.ChoiceField(
        required=False, error_messages={"invalid_choice": "There is no network %(value)s on this hypervisor."}
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

    def __init__(self, *args, hypervisor: Hypervisor | None, now: NICSpec | None = None, **kwargs) -> None:
        """`now` is the NIC as it is wished, or was found; None for a new one."""
        super().__init__(*args, **kwargs)
        self.label_suffix, self.hypervisor, self.now = "", hypervisor, now
        names = Network.objects.on(hypervisor.pk).filter(removed_at=None) if hypervisor else Network.objects.none()
        stays = [now.source] if now and now.kind == NIC.Kind.NETWORK else []  # even on a network that is gone
        choices = [(name, name) for name in dict.fromkeys([*names.values_list("name", flat=True), *stays])]
        self.fields["network"].choices = [("", "choose one"), *choices, (USER, "none: user networking")]
        models = hypervisor.status.nic_models if hypervisor else []
        models = dict.fromkeys([*(models or [VIRTIO]), *([now.model] if now else [])])
        self.fields["model"].choices = [(model, model or "libvirt’s choice") for model in models]

    def clean_device(self) -> str:
        try:
            return rules.read_device(self.cleaned_data["device"]) if self.cleaned_data["device"] else ""
        except ValueError as problem:
            raise ValidationError(str(problem)) from problem

    def clean(self) -> dict:
        data = super().clean()
        chosen = [name for name in ("network", "bridge", "device") if data.get(name)]
        if not self.errors and len(chosen) != 1:
            self.add_error("network", "Choose a network, or name a bridge or a device of the host; one of them.")
        return data

    @property
    def place(self) -> dict[str, str]:
        """Kind, source and mode of the NIC's specification."""
        data = self.cleaned_data
        if data["bridge"]:
            return {"kind": NIC.Kind.BRIDGE.value, "source": data["bridge"], "mode": ""}
        if data["device"]:
            return {"kind": NIC.Kind.DIRECT.value, "source": data["device"], "mode": data.get("mode") or "bridge"}
        if data["network"] == USER:
            return {"kind": NIC.Kind.USER.value, "source": "", "mode": ""}
        return {"kind": NIC.Kind.NETWORK.value, "source": data["network"], "mode": ""}


class NewNICForm(PlaceForm, GuestForm):
    """A NIC that may not be there yet: also its MAC, and what its guest does with it."""

    mac = forms.CharField(
        label="MAC",
        required=False,
        validators=[rules.validate_mac],
        widget=forms.TextInput(attrs={"placeholder": "chosen for you"}),
    )

    def clean_mac(self) -> str:
        mac = addressing.parse_mac(self.cleaned_data["mac"]) if self.cleaned_data["mac"] else ""
        if mac and (holder := ids.taken_macs(self.hypervisor).get(mac)):
            raise ValidationError(f"This MAC is in use by {holder}.")
        return mac


class NICForm(NewNICForm):
    """A row of the form that runs a VM: a NIC with what is asked of most."""

    SHOWN = ("network", "bridge", "device", "model", "mac")
    FIELDS = (*SHOWN, *GUEST)

    def __init__(self, *args, row: int = 0, **kwargs) -> None:
        super().__init__(*args, auto_id=f"nic-{row}-%s", **kwargs)

    def shown(self) -> list[forms.BoundField]:
        return [self[name] for name in self.SHOWN]

    def folded(self) -> list[forms.BoundField]:
        return [self[name] for name in GUEST]

    def clean(self) -> dict:
        data = super().clean()
        if not self.errors:
            network = VM(hypervisor=self.hypervisor).network(self.wanted) if self.hypervisor else None
            nic = Attached(mac=data["mac"], wish=self.guest_wish, network=network and network.definition)
            self.add_guest_problems(nic, {}, network)
        return data

    @property
    def wanted(self) -> NICSpec:
        """The NIC; its MAC is empty if it is to be chosen."""
        data = self.cleaned_data
        return NICSpec(**self.place, model=data["model"] or VIRTIO, mac=data["mac"])


class NICChangeForm(NewNICForm):
    """Everything of one NIC. The MAC is asked of a new one only: it is what a NIC is known by."""

    IN_VIEW = ("network", "address", "link_up")
    FOLDS = (
        ("Instead of a network", ("bridge", "device", "mode")),
        ("On the network", ("port_group", "isolated", "filter", "filter_parameters", "trust_rx_filters", "vlan")),
        ("Card", ("model", "mac", "mtu", "queues", "boot_order", "alias", "pci", "at_shutdown")),
        ("Bandwidth", ("inbound", "outbound")),
        ("In the guest", GUEST),
    )

    address = forms.CharField(
        label="Fixed address",
        required=False,
        max_length=45,
        widget=forms.TextInput(attrs={"placeholder": "none: what DHCP gives", "list": "addresses"}),
        help_text="“next” is the next free one. It is reserved on the network, follows the NIC, and goes with it.",
    )

    link_up = forms.BooleanField(label="Link up", required=False)
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
    alias = forms.RegexField(
        rf"^{USER_ALIAS}[A-Za-z0-9_-]+\Z",
        required=False,
        max_length=60,
        error_messages={"invalid": f"An alias begins with {USER_ALIAS}, then come letters, digits, _ and -."},
        widget=forms.TextInput(attrs={"placeholder": "libvirt’s choice"}),
    )
    pci = forms.RegexField(
        r"^[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]\Z",
        label="PCI address",
        required=False,
        error_messages={"invalid": "A PCI address looks like 0000:00:05.0."},
        widget=forms.TextInput(attrs={"placeholder": "libvirt’s choice"}),
    )
    at_shutdown = forms.BooleanField(label="What needs the card unplugged waits for the next boot", required=False)

    def __init__(
        self, *args, vm: VM, now: NICSpec | None = None, initial: dict[str, object] | None = None, **options
    ) -> None:
        """`now` is the NIC as it is wished, or was found; None for one to be added, as `initial` says."""
        self.vm = vm
        self.late = bool(now) and vm.nics.filter(mac=now.mac, at_shutdown=True, removed_at=None).exists()
        had = {"link_up": True, **(initial or {})}
        if now:
            wish = vm.nics.filter(mac=now.mac).first()
            self.guest_now = wish.guest_spec() if wish else GuestSpec()
            had = {**initial_of(now), "address": fixed(vm, now), "at_shutdown": self.late}
            had |= guest_initial(self.guest_now)
        super().__init__(*args, hypervisor=vm.hypervisor, now=now, initial=had, **options)
        if now:
            del self.fields["mac"]
        if not seed.ours(vm):  # only the portal's own guests can be told
            self.guest_now = None
            for name in GUEST:
                del self.fields[name]
        self.fields["bridge"].label, self.fields["device"].label = "Host bridge", "Host device, by macvtap"

    def in_view(self) -> list[forms.BoundField]:
        return [self[name] for name in self.IN_VIEW]

    def folds(self) -> list[tuple[str, str, list[forms.BoundField]]]:
        """Title, what it holds, and fields of each fold."""
        found = []
        for title, names in self.FOLDS:
            fields = [self[name] for name in names if name in self.fields]
            filled = [field for field in fields if field.value() not in (None, "") and field.value() is not False]
            held = ", ".join(f"{field.label}: {field.value()}" for field in filled)
            if names == GUEST:
                held = self.guest_held() if fields else ""
            if fields:
                found.append((title, held if title != "Instead of a network" or len(filled) > 1 else "", fields))
        return found

    def clean_filter_parameters(self) -> tuple[tuple[str, str], ...]:
        pairs = [word.partition("=")[::2] for word in self.cleaned_data["filter_parameters"].split()]
        if not all(name and value for name, value in pairs):
            raise ValidationError("Parameters look like IP=10.255.0.8 MAC=52:54:00:00:00:08.")
        return tuple(pairs)

    def clean_boot_order(self) -> int | None:
        order = self.cleaned_data["boot_order"]
        if order and domain_xml.names_boot_device(self.vm.status.document):
            raise ValidationError("libvirt takes it only in a VM whose <os> names no boot device, as this one’s does.")
        return order

    def clean(self) -> dict:
        data = super().clean()
        if data.get("filter_parameters") and not data.get("filter"):
            self.add_error("filter", "Parameters of which filter?")
        if data.get("mtu") and data.get("device"):
            self.add_error("mtu", "macvtap takes the MTU of its device.")
        if data.get("port_group") and data.get("network") in (None, "", USER):
            self.add_error("port_group", "Port groups are a network’s.")
        if not self.errors:
            self._plan_address()
        if not self.errors and "guest" in self.fields:
            self.add_guest_problems(self._attached(), self._others(), self.vm.network(self.wanted))
        return data

    def _attached(self) -> Attached:
        """The NIC as it would be, with the address that would be reserved for it."""
        change, wanted = self.address_change, self.wanted
        reserved = change.reserved.ip if change.reserved else self.cleaned_data["address"]
        network = self.vm.network(wanted)
        return Attached(
            mac=wanted.mac,
            wish=self.guest_wish,
            network=network and network.definition,
            reserved=reserved,
            mtu=wanted.mtu,
        )

    def _others(self) -> dict[str, GuestSpec]:
        """The wishes for the VM's other NICs."""
        others = self.vm.nics.filter(removed_at=None).exclude(mac=self.wanted.mac)
        return {f"NIC {nic.mac}": nic.guest_spec() for nic in others}

    @property
    def guest_text(self) -> str:
        """What the guest will do with it from now on, in words; "" if the same, or if the portal does not tell it."""
        if "guest" not in self.fields:
            return ""
        nics = list(self.vm.nics.filter(removed_at=None))
        before = [seed.attached(self.vm, nic) for nic in nics]
        place = next((n for n, nic in enumerate(before) if nic.mac == self.wanted.mac), len(before))
        after = words(guest_nics([*before[:place], self._attached(), *before[place + 1 :]])[place])
        same = place < len(before) and after == words(guest_nics(before)[place])
        return "" if same else after

    def _plan_address(self) -> None:
        try:
            self.address_change = plan_address(self.vm, self.now, self.wanted, self.cleaned_data["address"])
        except Conflict as problem:
            for field, reason in problem.errors:
                self.add_error(field, reason)

    def wish(self, by: AbstractBaseUser | None) -> str:
        """Write what was asked for, unless it is so; returns the MAC. Conflict if another has the address by now."""
        with transaction.atomic():
            self.address_change.wish(self.vm, by)
            guest = self.guest_wish if "guest" in self.fields else None
            if self.now is None:
                self.vm.add_nic(self.wanted, guest)
            elif (self.wanted, self.cleaned_data["at_shutdown"], guest) != (self.now, self.late, self.guest_now):
                self.vm.change_nic(self.wanted, self.cleaned_data["at_shutdown"], guest)
        return self.wanted.mac

    @cached_property
    def wanted(self) -> NICSpec:
        """The NIC; a new one has its MAC already."""
        data = self.cleaned_data
        now = self.now or NICSpec(kind="", mac=data["mac"] or free_mac())
        names = ("link_up", "model", "port_group", "isolated", "filter", "filter_parameters", "trust_rx_filters")
        names += ("vlan", "mtu", "inbound", "outbound", "queues", "boot_order", "alias", "pci")
        return replace(now, **self.place, **{name: data[name] for name in names})


def initial_of(spec: NICSpec) -> dict[str, object]:
    """A NIC as the form's values."""
    plain = ("link_up", "model", "port_group", "isolated", "filter", "trust_rx_filters", "vlan", "mtu", "queues")
    places = {NIC.Kind.NETWORK: "network", NIC.Kind.BRIDGE: "bridge", NIC.Kind.DIRECT: "device"}
    return {
        **{name: getattr(spec, name) for name in (*plain, "boot_order", "alias", "pci")},
        **({places[spec.kind]: spec.source} if spec.kind in places else {}),
        **({"network": USER} if spec.kind == NIC.Kind.USER else {}),
        "mode": spec.mode or "bridge",
        "inbound": str(spec.inbound or ""),
        "outbound": str(spec.outbound or ""),
        "filter_parameters": " ".join(f"{name}={value}" for name, value in spec.filter_parameters),
    }


def preview(wanted: NICSpec, found: FoundNIC | None, running: bool, *, replug: bool = True) -> NICPlan:
    """What saving would do, as far as pages know: the definition of a running VM is taken to be as it runs."""
    return plan(wanted, found, found, running, replug=replug)
