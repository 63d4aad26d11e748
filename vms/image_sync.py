"""Makes a pool agree with the wished images: named volumes, uploads; and writes down the volumes that there are.

Safe to run twice, to be killed anywhere, and to run beside another worker.
"""

from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from virterweb.hypervisors.found import FoundVolume, Refused
from virterweb.hypervisors.gateway import Host
from virterweb.hypervisors.models import Hypervisor
from virterweb.hypervisors.reconcile import keep_claim

from . import qcow2, volume_xml
from .make import check_image
from .models import TAG, Image, ImageStatus, Volume

VOLUMES = timedelta(seconds=60)  # between two readings of a pool that nobody said has changed
_volumes_read: dict[int, datetime] = {}


def push(image: Image, host: Host) -> dict | None:
    """Stream an upload into the pool, or see that the named volume is there."""
    pool = image.hypervisor.pool
    if image.removed_at:
        _remove_image(image, host)
        return None
    if image.upload:
        _upload(image, host)
    elif (found := host.volume(pool, image.volume)) is None:
        raise Refused(f"The pool {pool} has no volume {image.volume}.")
    else:
        check_image(image, volume_xml.parse(found.document), host)
        # libvirt does not say whether there is an external data file.
        if wrong := qcow2.problem(host.read_volume(pool, image.volume, 0, qcow2.ENOUGH) or b"", overlay=True):
            raise Refused(f"The volume {image.volume}: {wrong}")
    _record_volumes(image.hypervisor, host)
    return {}


def _upload(image: Image, host: Host) -> None:
    """Stream the waiting file into a new volume; half a volume that a killed worker left is made anew."""
    pool, file = image.hypervisor.pool, settings.SPOOL_DIR / image.upload
    if image.status.made_at is None:
        if host.volume(pool, image.volume) and not image.status.volume_made:
            raise Refused(f"The pool {pool} has a volume {image.volume} already.")
        image.status.write(volume_made=True, sent=0)
        host.delete_volume(pool, image.volume)
        spec = volume_xml.VolumeSpec(name=image.volume, capacity=image.size, format=_format(file))
        try:
            host.create_volume(pool, volume_xml.build(spec), image.volume)
            with file.open("rb") as data:
                host.upload(pool, image.volume, data, image.size, _Progress(image.status))
        except Refused as problem:
            host.delete_volume(pool, image.volume)
            image.status.write(volume_made=False)
            raise Refused(f"{problem}. What was there of the volume is deleted again.", problem.detail) from problem
    Image.objects.filter(pk=image.pk).update(upload="")
    file.unlink(missing_ok=True)


def _format(file: Path) -> str:
    with file.open("rb") as data:
        return qcow2.format_of(data.read(len(qcow2.MAGIC)))


class _Progress:
    """Writes down how much of an upload went, now and then, and holds on to its claim meanwhile."""

    STEP = 0.5  # seconds

    def __init__(self, status: ImageStatus) -> None:
        self.status, self.next = status, timezone.now()

    def __call__(self, sent: int) -> None:
        now = timezone.now()
        if now >= self.next or sent == self.status.wish.size:
            self.next = now + timedelta(seconds=self.STEP)
            self.status.write(sent=sent)
            keep_claim(self.status)


def _remove_image(image: Image, host: Host) -> None:
    """Forget an image; its volume goes only if it was uploaded here and no disk is an overlay of it."""
    pool = image.hypervisor.pool
    if image.status.volume_made and (volume := host.volume(pool, image.volume)):
        overlays = {volume_xml.parse(other.document).backing for other in host.volumes(pool)}
        if volume.path not in overlays:
            host.delete_volume(pool, image.volume)
    if image.upload:
        (settings.SPOOL_DIR / image.upload).unlink(missing_ok=True)
    image.delete()


def observe(hypervisor: Hypervisor, host: Host) -> None:
    """Write down the pool's volumes now and then."""
    read, now = _volumes_read.get(hypervisor.pk), timezone.now()
    stale = hypervisor.status.stale_at
    if read is None or now - read > VOLUMES or (stale and stale > read):
        _record_volumes(hypervisor, host)


def look_again(hypervisor_id: int) -> None:
    """Have the pool read at the next look."""
    _volumes_read.pop(hypervisor_id, None)


def _record_volumes(hypervisor: Hypervisor, host: Host) -> None:
    """Write down the pool's volumes, and take in Virter's tags among them as images."""
    began = timezone.now()
    found = {volume.name: volume for volume in host.volumes(hypervisor.pool)}
    known = {volume.name: volume for volume in hypervisor.volumes.all()}
    for name, volume in found.items():
        values = _volume_values(volume)
        old = known.pop(name, None)
        if old is None or any(getattr(old, key) != value for key, value in values.items()):
            Volume.objects.update_or_create(hypervisor=hypervisor, name=name, defaults=values)
    Volume.objects.filter(pk__in=[volume.pk for volume in known.values()]).delete()
    tags = {name.removeprefix(TAG): name for name in found if name.startswith(TAG)}
    images = set(Image.objects.filter(hypervisor=hypervisor).values_list("name", flat=True))
    for name in tags.keys() - images:
        Image.objects.create(hypervisor=hypervisor, name=name, volume=tags[name], managed=False, generation=0)
    gone = Image.objects.filter(hypervisor=hypervisor, managed=False).exclude(name__in=tags)
    gone.filter(status__generation__gte=F("generation")).delete()
    _volumes_read[hypervisor.pk] = began


def _volume_values(volume: FoundVolume) -> dict:
    spec = volume_xml.parse(volume.document)
    return {"path": volume.path, "format": spec.format, "capacity": spec.capacity, "backing": spec.backing}
