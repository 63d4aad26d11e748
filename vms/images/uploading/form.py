"""Begins a resumable upload: the form of images without the file, which arrives later."""

from collections.abc import Mapping

from django.conf import settings
from django.db.models import Sum

from virterweb.hypervisors.desired.one_at_a_time import exclusive
from virterweb.pages.sizes import size_text
from virterweb.people import limits
from vms.images.form import ImageForm
from vms.models import Upload

MOST = 10  # unfinished uploads of a user


class UploadForm(ImageForm):
    """Checks what is known before a file arrives: its size, the name of the image, rights and limits."""

    def __init__(self, values: Mapping[str, str], *, length: int, **kwargs: object) -> None:
        super().__init__(values, **kwargs)
        self.length = length
        for name in ("volume", "file", "url", "checksum"):
            self.fields.pop(name, None)

    def _check_ways(self, data: dict) -> None:
        if not self.length:
            self.add_error(None, "The submitted file is empty.")
        if self.data.get("volume") or self.data.get("url"):
            self.add_error(None, "Choose a file or another source, not both.")
        elif self.data.get("checksum"):
            self.add_error(None, "The checksum of a file is verified only if it is fetched from a URL.")

    def clean(self) -> dict:
        data = super().clean()
        mine = Upload.objects.filter(owner=self.user.pk).unfinished()
        together = (mine.aggregate(bytes=Sum("length"))["bytes"] or 0) + self.length
        if mine.count() >= MOST:
            self.add_error(None, f"You have {MOST} unfinished uploads. Resume or discard one of them first.")
        elif together > settings.MAX_UPLOAD_SIZE:
            most = size_text(settings.MAX_UPLOAD_SIZE)
            self.add_error(None, f"Your unfinished uploads would have more than {most}. Discard one of them first.")
        return data

    def save(self, metadata: str, file_name: str) -> Upload | None:
        """Add the upload within the limits of the team; None, with errors, if somebody was quicker."""
        hypervisor = self.cleaned_data["hypervisor"]
        with exclusive(hypervisor):
            limits.lock_user(self.user)  # who may begin another upload on another hypervisor
            self.full_clean()
            if self.errors:
                return None
            values = {"hypervisor": hypervisor, "team": self.team, "name": self.cleaned_data["name"]}
            values |= {"metadata": metadata, "file_name": file_name, "length": self.length}
            try:
                with limits.kept(self.team and self.team.pk, hypervisor.pk):
                    return Upload.objects.create(owner_id=self.user.pk, **values)
            except limits.Exceeded as problem:
                self.add_error(None, str(problem))
        return None
