"""Makes the image of an upload that has arrived, as the plain form does."""

from collections.abc import Mapping

from virterweb.hypervisors.desired.one_at_a_time import exclusive
from virterweb.messages import Message
from virterweb.people import rights
from vms.images import qcow2
from vms.images.form import ImageForm
from vms.models import Upload

from . import storage, uploads
from .metadata import values_of

Errors = Mapping[str, list[str]]


def refuse(upload: Upload, reason: Message) -> Errors:
    """Record why the file cannot become an image, and delete what has arrived of it."""
    upload.problem = reason
    Upload.objects.filter(pk=upload.pk).update(problem=reason)
    uploads.discard(upload.key)
    return {"file": [str(reason)]}


def check_head(upload: Upload) -> Errors:
    """Refuse what is no image as soon as its beginning has arrived; return the errors by field."""
    with storage.opened(upload) as data:
        wrong = qcow2.problem(data.read(qcow2.HEAD_SIZE))
    return refuse(upload, wrong) if wrong else {}


def finish(upload: Upload, user: rights.Actor) -> Errors:
    """Make the image of a complete upload; return the errors by field, none if it is made. Repeating it is safe."""
    if not Upload.objects.complete().filter(pk=upload.pk).exists():  # another process was quicker
        return {}
    with storage.opened(upload) as data:
        if wrong := qcow2.file_problem(data, upload.length):
            return refuse(upload, wrong)
        with exclusive(upload.hypervisor):
            if not Upload.objects.complete().select_for_update().filter(pk=upload.pk).values_list("pk").first():
                return {}
            form = _form(upload, user, uploads.Arrived(data, upload))
            if form.is_valid() and form.save(user):
                return {}
    return form.errors


def remaining_problem(upload: Upload, user: rights.Actor) -> str:
    """Return why a complete upload is no image yet, as it is now; "" if nothing prevents it."""
    with storage.opened(upload) as data:
        errors = _form(upload, user, uploads.Arrived(data, upload)).errors
    return " ".join(each for texts in errors.values() for each in texts)


def _form(upload: Upload, user: rights.Actor, file: uploads.Arrived) -> ImageForm:
    return ImageForm(values_of(upload.metadata), {"file": file}, user=user)


def finish_all() -> None:
    """Make the images of uploads whose process ended before, or that something prevented."""
    for upload in Upload.objects.complete().filter(owner__is_active=True).select_related("owner", "hypervisor"):
        storage.recover(upload)
        if upload.is_complete:
            finish(upload, upload.owner)
