"""The XML of a network as a form, for the XML view."""

from django import forms
from django.core.exceptions import ValidationError

from networks.addresses.blocks import find_overlap, of_others, taken_blocks
from networks.definition.document.compare import pretty
from networks.definition.document.parse import parse, read
from networks.models import Network
from virterweb.messages import Message
from virterweb.pages import xml_check
from virterweb.people import rights

from . import check as check_xml


class DocumentForm(forms.Form):
    """The whole document, with DHCP reservations. `problems` are its errors, each with its line."""

    document = forms.CharField(
        label="XML", strip=False, max_length=2_000_000, widget=forms.Textarea(attrs={"rows": 30, "spellcheck": "false"})
    )

    def __init__(self, *args, network: Network, user: rights.Actor = None, **kwargs) -> None:
        self.before = network.full_document
        super().__init__(*args, initial={"document": pretty(self.before)}, **kwargs)
        self.network, self.user, self.label_suffix = network, user, ""
        self.problems: list[xml_check.Problem] = []

    def clean_document(self) -> str:
        text = self.cleaned_data["document"]
        self.problems = check(text, self.network, self.before, self.user)
        if self.problems:
            raise ValidationError([str(problem) for problem in self.problems])
        return text


def check(text: str, network: Network, before: str, user: rights.Actor = None) -> list[xml_check.Problem]:
    """Return the problems of a document for this network, including blocks of others on its hypervisor.

    What is so in its document `before`, "" without one, is not said again.
    """
    found = check_xml.problems(text, network.name, network.uuid_text, before)
    if found:
        return found
    found = [*xml_check.hidden(read(text), read(before) if before else None)]
    known = {subnet.interface.network for subnet in parse(before).subnets} if before else set()
    taken = of_others(taken_blocks(network.hypervisor, user), network)
    for subnet in parse(text).subnets:
        block = subnet.interface.network
        if block not in known and (other := find_overlap(block, taken)):
            code, about = ("xml.overlap", {"other": other.message}) if other.holder else ("xml.block_taken", {})
            found.append(xml_check.Problem(line=0, message=Message(code, block=block, **about)))
    return found
