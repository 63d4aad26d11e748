"""The forms that take snapshots: of one VM, and of many."""

from django import forms
from django.utils import timezone

from vms.definition.snapshots import document as snapshot_xml
from vms.definition.snapshots.document import Kind
from vms.models import VM, Power


class ManyForm(forms.Form):
    """Name, description, and what is saved where."""

    name = forms.CharField(
        label="Name", max_length=snapshot_xml.MAX_NAME, strip=True, help_text="for example before-upgrade"
    )
    description = forms.CharField(label="Description", required=False, widget=forms.Textarea(attrs={"rows": 2}))
    memory = forms.BooleanField(
        label="Include memory",
        required=False,
        help_text="Reverting continues from there. The guest pauses while its memory is saved.",
    )
    kind = forms.ChoiceField(
        label="Place",
        required=False,
        choices=(("", "In the disks if possible"), (Kind.EXTERNAL.value, "In external files")),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        name = f"snapshot-{timezone.localtime():%Y-%m-%d-%H%M%S}"
        kwargs.setdefault("initial", {"name": name, "memory": True})
        super().__init__(*args, **kwargs)
        self.label_suffix = ""

    def clean_name(self) -> str:
        name = self.cleaned_data["name"]
        if problem := snapshot_xml.name_problem(name):
            raise forms.ValidationError(str(problem))
        return name

    def clean_description(self) -> str:
        description = self.cleaned_data["description"].replace("\r\n", "\n")
        if problem := snapshot_xml.description_problem(description):
            raise forms.ValidationError(str(problem))
        return description

    @property
    def about(self) -> dict[str, object]:
        """Return the parameters of the request."""
        data = self.cleaned_data
        external = data["kind"] == Kind.EXTERNAL
        return {"description": data["description"], "memory": data.get("memory", False), "external": external}


class TakeForm(ManyForm):
    """The same for one VM, which may be off and may have a snapshot of that name."""

    def __init__(self, *args: object, vm: VM, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.vm = vm
        if vm.status.power == Power.OFF:
            del self.fields["memory"]
        self.fields["kind"].help_text = " ".join(_reasons(vm))

    def clean_name(self) -> str:
        name = super().clean_name()
        if self.vm.snapshots.filter(name=name).exists():
            raise forms.ValidationError(f"{self.vm} already has a snapshot {name}. Choose another name.")
        return name


def _reasons(vm: VM) -> list[str]:
    """Return why the snapshot would be external; of a running VM, with its memory and without."""
    if not vm.status.document:
        return []
    running = vm.status.power != Power.OFF
    always = snapshot_xml.why_external(vm.status.document, running=running, memory=running)
    if always:
        return [f"Only external files are possible. {always}"]
    return ["Without memory, external files are used: the disks of a running VM can only be saved there."] * running
