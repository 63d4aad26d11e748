"""Makes a pool agree with the desired images, as layers and tags, and records the volumes of the pool.

All functions may run twice, be interrupted anywhere, and run beside another worker.
"""

import secrets
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import F, Q

from virterweb.hypervisors.claims.clock import database_time
from virterweb.hypervisors.connections.guard import Observation, forget
from virterweb.hypervisors.connections.limits import within
from virterweb.hypervisors.desired.carry_out import Waiting
from virterweb.hypervisors.desired.drift import encoded
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import Refused
from virterweb.hypervisors.models import Hypervisor, HypervisorStatus, ReadingProblem
from virterweb.messages import Message
from vms.definition import domain as domain_xml
from vms.definition import volume as volume_xml
from vms.definition.volume import VolumeSpec
from vms.models import LAYER, LOADING, TAG, VM, Image

from . import layers, qcow2, qemu_img, volumes
from .boot_volume import check_idle, check_source
from .progress import Copy, Spooled, copy
from .uploading import uploads

Kind = ReadingProblem.Kind

VOLUMES_INTERVAL = timedelta(seconds=60)  # between two readings of a pool without known changes
READ_TIMEOUT = 10.0  # seconds for one reading: libvirt waits forever for a pool on an unreachable file server
RETRY_INTERVAL = timedelta(seconds=5)  # between two attempts to read an unreadable pool


def push(image: Image, connection: Connection) -> dict | None:
    """Load an upload or a named volume into a layer with a tag on top, or check that the image exists."""
    pool = image.hypervisor.pool
    if image.removed_at:
        _remove_image(image, connection)
        return None
    if image.upload or image.status.made_at is None:
        _load(image, connection)
    elif (found := connection.volumes.get(pool, image.volume)) is None:
        raise Refused(Message("pool.no_volume", pool=pool, volume=image.volume))
    else:
        check_source(image, found, connection)
    record_volumes(image.hypervisor, connection)
    return {}


def _load(image: Image, connection: Connection) -> None:
    """Create the image from its upload, or from the given volume of the pool, which is kept."""
    pool, status, name = image.hypervisor.pool, image.status, TAG + image.name
    if not image.upload:
        image.upload = secrets.token_hex(16)
        Image.objects.filter(pk=image.pk).update(upload=image.upload)
    file = uploads.fetch(image.upload, Spooled(status, Message("image.from_portal"), image.size))
    layer = "" if file.exists() or image.volume == name else layers.layer_of(connection, pool, image.volume)
    if not layer:
        if not file.exists():
            _fetch(image, connection, file)
        layer = _put(image, connection, file)
    if connection.volumes.get(pool, name) is None:
        status.write(tag_made=True, layer=layer)
    layers.tag(connection, pool, image.name, layer)
    if status.volume_made:
        layers.delete_unused(connection, pool, image.volume)
        status.write(volume_made=False)
    Image.objects.filter(pk=image.pk).update(upload="", volume=name, disk_of=None)
    uploads.discard(image.upload)


def _fetch(image: Image, connection: Connection, file: Path) -> None:
    """Copy a volume of the pool to a file in the spool folder; the hypervisor flattens overlays and raw volumes."""
    pool, temporary, part = image.hypervisor.pool, LOADING + image.upload, file.with_suffix(".part")
    found = connection.volumes.get(pool, image.volume)
    if found is None and image.volume == TAG + image.name:
        raise Refused(Message("image.upload_gone", image=image))
    if found is None:
        raise Refused(Message("pool.no_volume", pool=pool, volume=image.volume))
    if image.disk_of:
        _check_vm(image, connection)
    check_source(image, found, connection)
    check_idle(found, connection)
    spec, source = volume_xml.parse(found.document), image.volume
    if spec.backing or spec.format == "raw":
        connection.volumes.delete(pool, temporary)
        whole = VolumeSpec(name=temporary, capacity=spec.capacity)
        copying = Copy(pool=pool, source=source, spec=whole)
        copy(copying, connection, image.status.steps, Message("image.copying"))
        source = temporary
    _note_size(image, connection.volumes.file_size(pool, source) or 0)
    try:
        with part.open("wb") as data:
            reading = Spooled(image.status, Message("image.reading"), image.size)
            connection.volumes.download(pool, source, data, reading)
    except Refused:
        part.unlink()
        connection.volumes.delete(pool, temporary)
        raise
    connection.volumes.delete(pool, temporary)
    part.replace(file)


def _put(image: Image, connection: Connection, file: Path) -> str:
    """Upload a file from the spool folder as a layer, and return the layer; after a failure nothing is left behind."""
    pool, temporary = image.hypervisor.pool, LOADING + image.upload
    with file.open("rb") as data:
        if wrong := qcow2.file_problem(data, file.stat().st_size):
            raise Refused(wrong)
    qemu_img.make_qcow2(file, Spooled(image.status, Message("image.converting")))
    _note_size(image, file.stat().st_size)
    try:
        return layers.put(connection, pool, file, temporary, image.status.steps)
    except Refused as problem:
        connection.volumes.delete(pool, temporary)
        raise Refused(Message("image.not_stored", reason=problem.message), problem.detail) from problem


def _note_size(image: Image, size: int) -> None:
    image.size = size
    Image.objects.filter(pk=image.pk).update(size=size)


def _check_vm(image: Image, connection: Connection) -> None:
    """Refuse the disk of a VM that is gone, or belongs to another team by now."""
    here = VM.objects.filter(hypervisor=image.hypervisor, uuid=image.disk_of)
    allowed = here.filter(Q(team=None) | Q(team=image.team_id)).exists()
    domain = connection.domains.get(str(image.disk_of)) if allowed else None
    if domain is None or image.volume not in domain_xml.disk_sources(domain.document):
        raise Refused(Message("image.vm_gone", image=image))


def _is_own_tag(image: Image, connection: Connection) -> bool:
    """Return whether the tag still points to the portal's layer: another tool may have recreated it."""
    layer = layers.layer_of(connection, image.hypervisor.pool, TAG + image.name)
    return not (image.status.layer and layer) or layer == image.status.layer


def _remove_image(image: Image, connection: Connection) -> None:
    """Delete an image; if the portal created it, also its tag and the layers that nothing else uses.

    What an incomplete load left behind is deleted as well.
    """
    if image.vms.filter(managed=True, removed_at=None, status__made_at=None, status__generation__lt=F("generation")):
        raise Waiting(Message("image.in_use", image=image))
    pool, status, file = image.hypervisor.pool, image.status, settings.SPOOL_DIR / (image.upload or "none")
    if status.tag_made and _is_own_tag(image, connection):
        # The layer is recorded first: a worker interrupted after the tag is deleted would not know it.
        layer = layers.layer_of(connection, pool, TAG + image.name) or image.volume
        Image.objects.filter(pk=image.pk).update(volume=layer)
        layers.delete_unused(connection, pool, TAG + image.name)
        if layer.startswith(LAYER):
            layers.delete_unused(connection, pool, layer)
    if status.volume_made:
        layers.delete_unused(connection, pool, image.volume)
    if image.upload:
        connection.volumes.delete(pool, LOADING + image.upload)
        if file.exists():
            layer = layers.layer_name(layers.digest_of(file))
            layers.delete_unused(connection, pool, layer)
        uploads.discard(image.upload)
    image.delete()


def observe(hypervisor: Hypervisor, connection: Connection) -> None:
    """Record the pool's volumes, if a reading is due."""
    status, now = hypervisor.status, database_time()
    tried, read = status.volumes_tried_at, status.volumes_read_at
    failed = read is None or tried is None or read < tried
    if (
        tried is None
        or not now - (RETRY_INTERVAL if failed else VOLUMES_INTERVAL) < tried <= now
        or (status.stale_at and status.stale_at > tried)
    ):
        record_volumes(hypervisor, connection)


def refresh_volumes(hypervisor_id: int) -> None:
    """Request that the pool is read at the next poll."""
    HypervisorStatus.objects.filter(hypervisor=hypervisor_id).update(stale_at=database_time())


def record_volumes(hypervisor: Hypervisor, connection: Connection) -> None:
    """Record the pool's volumes, and add images for Virter's tags among them.

    What cannot be read, even the whole pool, is reported as a problem and keeps its last known values.
    """
    began, pool = database_time(), hypervisor.pool
    images = list(hypervisor.images.select_related("status"))
    row, _ = hypervisor.pools.get_or_create(name=pool)
    mine = HypervisorStatus.objects.filter(hypervisor=hypervisor)
    mine.update(volumes_tried_at=began)
    with (
        Observation(hypervisor, Kind.POOL, pool) as pools,
        pools.guard(pool),
        Observation(hypervisor, Kind.VOLUME, pool) as reading,
    ):
        key, what = ("volumes", hypervisor.pk, pool), Message("pool.reading", pool=pool)
        all_volumes = within(READ_TIMEOUT, key, lambda: connection.volumes.all(pool, reading.guard), what)
        found = {volume.name: volume for volume in all_volumes}
        _take_in_tags(hypervisor, {*found, *reading.failed})
        _note_missing(images, {*found, *reading.failed}, began)
        volumes.record(row, found, reading, began)
        mine.update(volumes_read_at=began)
        hypervisor.pools.filter(pk=row.pk).update(read_at=began, active=True, gone_at=None, problem=Message())
    forget(hypervisor, (Kind.POOL, Kind.VOLUME), [pool])


def _take_in_tags(hypervisor: Hypervisor, volumes: set[str]) -> None:
    """Keep a row for each of Virter's tags."""
    tags = {name.removeprefix(TAG): name for name in volumes if name.startswith(TAG)}
    for name in tags.keys() - set(hypervisor.images.values_list("name", flat=True)):
        Image.objects.create(hypervisor=hypervisor, name=name, volume=tags[name], managed=False, generation=0)


def _note_missing(images: list[Image], volumes: set[str], at: datetime) -> None:
    """Record which images were deleted outside the portal; rows of unmanaged images are deleted.

    One that VMs were created from is kept, so that they find it again when it comes back.
    """
    used = set(Image.objects.exclude(vms=None).values_list("pk", flat=True))
    for image in images:
        status, there = image.status, image.volume in volumes
        if not there and not image.managed and image.done and image.pk not in used:
            image.forget()
        elif status.made_at or not image.managed:
            lost = image.managed and not there
            drift = encoded([{"code": "volume gone", "volume": image.volume}]) if lost else ""
            gone_at = None if there else status.gone_at or at
            if (drift, gone_at) != (status.drift, status.gone_at):
                status.write(drift=drift, gone_at=gone_at)
