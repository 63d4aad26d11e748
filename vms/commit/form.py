"""The form that makes an image of the boot disk of a VM."""

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied

from networks.definition import rules
from virterweb.hypervisors.desired.one_at_a_time import exclusive
from virterweb.hypervisors.desired.revisions import note_activity
from virterweb.people import creating, pools, rights
from virterweb.people.limits import Exceeded
from virterweb.people.models import Team
from virterweb.people.verbs import Verb
from vms.definition.events import ImageEvent
from vms.images.names import taken
from vms.models import VM, Image, Power


def require_commit(vm: VM, by: rights.Actor) -> None:
    """Raise PermissionDenied unless a user may make an image of a VM: its disk has what only `Verb.SECRETS` shows."""
    rights.require(by, Verb.SECRETS, vm)
    creating.require(by)


def obstacle(vm: VM) -> str:
    """Return why no image can be made of a VM now, as a text; "" if one can."""
    if not vm.status.present:
        return f"libvirt has no VM {vm}."
    if vm.status.saved:
        return f"{vm} has a saved state, so its disk may be incomplete. Start it and shut it down first."
    if vm.status.power != Power.OFF:
        return f"{vm} is not off, so its disk may be incomplete. Shut it down first."
    if not vm.boot_target:
        return f"The disk {vm.boot_volume} is not attached to {vm}. Disks of external snapshots must be merged first."
    return ""


class CommitForm(forms.Form):
    """The name of the image. `team` gets the image."""

    name = forms.CharField(
        label="Image name",
        max_length=100,
        validators=[rules.validate_name, rules.validate_hostname],
    )

    def __init__(self, *args: object, vm: VM, user: rights.Actor, **kwargs: object) -> None:
        super().__init__(*args, initial={"name": vm.name}, **kwargs)
        self.vm, self.user, self.label_suffix = vm, user, ""
        self.team: Team | None = None
        possible = creating.teams(user, vm.hypervisor_id)
        self.only = vm.team or (possible.get() if possible.count() == 1 else None)
        if self.only is None:
            said = "Its members can run VMs from the image, and read what the disk has."
            self.fields["team"] = forms.ModelChoiceField(possible, help_text=said)

    def clean(self) -> dict:
        data, hypervisor = super().clean(), self.vm.hypervisor
        if reason := obstacle(self.vm):
            self.add_error(None, reason)
        if reason := taken(self.user, hypervisor, data.get("name", "")):
            self.add_error("name", reason)
        try:
            chosen = self.only or data.get("team")
            self.team = creating.team_for(self.user, hypervisor, pk=chosen.pk if chosen else None)
        except PermissionDenied as problem:
            self.add_error(None, str(problem))
        if reason := pools.Pools(self.user, self.team and self.team.pk, hypervisor).refusal():
            self.add_error(None, str(reason))
        return data

    def save(self, by: AbstractBaseUser | None) -> Image | None:
        """Add the image, which a worker fills; return None, with errors, if somebody was faster."""
        with exclusive(self.vm.hypervisor):
            self.full_clean()
            if self.errors:
                return None
            values = {"name": self.cleaned_data["name"], "volume": self.vm.boot_volume, "disk_of": self.vm.uuid}
            image = Image(hypervisor=self.vm.hypervisor, owner=by, team=self.team, **values)
            try:
                with image.kept_limits():
                    image.save()
                    note_activity(image, ImageEvent.COMMITTED, by, about={"vm": self.vm.name})
            except Exceeded as problem:
                self.add_error(None, str(problem))
                return None
            return image
