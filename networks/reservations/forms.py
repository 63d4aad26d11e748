"""Forms for DHCP reservations: a single one, and many as pasted text."""

from collections.abc import Callable, Iterable
from functools import cached_property

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError

from networks.definition import addressing, lines
from networks.definition.spec import HostSpec, lease_text
from virterweb.messages import Message
from virterweb.pages.forms.folds import Fold, fold

from .proposals import leased_to_another, unreserved
from .reservations import Conflict, Known, conflicts, reserve

MAX_PASTE_LENGTH = 2_000_000  # characters: about 40 000 entries


class LineField(forms.CharField):
    """A part of a reservation, read as in a line of text; a ValueError becomes the error of the field."""

    def __init__(self, read: Callable[[str], object], **options: object) -> None:
        super().__init__(**options)
        self.read = read

    def clean(self, value: object) -> object:
        text = super().clean(value)
        try:
            return self.read(text) if text else text
        except ValueError as problem:
            raise ValidationError(str(problem)) from problem


class HostEntryForm(forms.Form):
    """One reservation of a network; `was` is the one that is edited."""

    mac = LineField(addressing.parse_mac, label="MAC", required=False, max_length=20)
    ip = LineField(lines.address, label="IP")
    name = LineField(
        lines.dns_name,
        required=False,
        max_length=300,
        help_text="The DNS of the network answers it while the guest is up.",
    )
    duid = LineField(lines.duid, label="DUID", required=False, max_length=400, help_text="Identifies an IPv6 guest.")
    lease = LineField(
        lines.lease,
        label="Lease time",
        required=False,
        max_length=20,
        help_text="For example 12h, 30m or infinite. Empty: the default.",
    )
    anyway = forms.BooleanField(label="Reserve it anyway", required=False)

    def __init__(self, *args, known: Known, was: HostSpec | None = None, **options) -> None:
        super().__init__(*args, **options)
        self.known, self.network, self.was, self.warning = known, known.network, was, Message()
        if was and not self.is_bound:
            self.initial = self.of(was) | self.initial
        self.fields["mac"].widget.attrs["list"] = "macs"
        if not self.network.definition.dns:
            self.fields["name"].help_text = "DNS of the network is off, so other guests cannot look it up."

    @staticmethod
    def of(host: HostSpec) -> dict[str, str]:
        """Return an entry as values of the form."""
        return {"mac": host.mac, "duid": host.duid, "ip": host.ip, "name": host.name, "lease": lease_text(host.lease)}

    @property
    def more(self) -> Fold:
        return fold("More", [self["duid"], self["lease"]])

    @cached_property
    def nics(self) -> list:
        """Return NICs without an entry, to choose from."""
        return unreserved(self.known)

    def clean(self) -> dict:
        data = super().clean()
        if self.errors:
            return data
        for field, reason in self._against(data):
            self.add_error(field, str(reason))
        if not self.errors and not data["anyway"]:
            self.warning = leased_to_another(self.network, self.host, self.known.user)
            if self.warning:
                self.add_error("ip", str(self.warning))
        return data

    def _against(self, data: dict) -> Iterable[tuple[str, Message]]:
        six = ":" in data["ip"]
        if six and data["mac"]:
            return [("mac", Message("reservation.mac_of_ipv6"))]
        if data["duid"] and not six:
            return [("duid", Message("reservation.duid_of_ipv4"))]
        if not (data["mac"] or data["duid"] or data["name"]):
            return [("mac", Message("reservation.no_guest"))]
        return conflicts(self.known, self.host, self.was.ip if self.was else "")

    @property
    def host(self) -> HostSpec:
        data = self.cleaned_data
        lease = data["lease"] if data["lease"] != "" else None
        return HostSpec(mac=data["mac"], duid=data["duid"], ip=data["ip"], name=data["name"], lease=lease)

    def save(self, by: AbstractBaseUser | None = None) -> bool:
        """Request the reservation; return False, with errors at their fields, if it conflicts with others."""
        host, was = self.host, self.was
        if was == host:
            return True
        try:
            reserve(self.network, [host], by, was=was.ip if was else "")
        except Conflict as conflict:
            for field, reason in conflict.errors:
                self.add_error(field, str(reason))
            return False
        return True


class PasteForm(forms.Form):
    """Many reservations as text."""

    text = forms.CharField(
        label="DHCP reservations",
        max_length=MAX_PASTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "false"}),
        strip=False,
        error_messages={"required": "Paste at least one line."},
    )


class IDsForm(forms.Form):
    """Virter’s `network host add/rm --id --count`."""

    id = forms.IntegerField(label="First ID", min_value=1, max_value=2**24 - 1)
    count = forms.IntegerField(label="Count", min_value=1, max_value=2**16, initial=1)
