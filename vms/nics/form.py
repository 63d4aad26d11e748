"""The form of a NIC: the usual fields in view, the others of libvirt's interfaces folded."""

from dataclasses import replace

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.functional import cached_property

from networks.changes.forms.fields import PartField
from networks.definition import lines, rules
from networks.reservations.reservations import Conflict
from virterweb.pages.forms.folds import Fold, folds
from virterweb.people import rights
from vms.addresses.reserved_address import fixed, plan_address
from vms.cloud_init import seed
from vms.definition import domain as domain_xml
from vms.definition.guest_nic import Attached, GuestSpec, guest_nics, words
from vms.definition.nics.fields import changed_fields, move
from vms.definition.nics.spec import SOURCES, USER_ALIAS, NICSpec
from vms.guests.form import GUEST, guest_initial
from vms.models import NIC, VM, NICNetworks, free_mac

from .new_nic_form import NewNICForm
from .place_form import MODES, STAYS, USER


class NICChangeForm(NewNICForm):
    """All fields of one NIC. The MAC can be set only for a new NIC, because it identifies the NIC.

    The fields in `named` are requested by name, and pushed even if they are saved with these values.
    """

    IN_VIEW = ("network", "address", "link_up")
    FOLDS = (
        ("Instead of a network", ("bridge", "device", "mode")),
        ("On the network", ("port_group", "isolated", "filter", "filter_parameters", "trust_rx_filters", "vlan")),
        ("NIC", ("model", "mac", "mtu", "queues", "boot_order", "alias", "pci", "at_shutdown")),
        ("Bandwidth", ("inbound", "outbound")),
        ("In the guest", GUEST),
    )

    address = forms.CharField(
        label="Reserved address",
        required=False,
        max_length=45,
        widget=forms.TextInput(attrs={"placeholder": "none: assigned by DHCP", "list": "addresses"}),
        help_text="Enter an address, or “next” for the next free one. It is reserved on the network, and moved and "
        "removed with the NIC.",
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
        help_text="For example, clean-traffic prevents spoofed addresses.",
    )
    filter_parameters = forms.CharField(
        required=False,
        max_length=500,
        validators=[rules.validate_printable],
        help_text="NAME=VALUE, separated by spaces, for example IP=10.255.0.8.",
    )
    trust_rx_filters = forms.BooleanField(label="Trust receive filters of the guest", required=False)
    vlan = forms.IntegerField(label="VLAN tag", required=False, min_value=0, max_value=lines.VLAN_TAGS)
    mtu = forms.IntegerField(label="MTU", required=False, validators=[rules.validate_mtu])
    inbound = PartField(
        lines.read_bandwidth, label="Bandwidth in", help_text="average,peak,burst in KiB/s (burst in KiB)."
    )
    outbound = PartField(lines.read_bandwidth, label="Bandwidth out")
    queues = forms.IntegerField(required=False, min_value=1, max_value=256)
    boot_order = forms.IntegerField(required=False, min_value=1, max_value=100)
    alias = forms.RegexField(
        rf"^{USER_ALIAS}[A-Za-z0-9_-]+\Z",
        required=False,
        max_length=60,
        error_messages={"invalid": f"An alias begins with {USER_ALIAS}, followed by letters, digits, _ and -."},
        widget=forms.TextInput(attrs={"placeholder": "chosen by libvirt"}),
    )
    pci = forms.RegexField(
        r"^[0-9a-f]{4}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]\Z",
        label="PCI address",
        required=False,
        error_messages={"invalid": "Enter a PCI address like 0000:00:05.0."},
        widget=forms.TextInput(attrs={"placeholder": "chosen by libvirt"}),
    )
    at_shutdown = forms.BooleanField(label="Delay changes that unplug the NIC until the next boot", required=False)

    def __init__(
        self,
        *args,
        vm: VM,
        user: rights.Actor,
        now: NICSpec | None = None,
        key: str = "",
        initial: dict[str, object] | None = None,
        **options,
    ) -> None:
        """Create the form for a NIC; without `now` for a new one.

        `now` is the NIC as desired or found, and `key` identifies it: its MAC unless given. `initial` are the values of
        the form, those of the NIC unless given.
        """
        self.named: frozenset[str] = frozenset()
        self.vm, self.key = vm, key or (now.mac if now else "")
        desired = vm.nics.keyed(self.key).first() if now else None
        self.leaving = bool(desired and desired.removed_at)
        self.late = bool(desired and desired.at_shutdown and desired.removed_at is None)
        self.whole = now is None or bool(desired and (desired.asked_at or desired.refused) and not desired.asked_fields)
        had = {"link_up": True, **(initial or {})}
        if now:
            self.guest_now = desired.guest_spec() if desired else GuestSpec()
            of_nic = guest_initial(self.guest_now) | initial_of(now) | {"at_shutdown": self.late}
            had = initial or of_nic | {"address": fixed(vm, now)}
        super().__init__(*args, hypervisor=vm.hypervisor, user=user, now=now, initial=had, **options)
        if now:
            del self.fields["mac"]
        if not seed.made_by_portal(vm):  # only guests with an ISO of the portal can be configured
            self.guest_now = None
            for name in GUEST:
                del self.fields[name]
        self.fields["bridge"].label, self.fields["device"].label = "Host bridge", "Host device, by macvtap"

    @property
    def in_view(self) -> list[forms.BoundField]:
        return [self[name] for name in self.IN_VIEW]

    @property
    def folds(self) -> list[Fold]:
        return folds(
            (title, [self[name] for name in names if name in self.fields and self.shows(name)])
            for title, names in self.FOLDS
        )

    def clean_filter_parameters(self) -> tuple[tuple[str, str], ...]:
        pairs = [word.partition("=")[::2] for word in self.cleaned_data["filter_parameters"].split()]
        if not all(name and value for name, value in pairs):
            raise ValidationError("Enter parameters like IP=10.255.0.8 MAC=52:54:00:00:00:08.")
        return tuple(pairs)

    def clean_boot_order(self) -> int | None:
        order = self.cleaned_data["boot_order"]
        if order and domain_xml.names_boot_device(self.vm.status.document):
            raise ValidationError("libvirt accepts this only if <os> of the VM has no boot device. This VM has one.")
        return order

    def clean(self) -> dict:
        data = super().clean()
        if data.get("filter_parameters") and not data.get("filter"):
            self.add_error("filter", "Choose the filter that these parameters are for.")
        if data.get("mtu") and data.get("device"):
            self.add_error("mtu", "macvtap always uses the MTU of its device.")
        if data.get("port_group") and data.get("network") in (None, "", USER):
            self.add_error("port_group", "Only networks have port groups.")
        if not self.errors:
            self._plan_address()
        if not self.errors and "guest" in self.fields:
            self.add_guest_problems(self._attached(), self._others(), self.networks.of(self.wanted))
        return data

    def _attached(self) -> Attached:
        """Return the NIC as it would be after saving, with its reserved address."""
        change, wanted = self.address_change, self.wanted
        reserved = change.reserved.ip if change.reserved else self.cleaned_data["address"]
        network = self.networks.of(wanted)
        return Attached(
            mac=wanted.mac,
            desired=self.desired_guest,
            network=network and network.definition,
            reserved=reserved,
            mtu=wanted.mtu,
        )

    @cached_property
    def _nics(self) -> list[NIC]:
        return list(self.vm.nics.filter(removed_at=None))

    def _others(self) -> dict[str, GuestSpec]:
        """Return the guest settings of the VM's other NICs."""
        return {f"NIC {nic.mac}": nic.guest_spec() for nic in self._nics if nic.mac != self.wanted.mac}

    @property
    def guest_text(self) -> str:
        """Return what the guest will do with the NIC, as text; "" if that does not change."""
        if "guest" not in self.fields:
            return ""
        before = list(seed.attached(self.vm, self._nics))
        index = next((n for n, nic in enumerate(before) if nic.mac == self.wanted.mac), len(before))
        after = words(guest_nics([*before[:index], self._attached(), *before[index + 1 :]])[index])
        same = index < len(before) and after == words(guest_nics(before)[index])
        return "" if same else after

    def _plan_address(self) -> None:
        try:
            typed = self.cleaned_data["address"]
            self.address_change = plan_address(self.networks, self.now, self.wanted, typed, self.user)
        except Conflict as problem:
            for field, reason in problem.errors:
                self.add_error(field, str(reason))

    def save(self) -> str:
        """Save the change, if there is one, and return the MAC; Conflict if the address was taken in the meantime."""
        with transaction.atomic():
            self.address_change.save(self.vm, self.user)
            guest = self.desired_guest if "guest" in self.fields else None
            if self.now is None:
                self.vm.add_nic(self.wanted, guest, self.user)
            elif self.named or self._differs(guest):
                late = self.cleaned_data["at_shutdown"]
                self.vm.change_nic(self.wanted, late, guest, key=self.key, fields=self.named, by=self.user)
        return self.wanted.mac

    def _differs(self, guest: GuestSpec | None) -> bool:
        return (self.wanted, self.cleaned_data["at_shutdown"], guest) != (self.now, self.late, self.guest_now)

    @property
    def asks_nothing(self) -> bool:
        """Return whether everything is saved already; differences in libvirt are ended by a revert."""
        guest = self.desired_guest if "guest" in self.fields else None
        return bool(self.now) and not (self.named or self.address_change.texts or self._differs(guest))

    @property
    def only(self) -> frozenset[str] | None:
        """Return the requested fields; None for a NIC that was not created yet."""
        return None if self.whole else changed_fields(self.wanted, self.now)

    @cached_property
    def networks(self) -> NICNetworks:
        """Return the networks that the NIC is on and moves to."""
        return NICNetworks(self.vm, tuple(filter(None, (self.now, self.wanted))))

    @cached_property
    def wanted(self) -> NICSpec:
        """Return the NIC's specification; a new NIC already has its MAC."""
        data = self.cleaned_data
        now = self.now or NICSpec(kind="", mac=data["mac"] or free_mac())
        names = ("link_up", "model", "port_group", "isolated", "filter", "filter_parameters", "trust_rx_filters")
        names += ("vlan", "mtu", "inbound", "outbound", "queues", "boot_order", "alias", "pci")
        wanted = replace(now, **self.place, **{name: data[name] for name in names})
        return move(self.now, wanted) if self.now else wanted


def initial_of(spec: NICSpec) -> dict[str, object]:
    """Return a NIC as values of the form."""
    plain = ("link_up", "model", "port_group", "isolated", "filter", "trust_rx_filters", "vlan", "mtu", "queues")
    places = {NIC.Kind.NETWORK: "network", NIC.Kind.BRIDGE: "bridge", NIC.Kind.DIRECT: "device"}
    return {
        **{name: getattr(spec, name) for name in (*plain, "boot_order", "alias", "pci")},
        **({places[spec.kind]: spec.source} if spec.kind in places else {}),
        **({"network": USER} if spec.kind == NIC.Kind.USER else {}),
        **({"network": STAYS} if spec.kind not in SOURCES else {}),
        "mode": spec.mode or "bridge",
        "inbound": str(spec.inbound or ""),
        "outbound": str(spec.outbound or ""),
        "filter_parameters": " ".join(f"{name}={value}" for name, value in spec.filter_parameters),
    }
