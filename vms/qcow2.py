"""What the first bytes of a disk image say of it, without QEMU opening it. Pure: neither ORM nor libvirt.

A qcow2 header can name other files that QEMU then opens: with it, an image can read any file of the host. Follows
QEMU's docs/interop/qcow2.txt.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

MAGIC = b"QFI\xfb"
ENOUGH = 2**21  # bytes: the largest cluster, in the first of which everything stands that is read here
HEADER = struct.Struct(">4sIQIIQIIQQIIQ")
HEADER_OF_3 = struct.Struct(">QQQII")
EXTENSION = struct.Struct(">II")
DATA_FILE = 0x44415441  # the extension that names the external data file
EXTERNAL_DATA = 1 << 2  # of the incompatible features
KNOWN_FEATURES = 0b11111
LONGEST_PATH = 1023

#: the first bytes of what is neither qcow2 nor raw
OTHERS = (
    (0, b"KDMV", "vmdk"),
    (0, b"COWD", "vmdk"),
    (0, b"# Disk DescriptorFile", "vmdk"),
    (0x40, b"\x7f\x10\xda\xbe", "vdi"),
    (0, b"vhdxfile", "vhdx"),
    (0, b"conectix", "vpc"),
    (0, b"QED\0", "qed"),
    (0, b"WithoutFreeSpace", "parallels"),
    (0, b"WithouFreSpacExt", "parallels"),
)
PACKED = (
    (b"\x1f\x8b", "gzip"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"PK\x03\x04", "zip"),
)
CONVERT = "Convert it with “qemu-img convert -O qcow2 FILE FILE.qcow2”"
WHY = "and a qcow2 header can read any file of the host"
#: libvirt's names of formats that an image may have
FORMATS = ("qcow2", "raw", "iso")


@dataclass(frozen=True, kw_only=True)
class Header:
    """What matters of a qcow2 header; `size` in bytes. Empty paths: there is no such file."""

    version: int
    size: int
    backing: str
    data_file: str
    encrypted: bool


def format_of(head: bytes) -> str:
    """qcow2 or raw: what a volume made of this is to be called."""
    return "qcow2" if head.startswith(MAGIC) else "raw"


def problem(head: bytes, length: int | None = None, overlay: bool = False) -> str:
    """Why a file of `length` bytes that begins with `head` cannot be an image, in a sentence; empty if it can.

    `head` has the first ENOUGH bytes, or all of a shorter file. `overlay`: that it has a backing file is looked at
    elsewhere.
    """
    for offset, magic, name in OTHERS:
        if head[offset:].startswith(magic):
            return f"This is a {name} file. {CONVERT}."
    for magic, name in PACKED:
        if head.startswith(magic):
            return f"This is packed with {name}: unpack it first."
    if format_of(head) == "raw":
        return ""
    try:
        header = read(head, length)
    except ValueError as wrong:
        return f"The qcow2 header is wrong: {wrong}."
    if header.backing and not overlay:
        return f"This is an overlay on {header.backing}, {WHY}. {CONVERT}, which makes it whole."
    if header.data_file:
        return f"This keeps its data in another file, {header.data_file}, {WHY}. {CONVERT}, which makes it whole."
    if header.encrypted:
        return f"This is encrypted, and no VM could read it. {CONVERT}."
    return ""


def refused_backing(path: str, pool: str) -> str:
    """What is said of an image that is, at some remove, an overlay on a path outside its pool."""
    return f"This is an overlay on {path}, which is no volume of the pool {pool}, {WHY}."


def read(head: bytes, length: int | None = None) -> Header:
    """The header at the beginning of a qcow2 file of `length` bytes, if that is known; ValueError says why not."""
    if len(head) < HEADER.size:
        raise ValueError("it is cut off")
    fields = HEADER.unpack_from(head)
    magic, version, at, path_size, bits, size, crypt, l1_size, l1_at, table_at, tables = fields[:11]
    if magic != MAGIC:
        raise ValueError("it does not begin like one")
    if version not in (2, 3):
        raise ValueError(f"version {version} is not known; there are 2 and 3")
    if not 9 <= bits <= 21:
        raise ValueError(f"clusters of 2^{bits} bytes are not possible")
    cluster = 1 << bits
    for offset, table in ((l1_at, 8 * l1_size), (table_at, cluster * tables)):
        if length is not None and offset + table > length:
            raise ValueError("the file ends before its tables do")
    features, extensions = 0, HEADER.size
    if version == 3:
        features, extensions = _features(head)
    path = _path(head, at, path_size, cluster) if at else ""
    data_file = _data_file(head[: at or cluster], extensions)
    if features & EXTERNAL_DATA:
        data_file = data_file or "which it does not name"
    return Header(version=version, size=size, backing=path, data_file=data_file, encrypted=bool(crypt))


def _features(head: bytes) -> tuple[int, int]:
    """The incompatible features, and where the extensions begin."""
    if len(head) < HEADER.size + HEADER_OF_3.size:
        raise ValueError("it is cut off")
    features, _, _, _, header_length = HEADER_OF_3.unpack_from(head, HEADER.size)
    if features & ~KNOWN_FEATURES:
        raise ValueError(f"it has features that are not known: {features & ~KNOWN_FEATURES:#x}")
    if header_length < HEADER.size + HEADER_OF_3.size or header_length % 8 or header_length > len(head):
        raise ValueError(f"it cannot be {header_length} bytes long")
    return features, header_length


def _path(head: bytes, at: int, size: int, cluster: int) -> str:
    if not 0 < size <= LONGEST_PATH or at + size > min(cluster, len(head)):
        raise ValueError("the name of its backing file is out of place")
    return _text(head[at : at + size])


def _data_file(head: bytes, at: int) -> str:
    """The external data file that the extensions name; empty if none does."""
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
    """A path as something that can be shown."""
    return "".join(char if char.isprintable() else "�" for char in name.decode(errors="replace"))


def outside(backing: str, backings: Mapping[str, str]) -> str:
    """The first path that a chain of overlays leaves the pool by; empty if it stays in it, and ends.

    `backings` are the paths of the pool's volumes, each with the path of what it is an overlay on, or "".
    """
    seen: set[str] = set()
    while backing:
        if backing not in backings or backing in seen:
            return backing
        seen.add(backing)
        backing = backings[backing]
    return ""
