"""Virter's images in a pool: immutable layers named after their content, and empty tags on top that name them.

A layer is shared by tags, boot volumes of VMs and other layers, the portal's and Virter's. It is deleted only when
nothing uses it. All functions may be interrupted anywhere and run twice.
"""

import hashlib
import posixpath
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from virterweb.hypervisors.connections.limits import within
from virterweb.hypervisors.desired.progress import Steps
from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundVolume, PoolUnreadable, Refused, fail_on_unreadable
from virterweb.messages import Message
from vms.definition import domain as domain_xml
from vms.definition import volume as volume_xml
from vms.definition.volume import VolumeSpec
from vms.models import LAYER, TAG, Power

from . import qcow2_header
from .progress import Copy, copy
from .stopped_pools import recorded_overlays

READ_TIMEOUT = 10.0  # seconds for one reading of another pool


def layer_name(digest: str) -> str:
    return f"{LAYER}sha256:{digest}"


def digest_of(file: Path) -> str:
    """Return the SHA-256 of a file, which is a layer's digest."""
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def beneath(found: FoundVolume) -> str:
    """Return the name of the layer that a volume is on top of; "" if what it is on is none of its pool."""
    backing = volume_xml.parse(found.document).backing
    folder, name = posixpath.split(backing)
    return name if name.startswith(LAYER) and folder == posixpath.dirname(found.path) else ""


def layer_of(connection: Connection, pool: str, name: str) -> str:
    """Return the layer of a volume, which is a layer or a tag; "" if it is neither."""
    if name.startswith(LAYER):
        return name if connection.volumes.get(pool, name) else ""
    found = connection.volumes.get(pool, name) if name.startswith(TAG) else None
    return beneath(found) if found else ""


def backing_of(name: str) -> dict[str, str]:
    """Return the backing of a volume on top of a layer, as Virter writes it.

    The path is relative, so that it is valid wherever the pool's folder is; ./ prevents QEMU from taking virter: for a
    protocol.
    """
    return {"backing": f"./{name}", "backing_format": "qcow2"}


def put(connection: Connection, pool: str, file: Path, temporary: str, steps: Steps) -> str:
    """Upload a qcow2 file into the pool as a layer, unless it exists, and return the layer's name.

    It is streamed into a temporary volume, which the hypervisor copies byte by byte; libvirt does this only with raw
    volumes. Therefore both lack the bytes that identify qcow2 until everything else is written. A layer without them is
    incomplete, left by an interrupted worker.
    """
    digest = steps.watch(Message("image.digest"), partial(digest_of, file))
    size, name = file.stat().st_size, layer_name(digest)
    if not _is_there(connection, pool, name, size):
        connection.volumes.delete(pool, temporary)
        raw = VolumeSpec(name=temporary, capacity=size, format="raw", sparse=True)
        connection.volumes.create(pool, volume_xml.build(raw), temporary)
        steps.begin(Message("image.in_pool"), size)
        with file.open("rb") as data:
            connection.volumes.upload(pool, temporary, _Headless(data), size, steps)
        copying = Copy(pool=pool, source=temporary, spec=replace(raw, name=name))
        copy(copying, connection, steps, Message("image.copying"))
        connection.volumes.upload(pool, name, BytesIO(qcow2_header.MAGIC), len(qcow2_header.MAGIC))
    connection.volumes.delete(pool, temporary)
    return name


def _is_there(connection: Connection, pool: str, name: str, size: int) -> bool:
    """Return whether a complete layer exists; delete an incomplete one. Refused if another tool left it."""
    if connection.volumes.get(pool, name) is None:
        return False
    if connection.volumes.read(pool, name, 0, len(qcow2_header.MAGIC)) != qcow2_header.MAGIC:
        connection.volumes.delete(pool, name)
        return False
    if connection.volumes.file_size(pool, name) != size:
        raise Refused(Message("image.incomplete_layer", pool=pool, layer=name))
    return True


class _Headless:
    """A file whose first bytes, which identify qcow2, read as zeros."""

    def __init__(self, data: BinaryIO) -> None:
        self.data = data

    def read(self, count: int) -> bytes:
        left = max(0, len(qcow2_header.MAGIC) - self.data.tell())
        piece = self.data.read(count)
        return bytes(min(left, len(piece))) + piece[left:]


def tag(connection: Connection, pool: str, name: str, layer: str) -> None:
    """Create an image of a layer: an empty volume on top of it. Refused if the image exists with another layer."""
    volume = TAG + name
    if found := connection.volumes.get(pool, volume):
        if beneath(found) == layer:
            return
        raise Refused(Message("image.exists", pool=pool, image=name))
    capacity = volume_xml.parse(_needed(connection, pool, layer).document).capacity
    spec = VolumeSpec(name=volume, capacity=capacity, **backing_of(layer))
    connection.volumes.create(pool, volume_xml.build(spec), volume)


def _needed(connection: Connection, pool: str, layer: str) -> FoundVolume:
    if (found := connection.volumes.get(pool, layer)) is None:
        raise Refused(Message("pool.no_volume", pool=pool, volume=layer))
    return found


def delete_unused(connection: Connection, pool: str, name: str) -> None:
    """Delete a volume that nothing uses, then each layer beneath it that nothing else uses, from the top down.

    Refused if a volume or VM cannot be read, which might use it.
    """
    volumes = {volume.name: volume for volume in connection.volumes.all(pool, fail_on_unreadable)}
    held = in_domains(connection) | beneath_others(overlays_elsewhere(connection, volumes.values(), {pool}))
    while (found := volumes.get(name)) and not is_used(found, volumes, held):
        layer = beneath(found)
        connection.volumes.delete(pool, name)
        del volumes[name]
        name = layer


def is_used(found: FoundVolume, volumes: Mapping[str, FoundVolume], held: set[str]) -> bool:
    """Return whether another volume of the pool is an overlay on a volume, or `held` contains its name or path.

    A layer's name identifies its content: every overlay on a layer of that name needs it, wherever it lies.
    """
    backings = {volume_xml.parse(other.document).backing for other in volumes.values() if other.name != found.name}
    names = {posixpath.basename(path) for path in backings} if found.name.startswith(LAYER) else set()
    return found.path in backings | held or found.name in names | held


def overlays_elsewhere(
    connection: Connection, known: Iterable[FoundVolume], pools: Collection[str]
) -> dict[tuple[str, str], FoundVolume]:
    """Return the overlays in other pools than these, by pool and name; without files that are known already.

    Two pools may show the same folder. What a pool that is stopped has is what it had when it was last read.
    """
    paths, found = {volume.path for volume in known}, {}
    for pool in connection.pools.active():
        volumes: list[FoundVolume] = []
        if pool not in pools:
            with suppress(PoolUnreadable):  # it has just been stopped: what it has is not there
                key, what = ("overlays", connection.session.uri, pool), Message("pool.reading", pool=pool)
                volumes = within(READ_TIMEOUT, key, partial(connection.volumes.all, pool), what)
        for volume in volumes:
            if volume.path not in paths and volume_xml.parse(volume.document).backing:
                paths.add(volume.path)
                found[pool, volume.name] = volume
    for pool, volume in recorded_overlays(connection):
        if pool not in pools and volume.path not in paths:
            paths.add(volume.path)
            found[pool, volume.name] = volume
    return found


def beneath_others(overlays: Mapping[tuple[str, str], FoundVolume]) -> set[str]:
    """Return the paths that overlays are on, and the names of layers among them."""
    backings = {volume_xml.parse(volume.document).backing for volume in overlays.values()}
    return backings | {name for name in map(posixpath.basename, backings) if name.startswith(LAYER)}


def in_domains(connection: Connection, but: str = "") -> set[str]:
    """Return the names of volumes and the normalised paths that any domain but the one of that UUID has as a disk.

    Also those that its disks are on top of; of a running domain also those of its next start.
    """
    domains = [domain for domain in connection.domains.all(fail_on_unreadable) if domain.uuid != but]
    documents = [domain.document for domain in domains]
    documents += [_stored(connection, each.uuid) for each in domains if each.persistent and each.state != Power.OFF]
    return {name for document in documents if document for name in domain_xml.disk_sources(document)}


def _stored(connection: Connection, uuid: str) -> str:
    """Return the domain's stored document; "" if it was deleted since it was listed."""
    try:
        return connection.domains.stored_document(uuid)
    except Refused:
        if connection.domains.get(uuid):
            raise
        return ""
