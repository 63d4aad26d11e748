"""Storage pools and their volumes."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

import libvirt
from lxml import etree

from virterweb.hypervisors.gateway.bounds import whole_number
from virterweb.hypervisors.gateway.found import (
    POOLS_OF_FILES,
    Busy,
    FoundPool,
    FoundVolume,
    Guard,
    PoolUnreadable,
    normal_path,
    skip_unreadable,
)
from virterweb.hypervisors.gateway.session import Session, object_name
from virterweb.messages import Message

_NO_VOLUME = (libvirt.VIR_ERR_NO_STORAGE_VOL, libvirt.VIR_ERR_NO_STORAGE_POOL)


class Pools:
    """The storage pools of a hypervisor."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def active(self) -> list[str]:
        """Return the names of the active pools."""
        with self._session.calling(Message("pools.active")):
            active = libvirt.VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE
            return [pool.name() for pool in self._session.libvirt.listAllStoragePools(active)]
        return []

    def all(self, guard: Guard = skip_unreadable) -> list[FoundPool]:
        """Return all pools, also the inactive ones."""
        found: list[FoundPool] = []
        pools: list[libvirt.virStoragePool] = []
        with self._session.calling(Message("pools.all")):
            pools = self._session.libvirt.listAllStoragePools()
        for pool in pools:
            name = object_name(pool)
            reading = self._session.calling(Message("pools.folder", pool=name), libvirt.VIR_ERR_NO_STORAGE_POOL)
            with guard(name, name), reading:
                found.append(_found_pool(pool))
        return found

    def get(self, pool: str) -> FoundPool | None:
        with self._session.calling(Message("pools.folder", pool=pool), libvirt.VIR_ERR_NO_STORAGE_POOL):
            return _found_pool(self._session.libvirt.storagePoolLookupByName(pool))
        return None

    def folder(self, pool: str) -> str:
        """Return the folder of a pool of files; "" for other pools, such as LVM, and for one that does not exist."""
        with self._session.calling(Message("pools.folder", pool=pool), libvirt.VIR_ERR_NO_STORAGE_POOL):
            root = etree.fromstring(self._session.libvirt.storagePoolLookupByName(pool).XMLDesc())
            return root.findtext("target/path", "") if root.get("type") in POOLS_OF_FILES else ""
        return ""


class Volumes:
    """The volumes of pools, each named by its pool and its name in it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def all(self, pool: str, guard: Guard = skip_unreadable) -> list[FoundVolume]:
        """Return the volumes of a pool; raise PoolUnreadable if they cannot be listed, as for an inactive pool."""
        found: list[FoundVolume] = []
        with self._session.calling(Message("volumes.all", pool=pool)), _readable(pool):
            opened = self._session.libvirt.storagePoolLookupByName(pool)
            with suppress(libvirt.libvirtError):  # refused while something is streamed into the pool
                opened.refresh()
            volumes = opened.listAllVolumes()
        for volume in volumes:
            name = object_name(volume)
            with (
                guard(name, name),
                self._session.calling(Message("volumes.all_one", name=name), *_NO_VOLUME),
                _absent_file(),
            ):
                found.append(_found_volume(volume))
        return found

    def get(self, pool: str, name: str) -> FoundVolume | None:
        with self._session.calling(Message("volumes.get", name=name, pool=pool), libvirt.VIR_ERR_NO_STORAGE_VOL):
            volume = self._session.libvirt.storagePoolLookupByName(pool).storageVolLookupByName(name)
            return _found_volume(volume)
        return None

    def at(self, path: str) -> tuple[str, FoundVolume] | None:
        """Return the volume of a path with its pool; None if it is in no active pool, as of the latest `all`."""
        with self._session.calling(Message("volumes.at", path=path), *_NO_VOLUME), _absent_file():
            volume = self._session.libvirt.storageVolLookupByPath(path)
            return volume.storagePoolLookupByVolume().name(), _found_volume(volume)
        return None

    def allocation(self, path: str) -> int | None:
        """Return how many bytes the file of a volume takes; None if that is unknown."""
        with self._session.calling(Message("volumes.at", path=path), *_NO_VOLUME), _absent_file():
            return self._session.libvirt.storageVolLookupByPath(path).info()[2]
        return None

    def allocated(self, pool: str, name: str) -> int:
        """Return how many bytes a volume takes, also one that is being made; 0 if libvirt cannot tell now."""
        with suppress(libvirt.libvirtError):
            return self._session.libvirt.storagePoolLookupByName(pool).storageVolLookupByName(name).info()[2]
        return 0

    def file_size(self, pool: str, name: str) -> int | None:
        """Return the current size of a volume's file in bytes; None if there is no such volume."""
        with self._session.calling(Message("volumes.file_size", name=name, pool=pool), *_NO_VOLUME), _absent_file():
            document = self._find_volume(pool, name).XMLDesc()
            return int(etree.fromstring(document).findtext("physical", "0"))  # left out for an empty file
        return None

    def read(self, pool: str, name: str, offset: int, most: int) -> bytes | None:
        """Return up to `most` bytes of a volume from `offset`, empty at or beyond its end; None if there is no volume.

        A file that another program makes in the pool's folder is a volume after the pool is refreshed.
        """
        pieces: list[bytes] = []
        with self._session.calling(Message("volumes.read", name=name, pool=pool), *_NO_VOLUME), _absent_file():
            stream = self._session.libvirt.newStream()
            # A length of 0 would mean all of it.
            self._find_volume(pool, name).download(stream, offset, max(1, most))
            stream.recvAll(lambda stream, data, opaque: pieces.append(data), None)
            stream.finish()
            return b"".join(pieces)[:most]
        return None

    def _find_volume(self, pool: str, name: str) -> libvirt.virStorageVol:
        opened = self._session.libvirt.storagePoolLookupByName(pool)
        with suppress(libvirt.libvirtError):
            return opened.storageVolLookupByName(name)
        opened.refresh()
        return opened.storageVolLookupByName(name)

    def create(self, pool: str, document: str, name: str) -> None:
        with self._session.calling(Message("volumes.create", name=name, pool=pool)):
            self._session.libvirt.storagePoolLookupByName(pool).createXML(document)

    def clone(self, pool: str, source: str, document: str, name: str) -> None:
        """Have the hypervisor copy a volume into a new one: raw into raw byte by byte, else by converting it whole."""
        with self._session.calling(Message("volumes.clone", source=source, pool=pool, name=name)):
            opened = self._session.libvirt.storagePoolLookupByName(pool)
            opened.createXMLFrom(document, opened.storageVolLookupByName(source))

    def download(self, pool: str, name: str, data: BinaryIO, progress: Callable[[int], None]) -> None:
        """Write the bytes of a volume, without its backing image, to a file; `progress` gets the number received."""
        with self._session.calling(Message("volumes.download", name=name, pool=pool)):
            stream = self._session.libvirt.newStream()
            self._session.libvirt.storagePoolLookupByName(pool).storageVolLookupByName(name).download(stream, 0, 0)
            came = 0

            def chunk(stream: object, piece: bytes, opaque: object) -> None:
                nonlocal came
                data.write(piece)
                came += len(piece)
                progress(came)

            stream.recvAll(chunk, None)
            stream.finish()

    def upload(
        self, pool: str, name: str, data: BinaryIO, size: int, progress: Callable[[int], None] | None = None
    ) -> None:
        """Stream `size` bytes into a volume, also to a remote hypervisor; `progress` gets the number sent."""
        with self._session.calling(Message("volumes.upload", name=name, pool=pool)):
            volume = self._session.libvirt.storagePoolLookupByName(pool).storageVolLookupByName(name)
            stream = self._session.libvirt.newStream()
            volume.upload(stream, 0, size)
            sent = 0

            def chunk(stream: object, count: int, opaque: object) -> bytes:
                nonlocal sent
                piece = data.read(count)
                sent += len(piece)
                if progress and piece:
                    progress(sent)
                return piece

            stream.sendAll(chunk, None)
            stream.finish()

    def delete(self, pool: str, name: str, of: str = "") -> None:
        """Delete a volume; one that is named after a VM only while libvirt has that, given by its UUID.

        Raises Busy if it has not: another VM of the same name may have recreated the volume.
        """
        gone = (libvirt.VIR_ERR_NO_STORAGE_VOL, libvirt.VIR_ERR_NO_STORAGE_POOL)
        with self._session.calling(Message("volumes.delete", name=name, pool=pool), *gone):
            if of and not self._has_domain(of):
                raise Busy(Message("volume.owner_gone", name=name))
            self._session.libvirt.storagePoolLookupByName(pool).storageVolLookupByName(name).delete()

    def _has_domain(self, uuid: str) -> bool:
        with suppress(libvirt.libvirtError):
            return bool(self._session.libvirt.lookupByUUIDString(uuid))
        return False


@contextmanager
def _readable(pool: str) -> Iterator[None]:
    """Raise PoolUnreadable, with the reason, for a pool that cannot be read."""
    try:
        yield
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_STORAGE_POOL:
            raise PoolUnreadable(Message("pool.missing", pool=pool), str(error), missing=True) from error
        if error.get_error_code() == libvirt.VIR_ERR_OPERATION_INVALID:
            raise PoolUnreadable(Message("pool.inactive", pool=pool), str(error)) from error
        raise


@contextmanager
def _absent_file() -> Iterator[None]:
    """Treat the error of libvirt for a volume whose file is gone as if the volume were gone."""
    try:
        yield
    except libvirt.libvirtError as error:
        if error.get_error_code() != libvirt.VIR_ERR_SYSTEM_ERROR or error.get_int1() != errno.ENOENT:
            raise


def _found_pool(pool: libvirt.virStoragePool) -> FoundPool:
    root = etree.fromstring(pool.XMLDesc())
    sizes = {each: whole_number(root.findtext(each)) for each in ("capacity", "allocation", "available")}
    return FoundPool(name=object_name(pool), kind=root.get("type", ""), active=bool(pool.isActive()), **sizes)


def _found_volume(volume: libvirt.virStorageVol) -> FoundVolume:
    return FoundVolume(name=volume.name(), path=normal_path(volume.path()), document=volume.XMLDesc())
