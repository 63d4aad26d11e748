"""What uses the volumes of a pool: VMs, overlays and images. Unused volumes can be deleted."""

import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from django.db.models import F, Q
from lxml import etree

from virterweb.hypervisors.gateway.found import FoundVolume
from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import Message
from vms.definition import domain as domain_xml
from vms.definition import volume as volume_xml
from vms.models import LOADING, VM, ImageExport, Snapshot, StoragePool, VMStatus, Volume

FILE_SERVER = "netfs"  # the type of pools that several hypervisors may share
OF_VMS = ("volume.used_by_vm", "volume.kept_for_vm")


@dataclass(frozen=True, kw_only=True)
class Uses:
    """Who uses the volumes of a pool, by path or name: names of VMs, of overlays and of images.

    A path may lead to a volume by a link or by another pool with the same folder. Therefore the file name counts too.
    """

    vms: Mapping[str, str]
    overlays: Mapping[str, str]
    images: Mapping[str, str]
    kept: Mapping[str, str]  # volumes of VMs that the portal made, also while libvirt does not have the VM
    shared: Collection[str]  # names of volumes that VMs of other hypervisors use, if the pool is on a file server

    def of(self, volume: FoundVolume) -> Message:
        """Return what uses a volume, as a sentence; an empty message if nothing does."""
        if vm := self.vms.get(volume.path) or self.vms.get(volume.name):
            return Message("volume.used_by_vm", vms=[vm])
        if vm := self.kept.get(volume.name):
            return Message("volume.kept_for_vm", vms=[vm])
        if overlay := self.overlays.get(volume.path) or self.overlays.get(volume.name):
            return Message("volume.used_by_overlay", user=overlay)
        if image := self.images.get(volume.name):
            return Message("volume.used_by_image", user=image)
        return Message("volume.used_elsewhere") if volume.name in self.shared else Message()


def uses(
    pool: StoragePool,
    named: Iterable[tuple[str, set[str]]],
    volumes: Iterable[FoundVolume],
    others: Iterable[tuple[str, str]] = (),
) -> Uses:
    """Return the uses of the volumes of a pool by overlays, by what the portal has, and by VMs.

    The VMs are given by name with their files; `others` are further overlays, by name with their backing.
    """
    hypervisor, vms = pool.hypervisor, {}
    for name, files in named:
        for file in files:
            vms |= {file: name, posixpath.basename(file): name}
    overlays = {}
    backings = ((volume.name, volume_xml.parse(volume.document).backing) for volume in volumes)
    for name, backing in (*others, *backings):
        if backing:
            overlays |= {backing: name, posixpath.basename(backing): name}
    of_portal = {"images": _images(hypervisor), "kept": _kept(hypervisor), "shared": _shared(pool)}
    return Uses(vms=vms, overlays=overlays, **of_portal)


def _files(document: str) -> set[str]:
    try:
        return domain_xml.files(document) if document else set()
    except etree.XMLSyntaxError:  # one that the portal could not read says nothing about the others
        return set()


def _images(hypervisor: Hypervisor) -> dict[str, str]:
    found = {}
    for name, volume, upload in hypervisor.images.values_list("name", "volume", "upload"):
        found |= {volume: name} | ({LOADING + upload: name} if upload else {})
    exports = ImageExport.objects.filter(image__hypervisor=hypervisor).values_list("key", "image__name")
    return found | {LOADING + key: name for key, name in exports}


def _kept(hypervisor: Hypervisor) -> dict[str, str]:
    """Return the volumes of VMs that the portal has made, or is making."""
    made = Q(status__made_at__isnull=False) | Q(status__generation__lt=F("generation"))
    vms = VM.objects.on(hypervisor).filter(made, managed=True).select_related("hypervisor").prefetch_related("disks")
    return {volume: vm.name for vm in vms for _, volume in vm.volumes()}


def _shared(pool: StoragePool) -> set[str]:
    """Return the names of volumes that VMs of other hypervisors use in pools on file servers: they may be the same."""
    if pool.kind != FILE_SERVER:
        return set()
    rows = Volume.objects.filter(pool__kind=FILE_SERVER).exclude(pool__hypervisor=pool.hypervisor)
    found = rows.exclude(used_by="").order_by().values_list("name", "used_by")
    return {name for name, used_by in found if used_by.code in OF_VMS}


def recorded(hypervisor: Hypervisor) -> Iterator[tuple[str, set[str]]]:
    """Yield the files that the recorded documents of VMs and of their snapshots name, by the name of the VM."""
    rows = VMStatus.objects.filter(desired__hypervisor=hypervisor).order_by()
    for name, *documents in rows.values_list("desired__name", "document", "stored").iterator():
        yield from ((name, _files(document)) for document in documents)
    snapshots = Snapshot.objects.filter(vm__hypervisor=hypervisor).order_by()
    for name, files, document in snapshots.values_list("vm__name", "files", "document").iterator():
        yield name, {*files, *_files(document)}
