"""Names a volume of the pool as an image, or uploads a file to be one; both only if they read no other file."""

import secrets
from functools import partial

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files import File
from django.db import transaction

from networks import rules
from virterweb.hypervisors.models import Hypervisor

from . import qcow2, tasks
from .models import WORK, Image, Volume


class ImageForm(forms.Form):
    """Names a volume of the pool as an image, or uploads a file to be one."""

    hypervisor = forms.ModelChoiceField(Hypervisor.objects.all(), empty_label=None)
    name = forms.CharField(max_length=100, validators=[rules.validate_name, rules.validate_hostname])
    volume = forms.CharField(
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"list": "volumes", "placeholder": "a volume of the pool"}),
        help_text="A volume that exists in the hypervisor’s pool.",
    )
    file = forms.FileField(
        required=False, label="or file", help_text="qcow2 or raw; streamed into the pool as a new volume."
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""

    def clean_file(self) -> File | None:
        file = self.cleaned_data["file"]
        if file is None:
            return None
        file.seek(0)
        wrong = qcow2.problem(file.read(qcow2.ENOUGH), file.size)
        file.seek(0)
        if wrong:
            raise ValidationError(wrong)
        return file

    def clean(self) -> dict:
        data = super().clean()
        hypervisor, name = data.get("hypervisor"), data.get("name")
        if bool(data.get("volume")) == bool(data.get("file")) and "file" not in self.errors:
            self.add_error("volume", "Name a volume of the pool, or choose a file; one of both.")
        if not hypervisor or not name:
            return data
        if hypervisor.images.filter(name=name).exists():
            self.add_error("name", f"There is an image {name} on {hypervisor} already.")
        exists = hypervisor.volumes.filter(name=data.get("volume") or name).exists()
        if data.get("volume") and not exists:
            self.add_error("volume", f"The pool {hypervisor.pool} has no volume {data['volume']}.")
        if data.get("file") and exists:
            self.add_error(
                "name", f"The pool {hypervisor.pool} has a volume {name} already; name that, or rename this."
            )
        if data.get("volume", "").startswith(WORK):
            self.add_error("volume", "This is the disk of a VM.")
        elif data.get("volume") and exists:
            self._check_backing(hypervisor, data["volume"])
        return data

    def _check_backing(self, hypervisor: Hypervisor, name: str) -> None:
        rows = Volume.objects.filter(hypervisor=hypervisor).values_list("name", "path", "backing", "format")
        backings = {path: backing for _, path, backing, _ in rows}
        backing, kind = next((backing, kind) for volume, _, backing, kind in rows if volume == name)
        if out := qcow2.outside(backing, backings):
            self.add_error("volume", qcow2.refused_backing(out, hypervisor.pool))
        elif kind and kind not in qcow2.FORMATS:
            self.add_error("volume", f"This is a {kind} file. {qcow2.CONVERT}.")

    def save(self) -> Image:
        data = self.cleaned_data
        file = data.get("file")
        upload = secrets.token_hex(16) if file else ""
        if file:
            with (settings.SPOOL_DIR / upload).open("wb") as spool:
                for chunk in file.chunks():
                    spool.write(chunk)
        with transaction.atomic():
            image = Image.objects.create(
                hypervisor=data["hypervisor"],
                name=data["name"],
                volume=data.get("volume") or data["name"],
                upload=upload,
                size=file.size if file else 0,
            )
            transaction.on_commit(partial(tasks.push_image.delay, image.pk), robust=True)
        return image
