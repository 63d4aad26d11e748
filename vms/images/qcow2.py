"""Checks whether a file can be a disk image, without QEMU opening it. Pure: neither ORM nor libvirt.

A qcow2 header can name other files, which QEMU then opens: such an image can read any file of the host. Follows QEMU's
docs/interop/qcow2.txt.
"""

import sys
import tarfile
from array import array
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from .qcow2_header import MAGIC, SECTOR, Header, read

ENOUGH = 2**21  # bytes of the largest cluster; the first cluster contains everything that is read here
SMALL = 2**20  # bytes below which a raw disk must have whole sectors; QEMU pads larger files
MOST_L2 = 2**28  # bytes of tables that are read, enough for 2 TiB; limits the time of a check
OFFSET = (1 << 56) - (1 << 9)  # the bits of a table's entry with the offset in the file
COMPRESSED = 1 << 62

#: the first bytes of other disk formats
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
    (0, b"Bochs Virtual HD Image", "bochs"),
    (0, b"#!/bin/sh\n#V2.0 Format\nmodprobe cloop", "cloop"),
    (0, b"QFI\xfb\0\0\0\1", "qcow"),
)
PACKED = (
    (b"\x1f\x8b", "gzip"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x02\x21\x4c\x18", "lz4"),
    (b"\x5d\0\0", "lzma"),
    (b"LZIP", "lzip"),
    (b"\x89LZO\0", "lzop"),
    (b"\x1f\x9d", "compress"),
    (b"xar!", "xar"),
    (b"\xed\xab\xee\xdb", "rpm"),
    (b"MSWIM\0\0\0", "wim"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"!<arch>\n", "ar"),
    (b"MSCF\0\0\0\0", "cabinet"),
    (b"070701", "cpio"),
    (b"070702", "cpio"),
)
#: the first bytes of files that neither are nor contain a disk
NO_DISKS = (
    (b"hsqs", "a squashfs file system, not a disk: containers and live systems have it, and no VM boots from it"),
    (b"\x3a\xff\x26\xed", "a sparse image of Android: make it a disk with “simg2img”"),
    (b"\x7fELF", "a program"),
    (b"%PDF-", "a PDF document"),
    (b"\x89PNG\r\n", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"SQLite format 3\0", "a database"),
    (b"version https://git-lfs", "a pointer of Git LFS: fetch the file itself with “git lfs pull”"),
)
PROGRAM = (
    b"MZ",
    0x3C,
    b"PE\0\0",
)  # of EFI or Windows: first bytes, place of the second signature's offset, second signature
LUKS = b"LUKS\xba\xbe"
#: the beginning of a file's last sector
FOOTERS = ((b"conectix", "vpc file, a VHD"), (b"koly", "dmg file"))
PAGE = ("<!doctype html", "<html")
TEXT = 4096  # bytes that are checked
CONVERT = "Convert it with “qemu-img convert -O qcow2 FILE FILE.qcow2”"
WHY = "and a qcow2 header can read any file of the host"
#: libvirt's names of formats that an image may have
FORMATS = ("qcow2", "raw", "iso")


def format_of(head: bytes) -> str:
    """Return the format of a volume with this content: qcow2 or raw."""
    return "qcow2" if head.startswith(MAGIC) else "raw"


def problem(head: bytes, length: int | None = None, overlay: bool = False) -> str:
    """Return why a file of `length` bytes that begins with `head` cannot be an image, as a sentence; "" if it can.

    `head` has the first ENOUGH bytes, or all of a shorter file. With `overlay`, a backing file is accepted: the caller
    checks it.
    """
    for offset, magic, name in OTHERS:
        if head[offset:].startswith(magic):
            return f"This is a {name} file. {CONVERT}."
    for magic, name in PACKED:
        if head.startswith(magic):
            return f"This is packed with {name}: unpack it first."
    for magic, what in NO_DISKS:
        if head.startswith(magic):
            return f"This is {what}." if ":" in what else f"This is {what}, not a disk."
    if _is_program(head):
        return "This is a program of EFI or Windows, not a disk."
    if format_of(head) == "raw":
        return _raw_problem(head, length)
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


def file_problem(file: BinaryIO, length: int) -> str:
    """Return why a whole file cannot be an image, as a sentence; "" if it can. Reads its head, tables and end."""
    file.seek(0)
    head = file.read(ENOUGH)
    if wrong := problem(head, length):
        return wrong
    if format_of(head) == "raw":
        file.seek(max(0, length - SECTOR))
        end = file.read(SECTOR)
        return next((f"This is a {what}. {CONVERT}." for magic, what in FOOTERS if end.startswith(magic)), "")
    try:
        end = _farthest(file, read(head, length), length)
    except ValueError as wrong:
        return f"The qcow2 file is damaged: {wrong}. Copy or download it again."
    if end > length:
        return (
            f"This qcow2 file is cut off: its tables point to data up to byte {end:,}, and it has {length:,}. "
            "Copy or download it again."
        )
    return ""


def _is_program(head: bytes) -> bool:
    start, at, mark = PROGRAM
    where = int.from_bytes(head[at : at + 4], "little")
    return head.startswith(start) and head[where : where + len(mark)] == mark


def _raw_problem(head: bytes, length: int | None) -> str:
    """Return why a file without another known format is not a raw disk either; "" if it can be one."""
    if head.startswith(LUKS):
        return f"This is encrypted (LUKS), and no VM could read it. {CONVERT}, with its secret."
    if text := _text_problem(head):
        return text
    with_sectors = length is None or (length >= SECTOR and (length >= SMALL or length % SECTOR == 0))
    if not with_sectors:
        return f"This is no disk: it has {length} bytes, and a disk has whole sectors of {SECTOR}."
    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "replace")
    except tarfile.HeaderError:
        return ""
    return f"This is a tar archive, as an OVA is: unpack it first. {CONVERT}, with the disk that is in it."


def _text_problem(head: bytes) -> str:
    try:
        # The last character may be incomplete.
        text = head[:TEXT].decode() if len(head) <= TEXT else head[:TEXT].decode(errors="ignore")
    except UnicodeDecodeError:
        return ""
    if not text or not all(char.isprintable() or char in "\t\n\r\f\ufeff" for char in text):
        return ""
    if text.lstrip("\ufeff \t\r\n").lower().startswith(PAGE):
        return "This is a web page, not a disk: its address leads to a page about the download, not to the file."
    return "This is text, not a disk."


def _farthest(file: BinaryIO, header: Header, length: int) -> int:
    """Return the size that a qcow2 file must have for all that its tables point to.

    The last cluster may be incomplete, as in files that QEMU writes.

    Raises:
        ValueError: A table points to something other than clusters.
    """
    file.seek(header.l1_at)
    l1 = _numbers(file.read(8 * header.l1_entries))
    tables = sorted({entry & OFFSET for entry in l1} - {0})
    end = max((at + header.cluster for at in tables), default=0)
    if any(at % header.cluster for at in tables):
        raise ValueError("its first table does not point to clusters")
    if end > length:
        return end
    for at in tables[: MOST_L2 // header.cluster]:
        file.seek(at)
        table = file.read(header.cluster)
        end = max(end, *_ends(table[: len(table) - len(table) % header.l2_entry], header))
    return end


def _ends(table: bytes, header: Header) -> Iterator[int]:
    """Yield the sizes that the file needs for the entries of an L2 table, plain and compressed ones."""
    yield 0
    step = header.l2_entry
    flags = table[::step]  # the highest byte of each entry
    plain = bytearray(table if step == 8 else b"".join(table[at : at + 8] for at in range(0, len(table), step)))
    plain[::8] = bytes(len(plain) // 8)
    for index, flag in enumerate(flags):
        if flag & 0x40:
            plain[8 * index : 8 * index + 8] = bytes(8)
            yield _compressed(int.from_bytes(table[index * step : index * step + 8]), header)
    if farthest := max(_numbers(plain), default=0) & OFFSET:
        yield farthest + 1


def _compressed(entry: int, header: Header) -> int:
    bits = 62 - (header.cluster.bit_length() - 1 - 8)
    return (entry & ((1 << bits) - 1)) + 1


def _numbers(data: bytes | bytearray) -> array:
    found = array("Q", bytes(data[: len(data) - len(data) % 8]))
    if sys.byteorder == "little":
        found.byteswap()
    return found


def refused_backing(path: str, pool: str) -> str:
    """Return the sentence about an image that is, directly or not, an overlay on a path outside its pool."""
    return f"This is an overlay on {path}, which is no volume of the pool {pool}, {WHY}."


def outside(backing: str, backings: Mapping[str, str]) -> str:
    """Return the first path of a backing chain outside the pool, or repeated; "" if the chain stays in the pool.

    `backings` are the paths of the pool's volumes, each with its backing path or "".
    """
    seen: set[str] = set()
    while backing:
        if backing not in backings or backing in seen:
            return backing
        seen.add(backing)
        backing = backings[backing]
    return ""
