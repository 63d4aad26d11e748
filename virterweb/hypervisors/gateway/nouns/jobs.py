"""Jobs of domains that take long: merging of disks, and saving of memory."""

from contextlib import suppress

import libvirt
from lxml import etree

from virterweb.hypervisors.gateway.found import FoundJob
from virterweb.hypervisors.gateway.session import Session
from virterweb.messages import Message

_ENDED = (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_OPERATION_INVALID)


class Jobs:
    """The jobs of a hypervisor's domains, each named by the UUID of its domain, those of disks also by its target."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def commit(self, uuid: str, disk: str, base: str, top: str, *, active: bool) -> None:
        """Begin to write what is in an overlay into a disk beneath it; `active`: the VM writes to the overlay.

        Such a job does not end by itself: once it is ready, `pivot` ends it.
        """
        flags = libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE if active else 0
        with self._session.calling(Message("jobs.commit", disk=disk)):
            self._session.libvirt.lookupByUUIDString(uuid).blockCommit(disk, base, top, 0, flags)

    def of_disk(self, uuid: str, disk: str) -> FoundJob | None:
        """Return the job of a disk; None if there is none."""
        with self._session.calling(Message("jobs.of_disk", disk=disk), *_ENDED):
            domain = self._session.libvirt.lookupByUUIDString(uuid)
            if info := domain.blockJobInfo(disk):
                ready = f"devices/disk[target/@dev='{disk}']/mirror[@ready='yes']"
                is_ready = bool(etree.fromstring(domain.XMLDesc()).xpath(ready))
                return FoundJob(done=info["cur"], total=info["end"], ready=is_ready)
        return None

    def pivot(self, uuid: str, disk: str) -> None:
        """End the job of an active commit that is ready: the VM writes to the disk beneath from now on."""
        with self._session.calling(Message("jobs.pivot", disk=disk)):
            domain = self._session.libvirt.lookupByUUIDString(uuid)
            domain.blockJobAbort(disk, libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)

    def abort_of_disk(self, uuid: str, disk: str) -> None:
        """Cancel the job of a disk: the VM keeps the overlay."""
        with self._session.calling(Message("jobs.abort"), *_ENDED):
            self._session.libvirt.lookupByUUIDString(uuid).blockJobAbort(disk, 0)

    def of_memory(self, uuid: str) -> FoundJob | None:
        """Return the job that saves a domain's memory; None if there is none, or libvirt cannot tell now."""
        with suppress(libvirt.libvirtError):
            stats = self._session.libvirt.lookupByUUIDString(uuid).jobStats()
            if total := stats.get("data_total", 0) or stats.get("memory_total", 0):
                done = stats.get("data_processed", 0) or stats.get("memory_processed", 0)
                return FoundJob(done=done, total=total, ready=False)
        return None

    def abort_of_memory(self, uuid: str) -> None:
        """Cancel the job of a domain; what it was made for fails."""
        with self._session.calling(Message("jobs.abort"), *_ENDED):
            self._session.libvirt.lookupByUUIDString(uuid).abortJob()

    def start_paused(self, uuid: str, name: str) -> None:
        """Start a domain whose guest does not run, because libvirt merges disks only in a QEMU process."""
        with self._session.calling(Message("domains.start", name=name)):
            domain = self._session.libvirt.lookupByUUIDString(uuid)
            if not domain.isActive():
                domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)

    def restore(self, path: str, document: str, name: str) -> None:
        """Start a domain that is off from saved memory, with this definition."""
        with self._session.calling(Message("jobs.restore", name=name)):
            self._session.libvirt.restoreFlags(path, document, 0)
