"""Requests for files of images: checked and stored here, carried out by workers."""

import logging

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet

from virterweb.activity.choices import Result
from virterweb.activity.models import Entry
from virterweb.enqueue import LOOK, enqueue
from virterweb.messages import Failure, Message
from virterweb.people import limits, pools, rights
from vms.definition.events import ImageEvent
from vms.images.uploading import uploads
from vms.models import EXPORT, Image, ImageExport, UploadPart

log = logging.getLogger(__name__)

PER_USER = 2  # exports in progress


def exportable(user: rights.Actor) -> QuerySet[Image]:
    """Return the images whose files a user may have: whoever may run a VM from an image can read it in the guest.

    That needs a pool for the disks of the VM as well.
    """
    return Image.objects.usable_by(user).filter(hypervisor__in=pools.hypervisors(user).order_by())


def require_export(user: rights.Actor, image: Image) -> None:
    """Raise PermissionDenied, with the reason, unless a user may have the file of an image."""
    if not exportable(user).filter(pk=image.pk).exists():
        raise PermissionDenied(f"You may not export {image}, because you may not run VMs from it. Ask an operator.")


def obstacle(image: Image) -> Message:
    """Return why an image cannot be exported now; an empty message if it can."""
    return Message() if image.is_loaded else Message("export.not_loaded", image=image.name)


def ask(image: Image, by: AbstractBaseUser | None) -> ImageExport:
    """Request the file of an image, unless it is being prepared or ready; Failure if that is not possible now."""
    with transaction.atomic():
        if reason := obstacle(image):
            raise Failure(reason)
        Image.objects.select_for_update(of=("self",)).get(pk=image.pk)  # one request at a time
        export = ImageExport.objects.filter(image=image).first()
        if export and not export.error and has_file(export):
            return export
        if by and (reason := _limit(by)):
            raise Failure(reason)
        if export:
            discard(export)
        event = ImageEvent.EXPORTED
        entry = Entry.objects.record(image.activity_subject(event), event, by=by)
        export = ImageExport.objects.create(image=image, asked_by=by, entry_id=entry.pk)
        enqueue(LOOK, export.pk)
    return export


def _limit(by: AbstractBaseUser) -> Message:
    """Return that a user has as many exports in progress as allowed, on all hypervisors; else an empty message."""
    limits.lock_user(by)
    count = ImageExport.objects.in_progress().filter(asked_by=by).count()
    return Message("export.too_many_own", count=count) if count >= PER_USER else Message()


def has_file(export: ImageExport) -> bool:
    """Return whether the file is still to be prepared, or is there: a backup does not contain it."""
    if not export.ready_at:
        return True
    if settings.UPLOADS_IN_DATABASE:
        return UploadPart.objects.filter(upload=export.key).exists()
    return (settings.SPOOL_DIR / export.key).exists()


def note_download(export: ImageExport, by: AbstractBaseUser | None, start: int = 0) -> None:
    """Record a download that begins at a byte; one that continues what the user has begun belongs to that entry."""
    subject, event = export.image.activity_subject(ImageEvent.DOWNLOADED), ImageEvent.DOWNLOADED
    begun = Entry.objects.about(subject.kind, export.image_id).filter(event=event, user=by, at__gte=export.ready_at)
    if start == 0 or not begun.exists():
        Entry.objects.record(subject, event, by=by, result=Result.DONE)


def discard(export: ImageExport) -> None:
    """Delete an export with its file."""
    uploads.discard(export.key)
    export.delete()


def forget() -> None:
    """Delete the exports that have been kept for long enough, and files whose image was deleted."""
    for export in ImageExport.objects.expired():
        # One statement decides and deletes: somebody may download it meanwhile.
        if ImageExport.objects.expired().filter(pk=export.pk).delete()[0]:
            uploads.discard(export.key)
    keys = {path.name.partition(".")[0] for path in settings.SPOOL_DIR.glob(f"{EXPORT}*")}
    keys |= set(UploadPart.objects.filter(upload__startswith=EXPORT).values_list("upload", flat=True).distinct())
    for key in keys - set(ImageExport.objects.values_list("key", flat=True)):
        log.info("deleting the exported file %s, whose image was deleted", key)
        uploads.discard(key)
