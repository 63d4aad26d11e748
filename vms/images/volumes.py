"""Records what a reading of a pool has found: its volumes, and what uses each of them."""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Manager

from virterweb.hypervisors.connections.guard import Observation, check_fits
from virterweb.hypervisors.gateway.found import FoundVolume
from virterweb.hypervisors.models import Hypervisor
from vms.definition import volume as volume_xml
from vms.models import PoolVolume, Volume

from .uses import recorded, uses

FACTS = ("path", "format", "capacity", "backing", "changed_on")  # the columns that a reading writes one by one
AT_ONCE = 500  # rows of one statement

Row = Volume | PoolVolume


def record(
    rows: Manager[Row], new: Callable[[str], Row], found: Mapping[str, FoundVolume], reading: Observation
) -> set[int]:
    """Record the volumes of a pool, whose rows are these; return the keys of the rows of volumes that are gone.

    `new` makes the row of a volume by its name. A volume that cannot be read keeps its last known values.
    """
    known, grown = {row.name: row for row in rows.all()}, []
    for name, volume in found.items():
        with reading.guard(name):
            row = known.get(name) or new(name)
            allocation = volume_xml.allocation(volume.document)
            if _is_changed(row, volume) or row.pk is None:
                row.allocation = allocation
                check_fits(row)
                with transaction.atomic():
                    row.save(update_fields=(*FACTS, "allocation") if row.pk else None)
            elif row.allocation != allocation:
                row.allocation = allocation
                grown.append(row)
    rows.bulk_update(grown, ["allocation"], batch_size=AT_ONCE)
    return {known[name].pk for name in known.keys() - found.keys() - reading.failed.keys()}


def _is_changed(row: Row, found: FoundVolume) -> bool:
    """Set the columns of a row to what was found; return whether one of them has changed."""
    spec = volume_xml.parse(found.document)
    now = {"path": found.path, "format": spec.format, "capacity": spec.capacity, "backing": spec.backing}
    now["changed_on"] = volume_xml.changed_on(found.document)
    before = {key: getattr(row, key) for key in now}
    for key, value in now.items():
        setattr(row, key, value)
    return before != now


def note_uses(hypervisor: Hypervisor, rows: Manager[Row], found: Mapping[str, FoundVolume]) -> None:
    """Record what uses the volumes of a pool, whose rows are these, by the VMs as they were last recorded."""
    in_use = uses(hypervisor, recorded(hypervisor), found.values(), _overlays(hypervisor, rows))
    changed = []
    for row in rows.only("name", "used_by"):
        if row.name in found and row.used_by != (now := in_use.of(found[row.name])):
            row.used_by = now
            changed.append(row)
    rows.bulk_update(changed, ["used_by"], batch_size=AT_ONCE)


def _overlays(hypervisor: Hypervisor, but: Manager[Row]) -> Iterator[tuple[str, str]]:
    """Yield the name and the backing of each overlay that is not among these rows."""
    for each in (hypervisor.volumes.all(), PoolVolume.objects.filter(pool__hypervisor=hypervisor)):
        overlays = each.exclude(backing="")
        overlays = overlays.exclude(pk__in=but.values("pk")) if each.model is but.model else overlays
        yield from overlays.order_by().values_list("name", "backing")


def note_unused(hypervisor: Hypervisor, found: Collection[str], at: datetime) -> None:
    """Record since when nothing uses the volumes of these names, in the pool for images and VMs."""
    rows = [row for row in hypervisor.volumes.only("name", "used_by", "unused_since") if row.name in found]
    if again := [row.pk for row in rows if row.unused_since and row.used_by]:
        hypervisor.volumes.filter(pk__in=again).update(unused_since=None)
    if new := [row.pk for row in rows if not row.unused_since and not row.used_by]:
        hypervisor.volumes.filter(pk__in=new).update(unused_since=at)
