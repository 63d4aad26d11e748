"""Checks whether a file can be a disk image, without QEMU opening it. Pure: neither ORM nor libvirt.

A qcow2 header can name other files, which QEMU then opens: such an image can read any file of the host. Follows QEMU's
docs/interop/qcow2.txt.
"""

import sys
import tarfile
from array import array
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from virterweb.messages import Message

from .qcow2_header import MAGIC, SECTOR, Damaged, Header, read

HEAD_SIZE = 2**21  # bytes of the largest cluster; the first cluster contains everything that is read here
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
    (b"hsqs", "file.squashfs"),
    (b"\x3a\xff\x26\xed", "file.android"),
    (b"\x7fELF", "file.program"),
    (b"%PDF-", "file.pdf"),
    (b"\x89PNG\r\n", "file.picture"),
    (b"\xff\xd8\xff", "file.picture"),
    (b"SQLite format 3\0", "file.database"),
    (b"version https://git-lfs", "file.git_lfs"),
)
PROGRAM = (
    b"MZ",
    0x3C,
    b"PE\0\0",
)  # of EFI or Windows: first bytes, place of the second signature's offset, second signature
LUKS = b"LUKS\xba\xbe"
#: the beginning of a file's last sector
FOOTERS = ((b"conectix", Message("file.vhd")), (b"koly", Message("file.format", format="dmg")))
PAGE = ("<!doctype html", "<html")
TEXT = 4096  # bytes that are checked
#: libvirt's names of formats that an image may have
FORMATS = ("qcow2", "raw", "iso")


def format_of(head: bytes) -> str:
    """Return the format of a volume with this content: qcow2 or raw."""
    return "qcow2" if head.startswith(MAGIC) else "raw"


def problem(head: bytes, length: int | None = None, overlay: bool = False) -> Message:
    """Return why a file of `length` bytes that begins with `head` cannot be an image; an empty message if it can.

    `head` has the first HEAD_SIZE bytes, or all of a shorter file. With `overlay`, a backing file is accepted: the
    caller checks it.
    """
    for offset, magic, name in OTHERS:
        if head[offset:].startswith(magic):
            return Message("file.format", format=name)
    for magic, name in PACKED:
        if head.startswith(magic):
            return Message("file.packed", program=name)
    for magic, code in NO_DISKS:
        if head.startswith(magic):
            return Message(code)
    if _is_program(head):
        return Message("file.windows")
    if format_of(head) == "raw":
        return _raw_problem(head, length)
    try:
        header = read(head, length)
    except Damaged as wrong:
        return Message("file.header", reason=wrong.message)
    return _reads_others(header, overlay)


def _reads_others(header: Header, overlay: bool) -> Message:
    """Return why QEMU could not read a file by itself; an empty message if it can."""
    if header.backing and not overlay:
        return Message("file.overlay", path=header.backing)
    if header.data_file is None:
        return Message("file.data_nowhere")
    if header.data_file:
        return Message("file.data_elsewhere", path=header.data_file)
    return Message("file.encrypted") if header.encrypted else Message()


def file_problem(file: BinaryIO, length: int) -> Message:
    """Return why a whole file cannot be an image; an empty message if it can. Reads its head, tables and end."""
    file.seek(0)
    head = file.read(HEAD_SIZE)
    if wrong := problem(head, length):
        return wrong
    if format_of(head) == "raw":
        file.seek(max(0, length - SECTOR))
        end = file.read(SECTOR)
        return next((wrong for magic, wrong in FOOTERS if end.startswith(magic)), Message())
    try:
        end = _farthest(file, read(head, length), length)
    except Damaged as wrong:
        return Message("file.damaged", reason=wrong.message)
    return Message("file.cut_off", end=end, length=length) if end > length else Message()


def _is_program(head: bytes) -> bool:
    start, at, mark = PROGRAM
    where = int.from_bytes(head[at : at + 4], "little")
    return head.startswith(start) and head[where : where + len(mark)] == mark


def _raw_problem(head: bytes, length: int | None) -> Message:
    """Return why a file without another known format is not a raw disk either; an empty message if it can be one."""
    if head.startswith(LUKS):
        return Message("file.luks")
    if text := _text_problem(head):
        return text
    with_sectors = length is None or (length >= SECTOR and (length >= SMALL or length % SECTOR == 0))
    if not with_sectors:
        return Message("file.sectors", length=length, sector=SECTOR)
    try:
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "replace")
    except tarfile.HeaderError:
        return Message()
    return Message("file.tar")


def _text_problem(head: bytes) -> Message:
    try:
        # The last character may be incomplete.
        text = head[:TEXT].decode() if len(head) <= TEXT else head[:TEXT].decode(errors="ignore")
    except UnicodeDecodeError:
        return Message()
    if not text or not all(char.isprintable() or char in "\t\n\r\f\ufeff" for char in text):
        return Message()
    return Message("file.web_page" if text.lstrip("\ufeff \t\r\n").lower().startswith(PAGE) else "file.text")


def _farthest(file: BinaryIO, header: Header, length: int) -> int:
    """Return the size that a qcow2 file must have for all that its tables point to.

    The last cluster may be incomplete, as in files that QEMU writes.

    Raises:
        Damaged: A table points to something other than clusters.
    """
    file.seek(header.l1_at)
    l1 = _numbers(file.read(8 * header.l1_entries))
    tables = sorted({entry & OFFSET for entry in l1} - {0})
    end = max((at + header.cluster for at in tables), default=0)
    if any(at % header.cluster for at in tables):
        raise Damaged(Message("qcow2.stray_table"))
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
