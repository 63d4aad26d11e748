"""The guest's configuration of a NIC, as fields of forms."""

from ipaddress import ip_address, ip_interface

from django import forms
from django.core.exceptions import ValidationError

from networks.models import Network
from vms.addresses.reserved_address import static_user
from vms.definition.guest_nic import Attached, GuestSpec, Mode, problems

GUEST = ("guest", "guest_addresses", "gateway", "dns", "default_route", "metric")
NO_DNS = "none"
GUEST_FIELDS = {  # form fields by the fields of GuestSpec and of the NIC
    "addresses": "guest_addresses",
    "gateways": "gateway",
    "dns": "dns",
    "default_route": "default_route",
    "mtu": "mtu",
}


class GuestForm(forms.Form):
    guest = forms.ChoiceField(
        label="Configuration",
        required=False,
        choices=[(mode.value, mode.label) for mode in Mode],
        initial=Mode.AUTO,
    )
    guest_addresses = forms.CharField(
        label="Static address",
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"placeholder": "10.0.0.5/24; empty: the reserved address"}),
    )
    gateway = forms.CharField(
        required=False, max_length=100, widget=forms.TextInput(attrs={"placeholder": "as its network offers"})
    )
    dns = forms.CharField(
        label="DNS servers",
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"placeholder": "as its network offers; “none”"}),
        help_text="A guest with ifupdown uses only the servers of the NIC that got its lease last, and those entered "
        "here.",
    )
    default_route = forms.ChoiceField(
        required=False, choices=(("", "the first NIC that gets one"), ("yes", "through this NIC"), ("no", "never"))
    )
    metric = forms.IntegerField(
        label="Route metric",
        required=False,
        min_value=0,
        max_value=2**31,
        widget=forms.TextInput(attrs={"placeholder": "none"}),
        help_text="Metric of its IPv4 default route. The lowest metric has priority.",
    )

    def clean_guest_addresses(self) -> tuple[str, ...]:
        found = []
        for word in self.cleaned_data["guest_addresses"].replace(",", " ").split():
            try:
                interface = ip_interface(word)
            except ValueError:
                interface = None
            if interface is None or "/" not in word or "%" in word:  # a zone, which only the guest knows
                raise ValidationError(f"{word} is not an address with its prefix, for example 10.0.0.5/24.")
            found.append(str(interface))
        return tuple(found)

    def clean_gateway(self) -> tuple[str, ...]:
        return read_addresses(self.cleaned_data["gateway"])

    def clean_dns(self) -> tuple[str, ...] | str:
        """Return the servers; none for the network's; NO_DNS."""
        return (
            NO_DNS if self.cleaned_data["dns"].strip().lower() == "none" else read_addresses(self.cleaned_data["dns"])
        )

    @property
    def desired_guest(self) -> GuestSpec:
        data = self.cleaned_data
        return GuestSpec(
            mode=Mode(data["guest"] or Mode.AUTO),
            addresses=data["guest_addresses"],
            gateways=data["gateway"],
            dns=() if data["dns"] == NO_DNS else data["dns"],
            use_dns=data["dns"] == (),
            default_route={"yes": True, "no": False}.get(data["default_route"]),
            metric=data["metric"],
        )

    def add_guest_problems(self, nic: Attached, others: dict[str, GuestSpec], network: Network | None) -> None:
        """Add errors to fields that the guest cannot follow: its network, or an address of another."""
        for field, problem in problems(nic, others):
            self.add_error(GUEST_FIELDS[field], problem)
        for address in map(ip_interface, nic.desired.addresses if network else ()):
            if user := static_user(network, str(address.ip), nic.mac, self.user):
                self.add_error("guest_addresses", str(user))


def guest_initial(desired: GuestSpec) -> dict[str, object]:
    """Return the guest's configuration of a NIC as values of the form."""
    return {
        "guest": str(desired.mode),
        "guest_addresses": " ".join(desired.addresses),
        "gateway": " ".join(desired.gateways),
        "dns": " ".join(desired.dns) if desired.use_dns or desired.dns else NO_DNS,
        "default_route": {True: "yes", False: "no"}.get(desired.default_route, ""),
        "metric": desired.metric,
    }


def read_addresses(text: str) -> tuple[str, ...]:
    """Return IP addresses separated by spaces or commas; ValidationError with the first invalid word."""
    found = []
    for word in text.replace(",", " ").split():
        try:
            ip = ip_address(word)
        except ValueError:
            ip = None
        if ip is None or "%" in word:  # a zone, which only the guest knows
            raise ValidationError(f"{word} is not an IP address.")
        found.append(str(ip))
    return tuple(found)
