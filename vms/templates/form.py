"""The form of a template: the one that runs VMs, with the name of the template, without what only one VM can have."""

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.http import QueryDict

from virterweb.hypervisors.desired.one_at_a_time import exclusive
from virterweb.hypervisors.models import Hypervisor
from virterweb.people.hidden.names import name_in_use
from virterweb.people.models import Team
from vms.models import VMTemplate
from vms.run import similar
from vms.run.form import RunForm

OF_ONE_VM = ("number", "count", "name", "vnc_port", "ends_at")
ANY_ID = 2  # in place of the ID, which each VM of a template gets when it is run


class TemplateForm(RunForm):
    template = forms.CharField(
        label="Name of the template",
        max_length=50,
        validators=VMTemplate._meta.get_field("name").validators,
        help_text="VMs that are run from it are named NAME-ID.",
    )

    def __init__(self, data: QueryDict | None = None, *args, stored: VMTemplate, **kwargs) -> None:
        """Create the form; `stored` is what it saves: a new template, or one whose hypervisor and team stay."""
        super().__init__(data, *args, **kwargs)
        self.stored, self.has_ends = stored, False
        for name in OF_ONE_VM + (("team",) if stored.pk else ()):
            self.fields.pop(name, None)
        if stored.pk:
            self.fields["hypervisor"].queryset = Hypervisor.objects.filter(pk=stored.hypervisor_id)

    def _fill_in_number(self, host: Hypervisor) -> None:
        """Do nothing: a template has no ID."""

    def clean_template(self) -> str:
        name, host = self.cleaned_data["template"], self.cleaned_data.get("hypervisor")
        others = VMTemplate.objects.exclude(pk=self.stored.pk).select_related("hypervisor")
        if host and (there := others.on(host).filter(name=name).first()):
            raise ValidationError(name_in_use(self.user, "a template", there, host))
        return name

    def clean(self) -> dict:
        data = super().clean()
        for row in self.nics:
            if row.is_valid() and row.cleaned_data["mac"]:
                row.add_error("mac", "VMs of a template cannot share a MAC. Leave it empty.")
            if row.is_valid() and row.desired_guest.addresses:
                row.add_error("guest_addresses", "VMs of a template cannot share an address. Leave it empty.")
        return data

    def _team(self) -> Team | None:
        return self.stored.team if self.stored.pk else super()._team()

    def store(self, by: AbstractBaseUser | None) -> bool:
        """Save the template; return False, with errors, if a value was just taken."""
        with exclusive(self.cleaned_data["hypervisor"]):
            if not self._still_valid():
                return False
            self.stored.hypervisor, self.stored.team = self.cleaned_data["hypervisor"], self.team
            self.stored.name, self.stored.fields = self.cleaned_data["template"], self._values()
            self.stored.store(by)
        return True

    def _values(self) -> dict[str, object]:
        vm = self._vm(ANY_ID, self.cleaned_data["template"], None)
        return similar.values_of(vm, list(self._nics(vm))[1:], [row.wanted for row in self.disks])
