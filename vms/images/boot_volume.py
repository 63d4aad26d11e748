"""The boot volume of a VM: an overlay on its image, and the checks of a volume before it is used or copied."""

from virterweb.hypervisors.gateway.connection import Connection
from virterweb.hypervisors.gateway.found import FoundVolume, Refused
from virterweb.messages import Message
from vms.definition import domain as domain_xml
from vms.definition import volume as volume_xml
from vms.definition.volume import VolumeSpec
from vms.models import TAG, VM, Image, Power

from . import layers, qcow2

GIB = 1024**3


def boot_volume_spec(vm: VM, connection: Connection) -> VolumeSpec:
    """Return a copy-on-write overlay on the image's layer, or on the image itself if it is a flat volume."""
    found = connection.volumes.get(vm.hypervisor.pool, vm.image.volume)
    if found is None:
        raise Refused(Message("image.no_volume", image=vm.image, pool=vm.hypervisor.pool))
    image = volume_xml.parse(found.document)
    check_image(vm.image, image, connection)
    flat = {"backing": found.path, "backing_format": image.format}
    if vm.image.volume.startswith(TAG) and image.backing:  # a tag is empty: the layer is its backing file
        flat = {"backing": image.backing, "backing_format": image.backing_format}
    layer = layers.layer_of(connection, vm.hypervisor.pool, vm.image.volume)
    return VolumeSpec(
        name=vm.boot_volume,
        capacity=max(image.capacity, vm.boot_size * GIB),
        **(layers.backing_of(layer) if layer else flat),
    )


def check_image(image: Image, found: VolumeSpec, connection: Connection) -> None:
    """Refuse an image that makes QEMU read a file outside the pool, or guess a format."""
    pool = image.hypervisor.pool
    if found.format not in qcow2.FORMATS:
        raise Refused(Message("image.format", image=image, format=found.format))
    if found.backing:
        backings = {volume.path: volume_xml.parse(volume.document).backing for volume in connection.volumes.all(pool)}
        if out := qcow2.outside(found.backing, backings):
            reason = Message("file.overlay_outside", path=out, pool=pool)
            raise Refused(Message("image.unusable", image=image, reason=reason))


def check_source(image: Image, found: FoundVolume, connection: Connection) -> None:
    """Refuse a volume that makes QEMU read a file outside the pool."""
    check_image(image, volume_xml.parse(found.document), connection)
    # libvirt does not report an external data file.
    head = connection.volumes.read(image.hypervisor.pool, found.name, 0, qcow2.HEAD_SIZE) or b""
    if wrong := qcow2.problem(head, overlay=True):
        raise Refused(Message("image.unusable_volume", volume=found.name, reason=wrong))


def check_idle(found: FoundVolume, connection: Connection) -> None:
    """Refuse a volume that a running VM writes to: its copy would be inconsistent."""
    for domain in connection.domains.all():
        disks = domain_xml.parse(domain.document).disks if domain.state != Power.OFF else ()
        if any(found.path == disk.source or found.name == disk.volume for disk in disks if disk.device == "disk"):
            raise Refused(Message("image.volume_of_running", volume=found.name, vms=[domain.name]))
