"""Reads qcow2 headers without QEMU. Pure: neither ORM nor libvirt. Follows QEMU's docs/interop/qcow2.txt."""

import struct
from dataclasses import dataclass

from virterweb.messages import Failure, Message

MAGIC = b"QFI\xfb"
HEADER = struct.Struct(">4sIQIIQIIQQIIQ")
HEADER_OF_3 = struct.Struct(">QQQII")
EXTENSION = struct.Struct(">II")
DATA_FILE = 0x44415441  # the extension that names the external data file
CORRUPT = 1 << 1  # of the incompatible features
EXTERNAL_DATA = 1 << 2
COMPRESSION = 1 << 3
EXTENDED_L2 = 1 << 4
KNOWN_FEATURES = 0b11111
COMPRESSION_AT = 104  # offset of the byte with the compression type
MAX_COUNT_BITS = 6  # exponent of the number of bits of a reference count
LONGEST_PATH = 1023
SECTOR = 512
LARGEST = 2**50  # bytes of a disk, more than any pool has; hostile headers claim far more
MOST_L1 = 2**25  # bytes, QEMU's own limit


class Damaged(Failure):
    """A qcow2 file that QEMU would not accept: `message` is the reason, as the end of a sentence."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """The relevant values of a qcow2 header; sizes in bytes. `backing` is empty if there is no such file.

    `data_file` is empty if the file has its data itself, and None if the header does not name the file that has it.
    """

    version: int
    size: int
    backing: str
    data_file: str | None
    encrypted: bool
    cluster: int
    l1_at: int
    l1_entries: int
    l2_entry: int


def read(head: bytes, length: int | None = None) -> Header:
    """Return the header of a qcow2 file of `length` bytes, if that is known.

    Raises:
        Damaged: With the reason why the header is not valid.
    """
    if len(head) < HEADER.size:
        raise Damaged(Message("qcow2.cut_off"))
    magic, version, at, path_size, bits, size, crypt, l1_size, l1_at, *counts = HEADER.unpack_from(head)
    if magic != MAGIC:
        raise Damaged(Message("qcow2.magic"))
    if version not in (2, 3):
        raise Damaged(Message("qcow2.version", version=version))
    if not 9 <= bits <= 21:
        raise Damaged(Message("qcow2.cluster", bits=bits))
    if size < SECTOR:
        raise Damaged(Message("qcow2.no_size", size=size))
    if size > LARGEST:
        raise Damaged(Message("qcow2.size", size=size))
    cluster = 1 << bits
    _check_tables(cluster, length, (l1_at, l1_size), *counts)
    features, extensions = 0, HEADER.size
    if version == 3:
        features, extensions = _features(head)
    l2_entry = 16 if features & EXTENDED_L2 else 8
    if l1_size * cluster * (cluster // l2_entry) < size:
        raise Damaged(Message("qcow2.small_table", size=size))
    path = _path(head, at, path_size, cluster) if at else ""
    data_file = _data_file(head[: at or cluster], extensions)
    if features & EXTERNAL_DATA:
        data_file = data_file or None
    return Header(
        **{"version": version, "size": size, "backing": path, "data_file": data_file, "encrypted": bool(crypt)},
        **{"cluster": cluster, "l1_at": l1_at, "l1_entries": l1_size, "l2_entry": l2_entry},
    )


def _check_tables(
    cluster: int,
    length: int | None,
    l1: tuple[int, int],
    refcounts_at: int,
    refcount_clusters: int,
    snapshots: int,
    snapshots_at: int,
) -> None:
    """Check the places and sizes of the header's tables. `l1` is the offset and the number of entries.

    Raises:
        Damaged: A table is missing, too large, outside the file or not at the start of a cluster.
    """
    l1_at, l1_size = l1
    places = ((l1_at, 8 * l1_size), (refcounts_at, cluster * refcount_clusters), (snapshots_at, snapshots))
    for offset, table in places:
        if length is not None and table and offset + table > length:
            raise Damaged(Message("qcow2.ends_early"))
        if table and (offset % cluster or not offset):
            raise Damaged(Message("qcow2.place"))
    if not refcount_clusters:
        raise Damaged(Message("qcow2.no_counts"))
    if 8 * l1_size > MOST_L1:
        raise Damaged(Message("qcow2.large_table", entries=l1_size))


def _features(head: bytes) -> tuple[int, int]:
    """Return the incompatible features, and the offset of the extensions."""
    if len(head) < HEADER.size + HEADER_OF_3.size:
        raise Damaged(Message("qcow2.cut_off"))
    features, _, _, count_bits, header_length = HEADER_OF_3.unpack_from(head, HEADER.size)
    if features & ~KNOWN_FEATURES:
        raise Damaged(Message("qcow2.features", features=features & ~KNOWN_FEATURES))
    if features & CORRUPT:
        raise Damaged(Message("qcow2.corrupt"))
    if count_bits > MAX_COUNT_BITS:
        raise Damaged(Message("qcow2.wide_counts"))
    if header_length < HEADER.size + HEADER_OF_3.size or header_length % 8 or header_length > len(head):
        raise Damaged(Message("qcow2.length", length=header_length))
    packed_otherwise = header_length > COMPRESSION_AT and head[COMPRESSION_AT] != 0
    if packed_otherwise != bool(features & COMPRESSION):
        raise Damaged(Message("qcow2.compression"))
    return features, header_length


def _path(head: bytes, at: int, size: int, cluster: int) -> str:
    if not 0 < size <= LONGEST_PATH or at + size > min(cluster, len(head)):
        raise Damaged(Message("qcow2.path"))
    return _text(head[at : at + size])


def _data_file(head: bytes, at: int) -> str | None:
    """Return the external data file that the extensions name; "" if there is none, None if its name is empty."""
    while at + EXTENSION.size <= len(head):
        kind, size = EXTENSION.unpack_from(head, at)
        at += EXTENSION.size
        if kind == 0:
            return ""
        if at + size > len(head):
            raise Damaged(Message("qcow2.extensions"))
        if kind == DATA_FILE:
            return _text(head[at : at + size]) or None
        at += -(-size // 8) * 8
    return ""


def _text(name: bytes) -> str:
    """Return a path as printable text."""
    return "".join(char if char.isprintable() else "�" for char in name.decode(errors="replace"))
