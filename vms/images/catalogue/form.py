"""The form of an entry of the catalogue, which the admin shows."""

from django import forms

from vms.images.fetching.fields import clean_checksum, clean_url
from vms.models import CatalogueEntry


class CatalogueEntryForm(forms.ModelForm):
    class Meta:
        model = CatalogueEntry
        fields = ("name", "url", "checksum", "note")

    def clean_url(self) -> str:
        return clean_url(self.cleaned_data["url"])

    def clean_checksum(self) -> str:
        return clean_checksum(self.cleaned_data["checksum"])
