"""Snapshots of domains: which there are, and what can be done with them."""

from collections.abc import Iterable

import libvirt

from virterweb.hypervisors.gateway.found import FoundSnapshots
from virterweb.hypervisors.gateway.session import Session
from virterweb.messages import Message

_NONE = (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_NO_SUPPORT)
_GONE = (libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT)


class Snapshots:
    """The snapshots of a hypervisor's domains, each named by the UUID of its domain and its name."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def names(self) -> dict[str, frozenset[str]]:
        """Return the names of the snapshots of each domain that has any: one call, and one for each such domain."""
        found: dict[str, frozenset[str]] = {}
        domains: Iterable[libvirt.virDomain] = ()
        with self._session.calling(Message("snapshots.names"), libvirt.VIR_ERR_NO_SUPPORT, libvirt.VIR_ERR_INVALID_ARG):
            domains = self._session.libvirt.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT)
        for domain in domains:
            with self._session.calling(Message("snapshots.documents"), *_NONE):
                found[domain.UUIDString()] = frozenset(each.getName() for each in domain.listAllSnapshots())
        return found

    def documents(self, uuid: str) -> list[str]:
        """Return the documents of a domain's snapshots; none if it is gone, or if the driver has no snapshots."""
        return list(self.all(uuid).documents)

    def all(self, uuid: str) -> FoundSnapshots:
        """Return a domain's snapshots; none if it is gone, or if the driver has no snapshots."""
        documents, current = [], ""
        with self._session.calling(Message("snapshots.documents"), *_NONE):
            domain = self._session.libvirt.lookupByUUIDString(uuid)
            for each in domain.listAllSnapshots():
                with self._session.calling(Message("snapshots.documents"), libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT):
                    documents.append(each.getXMLDesc())
            with self._session.calling(Message("snapshots.documents"), libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT):
                current = domain.snapshotCurrent().getName() if documents else ""
        return FoundSnapshots(documents=tuple(documents), current=current)

    def document(self, uuid: str, name: str) -> str:
        """Return the document of a snapshot, with the passwords of the definition in it; "" if there is none."""
        with self._session.calling(Message("snapshots.documents"), *_GONE):
            snapshot = self._session.libvirt.lookupByUUIDString(uuid).snapshotLookupByName(name)
            return snapshot.getXMLDesc(libvirt.VIR_DOMAIN_SNAPSHOT_XML_SECURE)
        return ""

    def take(self, uuid: str, document: str, name: str, *, disks_only: bool) -> None:
        """Take a snapshot. It may take minutes if memory is saved, during which the guest is paused."""
        flags = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC
        flags |= libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY if disks_only else 0
        with self._session.calling(Message("snapshots.take", name=name)):
            self._session.libvirt.lookupByUUIDString(uuid).snapshotCreateXML(document, flags)

    def revert(self, uuid: str, name: str, *, start: bool) -> None:
        """Revert a domain to an internal snapshot; with `start` it runs afterwards, else as when it was taken."""
        flags = libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_FORCE
        flags |= libvirt.VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING if start else 0
        with self._session.calling(Message("snapshots.revert", name=name)):
            domain = self._session.libvirt.lookupByUUIDString(uuid)
            domain.revertToSnapshot(domain.snapshotLookupByName(name), flags)

    def delete(self, uuid: str, name: str) -> None:
        """Delete an internal snapshot; its children stay."""
        with self._session.calling(Message("snapshots.delete", name=name), *_GONE):
            self._session.libvirt.lookupByUUIDString(uuid).snapshotLookupByName(name).delete(0)

    def forget(self, uuid: str, name: str) -> None:
        """Have libvirt forget a snapshot, whose files stay; its children stay."""
        with self._session.calling(Message("snapshots.delete", name=name), *_GONE):
            snapshot = self._session.libvirt.lookupByUUIDString(uuid).snapshotLookupByName(name)
            snapshot.delete(libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY)

    def define(self, uuid: str, document: str, name: str, *, current: bool) -> None:
        """Have libvirt know a snapshot by this document, in the place of one that has its name."""
        flags = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE
        flags |= libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT if current else 0
        with self._session.calling(Message("snapshots.define", name=name)):
            self._session.libvirt.lookupByUUIDString(uuid).snapshotCreateXML(document, flags)
