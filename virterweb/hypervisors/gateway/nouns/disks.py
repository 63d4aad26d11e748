"""Disks and CD-ROM drives of domains: attached, detached, grown, and their media changed."""

import libvirt
from lxml import etree

from virterweb.hypervisors.gateway.session import Session, affect
from virterweb.messages import Message


class Disks:
    """The disks of domains, each named by the UUID of its domain and its target, such as vdb."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def attach(self, uuid: str, device: str, target: str, *, live: bool, stored: bool) -> None:
        with self._session.calling(Message("disks.attach", target=target)):
            self._session.libvirt.lookupByUUIDString(uuid).attachDeviceFlags(device, affect(live, stored))

    def detach(self, uuid: str, device: str, target: str, *, live: bool, stored: bool) -> None:
        """Request the release of a disk: a running guest has to cooperate, so check whether it is gone."""
        with self._session.calling(Message("disks.detach", target=target), libvirt.VIR_ERR_DEVICE_MISSING):
            self._session.libvirt.lookupByUUIDString(uuid).detachDeviceFlags(device, affect(live, stored))

    def change_medium(self, uuid: str, device: str, target: str, *, live: bool, stored: bool) -> None:
        """Insert or eject the medium of a CD-ROM drive; `device` is the whole <disk>."""
        with self._session.calling(Message("disks.change_medium", target=target)):
            self._session.libvirt.lookupByUUIDString(uuid).updateDeviceFlags(device, affect(live, stored))

    def capacity(self, uuid: str, target: str) -> int:
        """Return the size of a disk in bytes, as the guest sees it."""
        with self._session.calling(Message("disks.capacity", target=target)):
            return self._session.libvirt.lookupByUUIDString(uuid).blockInfo(target)[0]
        return 0

    def grow(self, uuid: str, target: str, size: int) -> None:
        """Give a disk this size in bytes, live if the domain runs."""
        with self._session.calling(Message("disks.grow", target=target)):
            domain = self._session.libvirt.lookupByUUIDString(uuid)
            if domain.isActive():
                domain.blockResize(target, size, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)
            else:
                self._volume_of(domain, target).resize(size)

    def _volume_of(self, domain: libvirt.virDomain, target: str) -> libvirt.virStorageVol:
        """Return the volume that a disk of an inactive domain is stored in."""
        source = _source_of(domain.XMLDesc(), target)
        if source.get("volume"):
            pool = self._session.libvirt.storagePoolLookupByName(source["pool"])
            return pool.storageVolLookupByName(source["volume"])
        return self._session.libvirt.storageVolLookupByPath(source.get("file") or source.get("dev") or "")


def _source_of(document: str, target: str) -> dict[str, str]:
    """Return the attributes of the source of a disk, empty without."""
    found = etree.fromstring(document).xpath("devices/disk[target/@dev=$target]/source", target=target)
    return dict(found[0].attrib) if found else {}
