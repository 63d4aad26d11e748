"""The form field that chooses a hypervisor: a list of all, or with many of them a list that a search fills."""

from django import forms
from django.core.exceptions import ValidationError

from virterweb.hypervisors.models import Hypervisor, HypervisorQuerySet

OFFERED = 50  # hypervisors in a list of choices


def offered(hypervisors: HypervisorQuerySet, text: str = "") -> HypervisorQuerySet:
    """Return the first hypervisors, with a text in their name, and one more if there are more."""
    found = hypervisors.filter(name__icontains=text.replace("\0", "")) if text else hypervisors
    return found.only("name")[: OFFERED + 1]


class HypervisorSelect(forms.Select):
    """A list of hypervisors; if there are more than it offers, with a search for the others."""

    template_name = "pages/forms/_hypervisor_select.html"
    hypervisors: HypervisorQuerySet  # set by the field

    def use_required_attribute(self, initial: object) -> bool:
        """Return False: a list that always has a value needs no check, for which all hypervisors would be read."""
        return False

    def get_context(self, name: str, value: object, attrs: dict | None) -> dict:
        rows = {str(one.pk): one.name for one in offered(self.hypervisors)}
        large = len(rows) > OFFERED
        chosen = str(getattr(value, "pk", value) or "")
        if large and chosen not in rows and chosen.isdecimal() and len(chosen) < 19:
            rows = dict(self.hypervisors.filter(pk=chosen).values_list("pk", "name")) | rows
        self.choices = list(rows.items())[:OFFERED]
        return super().get_context(name, chosen, attrs) | {"large": large}


class HypervisorField(forms.ModelChoiceField):
    widget = HypervisorSelect

    def __init__(self, **options: object) -> None:
        super().__init__(Hypervisor.objects.all(), empty_label=None, **options)

    def _set_queryset(self, hypervisors: HypervisorQuerySet) -> None:
        """Set the hypervisors that can be chosen, which the list shows a few of."""
        forms.ModelChoiceField.queryset.fset(self, hypervisors)
        self.widget.hypervisors = hypervisors

    def to_python(self, value: object) -> Hypervisor | None:
        """Return the hypervisor with a plain number: other spellings are no choice of the rest of the form."""
        text = str(getattr(value, "pk", value) or "")
        if text and not (text.isdecimal() and len(text) < 19):
            raise ValidationError(self.error_messages["invalid_choice"], code="invalid_choice", params={"value": value})
        return super().to_python(value)

    queryset = property(forms.ModelChoiceField.queryset.fget, _set_queryset)
