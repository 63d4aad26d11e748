"""Makes an image of a volume of the pool, of an uploaded file, or of a URL; all only if they read no other file."""

import secrets

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.core.files import File
from django.db import transaction
from django.utils import timezone

from networks.definition import rules
from virterweb.hypervisors.desired.one_at_a_time import exclusive
from virterweb.hypervisors.desired.revisions import note_activity
from virterweb.hypervisors.fleet.field import HypervisorField
from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import Message
from virterweb.people import creating, pools, rights
from virterweb.people.hidden.names import sees_all_names, visible_name
from virterweb.people.limits import Exceeded
from virterweb.people.models import Team
from virterweb.people.verbs import Verb
from vms.definition.events import ImageEvent
from vms.models import LOADING, TAG, WORK, Image, Upload, VMStatus, Volume

from . import qcow2
from .fetching import fields, urls
from .names import taken
from .uploading import uploads


class ImageForm(forms.Form):
    """Makes an image of a volume of the pool, of an uploaded file, or of the file at a URL."""

    upload: Upload | None = None  # the resumable upload that the image is made of

    hypervisor = HypervisorField()
    name = forms.CharField(max_length=100, validators=[rules.validate_name, rules.validate_hostname])
    volume = forms.CharField(
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"list": "volumes", "placeholder": "a volume of the pool"}),
        help_text="An existing volume in the pool of the hypervisor. Its contents are copied into a layer, as for "
        "Virter’s images. The volume stays.",
    )
    file = forms.FileField(
        required=False,
        label="or file",
        help_text="qcow2, or raw, which is converted to qcow2. It becomes a layer in the pool.",
    )
    url = forms.CharField(
        required=False,
        label="or URL",
        max_length=urls.LONGEST,
        widget=forms.URLInput(attrs={"placeholder": "https://…/debian-12-genericcloud-amd64.qcow2"}),
        help_text="A worker of the portal fetches the file, by http or https from a public address.",
    )
    checksum = forms.CharField(
        required=False,
        label="SHA-256",
        max_length=100,
        help_text="Of the file at the URL: 64 hexadecimal digits. Empty: that of the list SHA256SUMS beside the "
        "file, if there is one.",
    )

    def __init__(self, *args, user: rights.Actor, **kwargs) -> None:
        """Remove the field of volumes unless the user may create everything on a hypervisor.

        The contents of a volume may be those of anybody. Only operators name one that something uses.
        """
        super().__init__(*args, **kwargs)
        self.label_suffix, self.user = "", user
        self.team: Team | None = None
        creating.prepare(self, user)
        if not rights.access_of(user).allows_somewhere(Verb.CREATE):
            del self.fields["volume"]
            self.fields["file"].label = "File"
        self.fields["hypervisor"].widget.hypervisors = usable = pools.hypervisors(user)
        self.fields["hypervisor"].initial = usable.preselected()

    def clean_file(self) -> File | None:
        file = self.cleaned_data["file"]
        if file is None or isinstance(file, uploads.Arrived):
            return file
        wrong = qcow2.file_problem(file, file.size)
        file.seek(0)
        if wrong:
            raise ValidationError(str(wrong))
        return file

    def clean_url(self) -> str:
        return fields.clean_url(self.cleaned_data["url"])

    def clean_checksum(self) -> str:
        return fields.clean_checksum(self.cleaned_data["checksum"])

    def _chosen_team(self) -> Team | None:
        return creating.team_of(self, self.user)

    def _check_ways(self, data: dict) -> None:
        """Add an error unless exactly one source is given."""
        given = [way for way in ("volume", "file", "url") if data.get(way) or way in self.errors]
        if len(given) != 1:
            ways = "a volume of the pool, a file or a URL" if "volume" in self.fields else "a file or a URL"
            first = "volume" if "volume" in self.fields else "file"
            self.add_error(given[0] if given else first, f"Choose {ways}.")
        if data.get("checksum") and "url" not in given:
            self.add_error("checksum", "The checksum of a file is verified only if it is fetched from a URL.")

    def clean(self) -> dict:
        data = super().clean()
        hypervisor, name = data.get("hypervisor"), data.get("name")
        self._check_ways(data)
        if not hypervisor or not name:
            return data
        if reason := taken(self.user, hypervisor, name, self.upload):
            self.add_error("name", reason)
        allowed = rights.access_of(self.user).allows_on(Verb.CREATE, hypervisor.pk)
        exists = allowed and Volume.objects.of_images(hypervisor).filter(name=data.get("volume")).exists()
        if data.get("volume") and not allowed:
            self.add_error("volume", "Only operators may create images from volumes. Upload a file instead.")
        elif data.get("volume") and not exists:
            self.add_error("volume", str(Message("pool.no_volume", pool=hypervisor.pool, volume=data["volume"])))
        self.team = self._chosen_team()
        if reason := pools.Pools(self.user, self.team and self.team.pk, hypervisor).refusal():
            self.add_error(None, str(reason))
        if data.get("volume", "").startswith(WORK):
            self.add_error("volume", "This is the disk of a VM.")
        elif data.get("volume", "").startswith(LOADING):
            self.add_error("volume", "This is an image that is being loaded.")
        elif data.get("volume") and exists:
            name = data["volume"]
            self._check_use(hypervisor, name)
            self._check_backing(hypervisor, name)
        return data

    def _check_use(self, hypervisor: Hypervisor, name: str) -> None:
        if not rights.is_operator(self.user, hypervisor) and (user := volume_user(hypervisor, name, self.user)):
            self.add_error("volume", f"This volume is {user}. Only operators may make it an image.")

    def _check_backing(self, hypervisor: Hypervisor, name: str) -> None:
        rows = Volume.objects.of_images(hypervisor).values_list("name", "path", "backing", "format")
        backings = {path: backing for _, path, backing, _ in rows}
        backing, kind = next((backing, kind) for volume, _, backing, kind in rows if volume == name)
        if out := qcow2.outside(backing, backings):
            self.add_error("volume", str(Message("file.overlay_outside", path=out, pool=hypervisor.pool)))
        elif kind and kind not in qcow2.FORMATS:
            self.add_error("volume", str(Message("file.format", format=kind)))

    def save(self, by: AbstractBaseUser | None = None) -> Image | None:
        """Add the image; None, with errors at their fields, if somebody was quicker."""
        data = self.cleaned_data
        file = data.get("file")
        arrived = isinstance(file, uploads.Arrived)
        upload = file.key if arrived else secrets.token_hex(16) if file or data.get("url") else ""
        if file and not arrived:
            uploads.keep(upload, file)
        with exclusive(data["hypervisor"]):
            self.full_clean()  # somebody may have been quicker
            values = {"name": data["name"], "volume": data.get("volume") or TAG + data["name"]}
            values |= {"upload": upload, "size": file.size if file else 0}
            values |= {"url": data.get("url", ""), "checksum": data.get("checksum", "")}
            image = Image(hypervisor=data["hypervisor"], owner=by, team=self.team, **values)
            if not self.errors:
                self._add(image, by)
        if self.errors and upload and not arrived:
            uploads.discard(upload)
        return None if self.errors else image

    def _add(self, image: Image, by: AbstractBaseUser | None) -> None:
        """Save the image within the limits of its team; otherwise add the error."""
        try:
            with transaction.atomic():
                Upload.objects.filter(key=image.upload).update(done_at=timezone.now())  # the image counts instead
                with image.kept_limits():
                    image.save()
                    note_activity(image, ImageEvent.ADDED, by)
        except Exceeded as problem:
            self.add_error(None, str(problem))


def volume_user(hypervisor: Hypervisor, name: str, user: rights.Actor = None) -> str:
    """Return that a volume is in use, and by what if the user may see that; "" if nothing uses it."""
    in_use = "in use"
    volumes = Volume.objects.of_images(hypervisor)
    path = volumes.filter(name=name).values_list("path", flat=True).first()
    rows = VMStatus.objects.filter(desired__hypervisor=hypervisor)
    for vm, disks in rows.values_list(visible_name(user, "vm", "desired__"), "disks"):
        # Another pool may show the same folder, and a path may lead there by a link: the name is what stays.
        if any(disk["source"] == path or disk["source"].rpartition("/")[2] == name for disk in disks):
            return f"{in_use} by the VM {vm}" if vm else in_use
    if overlay := path and Volume.objects.on(hypervisor).filter(backing=path).first():
        return f"{in_use} by the volume {overlay}" if sees_all_names(user, hypervisor.pk) else in_use
    if image := Image.objects.on(hypervisor.pk).filter(volume=name).first():
        return f"{in_use} by the image {image}" if rights.may(user, Verb.LIST, image) else in_use
    return ""
