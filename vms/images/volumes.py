"""Records what a reading of a pool has found: its volumes, and what uses each of them."""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import transaction

from virterweb.hypervisors.connections.guard import Observation, check_fits
from virterweb.hypervisors.gateway.found import FoundVolume
from vms.definition import volume as volume_xml
from vms.models import StoragePool, Volume

from .uses import recorded, uses

FACTS = ("path", "format", "capacity", "backing", "changed_on")  # the columns that a reading writes one by one
AT_ONCE = 500  # rows of one statement


def record(pool: StoragePool, found: Mapping[str, FoundVolume], reading: Observation, at: datetime) -> None:
    """Record the volumes of a pool, what uses them, and since when nothing does; rows of those that are gone go.

    A volume that cannot be read keeps its last known values.
    """
    known, grown = {row.name: row for row in pool.volumes.all()}, []
    for name, volume in found.items():
        with reading.guard(name):
            row = known.get(name) or Volume(pool=pool, name=name)
            allocation = volume_xml.allocation(volume.document)
            if _is_changed(row, volume) or row.pk is None:
                row.allocation = allocation
                check_fits(row)
                with transaction.atomic():
                    row.save(update_fields=(*FACTS, "allocation") if row.pk else None)
            elif row.allocation != allocation:
                row.allocation = allocation
                grown.append(row)
    pool.volumes.bulk_update(grown, ["allocation"], batch_size=AT_ONCE)
    gone = known.keys() - found.keys() - reading.failed.keys()
    pool.volumes.filter(pk__in=[known[name].pk for name in gone]).forget()
    _note_uses(pool, found)
    _note_unused(pool, found, at)


def _is_changed(row: Volume, found: FoundVolume) -> bool:
    """Set the columns of a row to what was found; return whether one of them has changed."""
    spec = volume_xml.parse(found.document)
    now = {"path": found.path, "format": spec.format, "capacity": spec.capacity, "backing": spec.backing}
    now["changed_on"] = volume_xml.changed_on(found.document)
    before = {key: getattr(row, key) for key in now}
    for key, value in now.items():
        setattr(row, key, value)
    return before != now


def _note_uses(pool: StoragePool, found: Mapping[str, FoundVolume]) -> None:
    """Record what uses the volumes of a pool, by the VMs as they were last recorded and the overlays of all pools."""
    hypervisor = pool.hypervisor
    rows = Volume.objects.on(hypervisor).exclude(backing="").order_by().values_list("pool", "name", "backing")
    others = [(name, backing) for its, name, backing in rows if its != pool.pk or name not in found]
    in_use = uses(pool, recorded(hypervisor), found.values(), others)
    changed = []
    for row in pool.volumes.only("name", "used_by"):
        if row.name in found and row.used_by != (now := in_use.of(found[row.name])):
            row.used_by = now
            changed.append(row)
    pool.volumes.bulk_update(changed, ["used_by"], batch_size=AT_ONCE)


def _note_unused(pool: StoragePool, found: Collection[str], at: datetime) -> None:
    """Record since when nothing uses the volumes of these names in a pool."""
    rows = [row for row in pool.volumes.only("name", "used_by", "unused_since") if row.name in found]
    unused = {row.pk for row in rows if pool.can_tell_unused and not row.used_by}
    if again := [row.pk for row in rows if row.unused_since and row.pk not in unused]:
        pool.volumes.filter(pk__in=again).update(unused_since=None)
    if new := [row.pk for row in rows if not row.unused_since and row.pk in unused]:
        pool.volumes.filter(pk__in=new).update(unused_since=at)
