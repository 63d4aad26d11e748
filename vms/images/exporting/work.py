"""Prepares the files of exported images, as a worker: complete qcow2 files that need no other file.

A layer that is on no other one is such a file. Everything else the hypervisor copies into a temporary volume first. A
worker may be killed anywhere: another one begins again.
"""

import logging
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.utils import timezone

from virterweb.activity.models import Entry
from virterweb.changes import writes
from virterweb.hypervisors.claims.clock import database_time
from virterweb.hypervisors.claims.due import DATABASE_AWAY
from virterweb.hypervisors.connections.guard import failure
from virterweb.hypervisors.connections.pool import connected
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundVolume, HypervisorError, Refused
from virterweb.messages import Message
from virterweb.web_server import spool
from vms.definition import volume as volume_xml
from vms.images import layers, qcow2
from vms.images.boot_volume import check_idle, check_source
from vms.images.progress import Copy, Spooled, copy
from vms.images.uploading import uploads
from vms.models import LAYER, LOADING, Image, ImageExport

log = logging.getLogger(__name__)

RETRY = timedelta(seconds=5)  # after a hypervisor was busy or unreachable


def carry_out(pk: int) -> None:
    """Prepare the file of an export, unless another worker does, and record how that ended."""
    with ImageExport.objects.to_prepare().filter(pk=pk).claim() as row:
        if row is None:
            return
        row.steps.restart()
        image = Image.objects.select_related("hypervisor", "status").get(pk=row.image_id)
        try:
            with writes.on(image.hypervisor_id), connected(image.hypervisor_id, image.hypervisor.uri) as connection:
                _prepare(row, image, connection)
        except HypervisorError as problem:
            log.warning("%s: %s (%s)", row, problem, problem.detail)
            if problem.again:
                waiting = row.NO_STEP | {"progress": problem.message, "due_at": database_time() + RETRY}
                ImageExport.objects.filter(pk=pk).update(**waiting)
            else:
                _finish(row, error=problem.message)
        except DATABASE_AWAY:
            raise
        except Exception as problem:
            _finish(row, error=failure(problem)[0])
            raise
        else:
            _finish(row, ready_at=timezone.now(), size=row.size)


def _finish(row: ImageExport, **values: object) -> None:
    error = values.get("error")
    Entry.objects.conclude_one(row.entry_id, error, moved=row.steps.moved)
    if not ImageExport.objects.filter(pk=row.pk).update(**row.NO_STEP, **values) or error:
        uploads.discard(row.key)


def _prepare(row: ImageExport, image: Image, connection: Connection) -> None:
    pool, temporary = image.hypervisor.pool, LOADING + row.key
    try:
        source = _complete(row, image, connection, temporary)
        row.size = connection.volumes.file_size(pool, source) or 0
        if spool.room() < row.size:
            raise Refused(Message("export.no_room", size=row.size))
        ImageExport.objects.filter(pk=row.pk).update(size=row.size)
        file = settings.SPOOL_DIR / row.key
        part = file.with_suffix(".part")
        with part.open("wb") as data:
            connection.volumes.download(pool, source, data, Exported(row, Message("image.reading"), row.size))
        _check(part, image)
        row.size = part.stat().st_size
        part.replace(file)
    finally:
        connection.volumes.delete(pool, temporary)
    if settings.UPLOADS_IN_DATABASE:
        with file.open("rb") as data:
            uploads.keep(row.key, File(data))
        file.unlink()


def _complete(row: ImageExport, image: Image, connection: Connection, temporary: str) -> str:
    """Return the volume with the whole content of an image: its layer, or one that the hypervisor makes of it."""
    pool = image.hypervisor.pool
    found = _found(connection, pool, layers.layer_of(connection, pool, image.volume) or image.volume)
    check_source(image, found, connection)
    if not found.name.startswith(LAYER):
        check_idle(found, connection)
    spec = volume_xml.parse(found.document)
    if spec.format == "qcow2" and not spec.backing:
        return found.name
    connection.volumes.delete(pool, temporary)
    check_room(found, image, connection)
    whole = volume_xml.VolumeSpec(name=temporary, capacity=spec.capacity)
    copying = Copy(pool=pool, source=found.name, spec=whole)
    copy(copying, connection, row.steps, Message("image.copying"))
    return temporary


def check_room(found: FoundVolume, image: Image, connection: Connection) -> None:
    """Refuse to copy a volume if the copy might fill the pool, or its file will not fit in the data folder.

    A copy may become as large as the disk: the layers may be compressed. A full pool pauses running VMs.
    """
    name, size = image.hypervisor.pool, volume_xml.parse(found.document).capacity
    pool = connection.pools.get(name)
    if pool and pool.available < size:
        raise Refused(Message("export.pool_full", pool=name, size=size, available=pool.available))
    least = volume_xml.allocation(found.document)
    if spool.room() < least:
        raise Refused(Message("export.no_room", size=least))


def _found(connection: Connection, pool: str, name: str) -> FoundVolume:
    if (found := connection.volumes.get(pool, name)) is None:
        raise Refused(Message("pool.no_volume", pool=pool, volume=name))
    return found


def _check(file: Path, image: Image) -> None:
    """Refuse a file that the portal would not take as an image."""
    with file.open("rb") as data:
        if wrong := qcow2.file_problem(data, file.stat().st_size):
            raise Refused(Message("image.unusable", image=image.name, reason=wrong))


class Exported(Spooled):
    """Records how much of a file has arrived; Refused if the data folder is full, or the image was deleted."""

    def __init__(self, row: ImageExport, step: Message, total: int) -> None:
        super().__init__(row, step, total)
        self.row = row

    def check(self) -> None:
        super().check()
        if not ImageExport.objects.filter(pk=self.row.pk).exists():
            raise Refused(Message("export.image_deleted"))
