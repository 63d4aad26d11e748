"""Overlays in pools that are stopped or missing: libvirt cannot list them, so what was last recorded counts."""

from collections.abc import Iterator

from django.db.models import Q

from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundVolume
from vms.definition import volume as volume_xml
from vms.definition.volume import VolumeSpec
from vms.models import Volume


def recorded_overlays(connection: Connection) -> Iterator[tuple[str, FoundVolume]]:
    """Yield the overlays in pools that are not active, each with the name of its pool."""
    stopped = [pool.name for pool in connection.pools.all() if not pool.active]
    there = Q(pool__name__in=stopped) | Q(pool__gone_at__isnull=False)
    overlays = Volume.objects.filter(there, pool__hypervisor__uri=connection.session.uri).exclude(backing="")
    for volume in overlays.select_related("pool"):
        yield volume.pool.name, _found(volume)


def _found(volume: Volume) -> FoundVolume:
    spec = VolumeSpec(name=volume.name, capacity=volume.capacity, backing=volume.backing)
    return FoundVolume(name=volume.name, path=volume.path, document=volume_xml.build(spec))
