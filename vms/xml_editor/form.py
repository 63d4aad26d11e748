"""The XML of a VM as a form."""

import hashlib
from functools import cached_property

from django import forms
from django.core.exceptions import ValidationError

from virterweb.pages.xml_check import Problem
from virterweb.pages.xml_lines import line_differences, pretty
from vms.definition import domain as domain_xml
from vms.definition.saved import Difference, Saved, SavedNIC, differences
from vms.models import VM

from .check import problems

LONGEST = 2_000_000  # characters


class DomainForm(forms.Form):
    """The whole document that libvirt stores. `problems` are its errors, each with its line."""

    document = forms.CharField(
        label="XML", strip=False, max_length=LONGEST, widget=forms.Textarea(attrs={"rows": 30, "spellcheck": "false"})
    )

    def __init__(self, data: dict | None = None, *, vm: VM) -> None:
        self.vm, self.before = vm, pretty(vm.status.definition)
        super().__init__(data, initial={"document": self.before}, label_suffix="")
        self.problems: list[Problem] = []

    def clean_document(self) -> str:
        text = self.cleaned_data["document"].replace("\r\n", "\n")
        self.problems = problems(text, self.before, self.vm.name, self.vm.uuid_text)
        if self.problems:
            raise ValidationError([str(problem) for problem in self.problems])
        return text

    @property
    def base(self) -> str:
        """Return what identifies the definition that the form was opened with."""
        return hashlib.sha256(self.before.encode()).hexdigest()[:16]

    @property
    def token(self) -> str:
        """Return what identifies a checked document and the definition that it replaces."""
        return hashlib.sha256((self.base + self.cleaned_data["document"]).encode()).hexdigest()[:32]

    @cached_property
    def lines(self) -> list[str]:
        return line_differences(self.before, pretty(self.cleaned_data["document"]))

    @cached_property
    def fields_changed(self) -> tuple[Difference, ...]:
        """Return the changes of what the portal shows as fields: memory, vCPUs, disks and NICs."""
        return differences(_saved(self.cleaned_data["document"]), _saved(self.before))


def _saved(document: str) -> Saved:
    nics = domain_xml.parse(document).nics
    return Saved(document=document, nics=tuple(SavedNIC(spec=nic.spec, place=nic.place) for nic in nics))
