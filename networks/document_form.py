"""The XML of a network as a form: for the XML view, and for the Django admin."""

from dataclasses import replace

from django import forms
from django.core.exceptions import ValidationError

from . import check_xml
from .blocks import taken_blocks
from .compare_xml import pretty
from .edit_xml import build, edit
from .models import Network
from .network_xml import NetworkSpec, parse
from .rules import find_overlap


class DocumentForm(forms.Form):
    """The whole document, with host entries. `problems` has what is wrong, each with its line."""

    document = forms.CharField(
        label="XML", strip=False, max_length=2_000_000, widget=forms.Textarea(attrs={"rows": 30, "spellcheck": "false"})
    )

    def __init__(self, *args, network: Network, **kwargs) -> None:
        super().__init__(*args, initial={"document": pretty(network.full_document)}, **kwargs)
        self.network, self.label_suffix = network, ""
        self.problems: list[check_xml.Problem] = []

    def clean_document(self) -> str:
        text = self.cleaned_data["document"]
        self.problems = check(text, self.network)
        if self.problems:
            raise ValidationError([str(problem) for problem in self.problems])
        return text


class NetworkDocumentForm(forms.ModelForm):
    """In the admin: the document without host entries, which stand below it as rows. Empty, it is made."""

    class Meta:
        model = Network
        fields = ("hypervisor", "name", "document", "active", "autostart", "on_drift", "owner")
        widgets = {"document": forms.Textarea(attrs={"rows": 30, "cols": 110})}

    def clean(self) -> dict:
        data = super().clean()
        network = self.instance
        network.name = data.get("name", network.name)
        if not network.pk:
            network.hypervisor = data.get("hypervisor")
        if not network.name or not network.hypervisor_id or "document" in self.errors:
            return data
        if not data.get("document", "").strip():
            data["document"] = build(NetworkSpec(name=network.name, uuid=network.uuid_text))
        problems = [str(problem) for problem in check(data["document"], network)]
        if not problems and parse(data["document"]).hosts:
            problems = ["Host entries stand below, as rows."]
        if problems:
            self.add_error("document", problems)
        else:
            data["document"] = edit(data["document"], replace(parse(data["document"]), uuid=network.uuid_text))
        return data


def check(text: str, network: Network) -> list[check_xml.Problem]:
    """What is wrong with a document for this network, blocks of others on its hypervisor included."""
    found = check_xml.problems(text, network.name, network.uuid_text)
    if not found:
        taken = taken_blocks(network.hypervisor, network)
        overlaps = (find_overlap(subnet.interface.network, taken) for subnet in parse(text).subnets)
        found = [check_xml.Problem(line=0, text=overlap) for overlap in overlaps if overlap]
    return found
