"""The form that requests a capture of packets."""

from django import forms

from virterweb.pages.characters import hidden_in

from .requests import Limits

MIB = 1024**2


class CaptureForm(forms.Form):
    filter = forms.CharField(
        max_length=1000,
        required=False,
        label="Filter",
        help_text="As in tcpdump, for example “arp or port 67”. Empty: all packets.",
    )
    seconds = forms.IntegerField(min_value=1, max_value=600, initial=60, help_text="Up to 600 seconds.")
    packets = forms.IntegerField(min_value=1, max_value=100_000, initial=10_000, help_text="Up to 100,000 packets.")
    size = forms.IntegerField(min_value=1, max_value=64, initial=10, label="Size in MiB", help_text="Up to 64 MiB.")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, label_suffix="", **kwargs)

    def clean_filter(self) -> str:
        if problem := hidden_in(self.cleaned_data["filter"]):
            raise forms.ValidationError(f"Enter visible characters only ({problem}).")
        return self.cleaned_data["filter"]

    @property
    def limits(self) -> Limits:
        data = self.cleaned_data
        return Limits(seconds=data["seconds"], packets=data["packets"], size=data["size"] * MIB)
