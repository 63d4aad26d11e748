"""Makes the image of an upload that has arrived, as the plain form does.

It is made for the team that the upload was begun for, with the rights that its owner has then: an upload may take days.
"""

from collections.abc import Mapping

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser

from virterweb.hypervisors.desired.one_at_a_time import exclusive
from virterweb.messages import Message
from virterweb.people import creating, limits, pools, rights
from virterweb.people.models import Team
from vms.images import qcow2
from vms.images.form import ImageForm
from vms.models import Upload

from . import storage, uploads

Errors = Mapping[str, list[str]]


class ArrivedForm(ImageForm):
    """The form of images with what an upload was begun with; only its file is a source."""

    def __init__(self, upload: Upload, user: rights.Actor) -> None:
        values = {"hypervisor": upload.hypervisor_id, "name": upload.name}
        super().__init__(values, {"file": uploads.Arrived(upload)}, user=user)
        self.upload = upload
        for name in ("team", "volume", "url", "checksum"):
            self.fields.pop(name, None)

    def _chosen_team(self) -> Team | None:
        return self.upload.team


def refuse(upload: Upload, reason: Message, field: str = "file") -> Errors:
    """Record why the file cannot become an image, and delete what has arrived of it."""
    upload.problem = reason
    if Upload.objects.expected().filter(pk=upload.pk).update(problem=reason):
        uploads.discard(upload.key)
    return {field: [str(reason)]}


def refusal(upload: Upload, user: AbstractBaseUser) -> Message:
    """Return why a user may not create the image of an upload; an empty message if the user may."""
    if not user.is_active:
        return Message("upload.inactive", user=user)
    if not creating.is_possible(user, upload.team_id, upload.hypervisor_id):
        return Message("upload.forbidden", hypervisor=upload.hypervisor)
    return pools.Pools(user, upload.team_id, upload.hypervisor).refusal()


def check_head(upload: Upload) -> Errors:
    """Refuse what is no image as soon as its beginning has arrived; return the errors by field."""
    with storage.opened(upload) as data:
        wrong = qcow2.problem(data.read(qcow2.HEAD_SIZE))
    return refuse(upload, wrong) if wrong else {}


def finish(upload: Upload) -> Errors:
    """Make the image of a complete upload; return the errors by field, none if it is made. Repeating it is safe.

    An upload is refused for ever if its owner may not create its image. Other obstacles may pass: it waits.
    """
    if not Upload.objects.complete().filter(pk=upload.pk).exists():  # another process was quicker
        return {}
    with storage.opened(upload) as data:
        if wrong := qcow2.file_problem(data, upload.length):
            return refuse(upload, wrong)
    with exclusive(upload.hypervisor):
        if not Upload.objects.complete().select_for_update().filter(pk=upload.pk).values_list("pk").first():
            return {}
        owner = get_user_model().objects.get(pk=upload.owner_id)  # as it is now, with its rights
        reason, form = refusal(upload, owner), ArrivedForm(upload, owner)
        if not reason and form.is_valid() and form.save(owner):
            return {}
    return refuse(upload, reason, "__all__") if reason else form.errors


def remaining_problem(upload: Upload, user: AbstractBaseUser) -> str:
    """Return why a complete upload is no image yet, as it is now; "" if nothing prevents it."""
    if reason := refusal(upload, user):
        return str(reason)
    found = [each for texts in ArrivedForm(upload, user).errors.values() for each in texts]
    known = limits.limits(upload.team_id, upload.hypervisor_id)  # the upload counts for them
    found += [limit.refusal for limit in known if limit.kind == limits.Kind.DISK and limit.used > limit.allowed]
    return " ".join(found)


def finish_all() -> None:
    """Make the images of uploads whose process ended before, or that something prevented."""
    for upload in Upload.objects.complete().select_related("hypervisor", "team"):
        storage.recover(upload)
        if upload.is_complete:
            finish(upload)
