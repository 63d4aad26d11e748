"""Reads qcow2 headers without QEMU. Pure: neither ORM nor libvirt. Follows QEMU's docs/interop/qcow2.txt."""

import struct
from dataclasses import dataclass

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
MOST_COUNT_BITS = 6  # exponent of the number of bits of a reference count
LONGEST_PATH = 1023
SECTOR = 512
LARGEST = 2**50  # bytes of a disk, more than any pool has; hostile headers claim far more
MOST_L1 = 2**25  # bytes, QEMU's own limit


@dataclass(frozen=True, kw_only=True)
class Header:
    """The relevant values of a qcow2 header; sizes in bytes. A path is empty if there is no such file."""

    version: int
    size: int
    backing: str
    data_file: str
    encrypted: bool
    cluster: int
    l1_at: int
    l1_entries: int
    l2_entry: int


def read(head: bytes, length: int | None = None) -> Header:
    """Return the header of a qcow2 file of `length` bytes, if that is known.

    Raises:
        ValueError: With the reason why the header is not valid.
    """
    if len(head) < HEADER.size:
        raise ValueError("it is cut off")
    magic, version, at, path_size, bits, size, crypt, l1_size, l1_at, *counts = HEADER.unpack_from(head)
    if magic != MAGIC:
        raise ValueError("it does not begin like one")
    if version not in (2, 3):
        raise ValueError(f"version {version} is not known; there are 2 and 3")
    if not 9 <= bits <= 21:
        raise ValueError(f"clusters of 2^{bits} bytes are not possible")
    if size < SECTOR:
        raise ValueError(f"it claims a disk of {size} bytes, which is none")
    if size > LARGEST:
        raise ValueError(f"it claims a disk of {size:,} bytes, more than any pool has")
    cluster = 1 << bits
    _check_tables(cluster, length, (l1_at, l1_size), *counts)
    features, extensions = 0, HEADER.size
    if version == 3:
        features, extensions = _features(head)
    l2_entry = 16 if features & EXTENDED_L2 else 8
    if l1_size * cluster * (cluster // l2_entry) < size:
        raise ValueError(f"its first table is too small for the {size:,} bytes that it claims")
    path = _path(head, at, path_size, cluster) if at else ""
    data_file = _data_file(head[: at or cluster], extensions)
    if features & EXTERNAL_DATA:
        data_file = data_file or "which it does not name"
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
        ValueError: A table is missing, too large, outside the file or not at the start of a cluster.
    """
    l1_at, l1_size = l1
    places = ((l1_at, 8 * l1_size), (refcounts_at, cluster * refcount_clusters), (snapshots_at, snapshots))
    for offset, table in places:
        if length is not None and table and offset + table > length:
            raise ValueError("the file ends before its tables do")
        if table and (offset % cluster or not offset):
            raise ValueError("its tables are out of place")
    if not refcount_clusters:
        raise ValueError("it has no table of what is in use")
    if 8 * l1_size > MOST_L1:
        raise ValueError(f"its first table has {l1_size:,} entries, more than QEMU takes")


def _features(head: bytes) -> tuple[int, int]:
    """Return the incompatible features, and the offset of the extensions."""
    if len(head) < HEADER.size + HEADER_OF_3.size:
        raise ValueError("it is cut off")
    features, _, _, count_bits, header_length = HEADER_OF_3.unpack_from(head, HEADER.size)
    if features & ~KNOWN_FEATURES:
        raise ValueError(f"it has features that are not known: {features & ~KNOWN_FEATURES:#x}")
    if features & CORRUPT:
        raise ValueError("it is marked as corrupt; repair it with “qemu-img check -r all FILE”")
    if count_bits > MOST_COUNT_BITS:
        raise ValueError("its counts of what is in use are too wide")
    if header_length < HEADER.size + HEADER_OF_3.size or header_length % 8 or header_length > len(head):
        raise ValueError(f"it cannot be {header_length} bytes long")
    packed_otherwise = header_length > COMPRESSION_AT and head[COMPRESSION_AT] != 0
    if packed_otherwise != bool(features & COMPRESSION):
        raise ValueError("it does not say how it is compressed")
    return features, header_length


def _path(head: bytes, at: int, size: int, cluster: int) -> str:
    if not 0 < size <= LONGEST_PATH or at + size > min(cluster, len(head)):
        raise ValueError("the name of its backing file is out of place")
    return _text(head[at : at + size])


def _data_file(head: bytes, at: int) -> str:
    """Return the external data file that the extensions name; "" if there is none."""
    while at + EXTENSION.size <= len(head):
        kind, size = EXTENSION.unpack_from(head, at)
        at += EXTENSION.size
        if kind == 0:
            return ""
        if at + size > len(head):
            raise ValueError("its extensions are cut off")
        if kind == DATA_FILE:
            return _text(head[at : at + size]) or "which it does not name"
        at += -(-size // 8) * 8
    return ""


def _text(name: bytes) -> str:
    """Return a path as printable text."""
    return "".join(char if char.isprintable() else "�" for char in name.decode(errors="replace"))
