"""What a guest is to do with a NIC, as fields of forms."""

from ipaddress import ip_address, ip_interface

from django import forms
from django.core.exceptions import ValidationError

from networks.models import Network

from .guest_nic import Attached, GuestSpec, Mode, problems
from .nic_address import static_user

GUEST = ("guest", "guest_addresses", "gateway", "dns", "default_route", "metric")
NO_DNS = "none"
GUEST_FIELDS = {  # of a GuestSpec, and of the card, as the form calls them
    "addresses": "guest_addresses",
    "gateways": "gateway",
    "dns": "dns",
    "default_route": "default_route",
    "mtu": "mtu",
}


class GuestForm(forms.Form):
    guest = forms.ChoiceField(
        label="Guest does",
        required=False,
        choices=[(mode.value, mode.label) for mode in Mode],
        initial=Mode.AUTO,
    )
    guest_addresses = forms.CharField(
        label="Static address",
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"placeholder": "10.0.0.5/24; empty: its fixed one"}),
    )
    gateway = forms.CharField(
        required=False, max_length=100, widget=forms.TextInput(attrs={"placeholder": "its network’s"})
    )
    dns = forms.CharField(
        label="DNS servers",
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"placeholder": "its network’s; “none”"}),
        help_text="With ifupdown a guest asks only those of the NIC that got its lease last, and those typed here.",
    )
    default_route = forms.ChoiceField(
        required=False, choices=(("", "the first NIC that is offered one"), ("yes", "over this NIC"), ("no", "never"))
    )
    metric = forms.IntegerField(
        label="Route metric",
        required=False,
        min_value=0,
        max_value=2**31,
        widget=forms.TextInput(attrs={"placeholder": "none"}),
        help_text="Of its IPv4 default route; the lower comes first.",
    )

    def clean_guest_addresses(self) -> tuple[str, ...]:
        found = []
        for word in self.cleaned_data["guest_addresses"].replace(",", " ").split():
            try:
                if "/" not in word or "%" in word:
                    raise ValueError("no prefix, or a zone, which is the guest's own")
                found.append(str(ip_interface(word)))
            except ValueError as problem:
                raise ValidationError(f"{word} is no address with its prefix, like 10.0.0.5/24.") from problem
        return tuple(found)

    def clean_gateway(self) -> tuple[str, ...]:
        return read_addresses(self.cleaned_data["gateway"])

    def clean_dns(self) -> tuple[str, ...] | str:
        """Servers; none for the network's; NO_DNS."""
        return (
            NO_DNS if self.cleaned_data["dns"].strip().lower() == "none" else read_addresses(self.cleaned_data["dns"])
        )

    def guest_held(self) -> str:
        """What these fields say, while they are folded."""
        mode = self["guest"].value() or Mode.AUTO
        held = [dict(self.fields["guest"].choices).get(mode, mode)]
        return ", ".join(
            held + [f"{self[name].label}: {self[name].value()}" for name in GUEST[1:] if self[name].value()]
        )

    @property
    def guest_wish(self) -> GuestSpec:
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
        """Say at its field why the guest cannot do what is asked of it: its network, or another with its address."""
        for field, problem in problems(nic, others):
            self.add_error(GUEST_FIELDS[field], problem)
        for address in map(ip_interface, nic.wish.addresses if network else ()):
            if user := static_user(network, str(address.ip), nic.mac):
                self.add_error("guest_addresses", f"{address.ip} is {user}.")


def guest_initial(wish: GuestSpec) -> dict[str, object]:
    """What a guest is to do with a NIC as the form's values."""
    return {
        "guest": str(wish.mode),
        "guest_addresses": " ".join(wish.addresses),
        "gateway": " ".join(wish.gateways),
        "dns": " ".join(wish.dns) if wish.use_dns or wish.dns else NO_DNS,
        "default_route": {True: "yes", False: "no"}.get(wish.default_route, ""),
        "metric": wish.metric,
    }


def read_addresses(text: str) -> tuple[str, ...]:
    """IP addresses with spaces or commas between; ValidationError naming the word that is none."""
    found = []
    for word in text.replace(",", " ").split():
        try:
            if "%" in word:
                raise ValueError("a zone is the guest's own")
            found.append(str(ip_address(word)))
        except ValueError as problem:
            raise ValidationError(f"{word} is no IP address.") from problem
    return tuple(found)
