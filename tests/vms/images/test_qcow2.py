"""Images are checked before QEMU opens them: headers that name other files and non-images are refused."""

import io
import struct
import subprocess
import tarfile
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.examples import examples
from vms.images import qcow2, qcow2_header
from vms.images.qcow2 import SMALL

pytestmark = pytest.mark.integration


def changed(head: bytes, offset: int, layout: str, value: int) -> bytes:
    return head[:offset] + struct.pack(f">{layout}", value) + head[offset + struct.calcsize(f">{layout}") :]


@pytest.mark.parametrize("compat", ["0.10", "1.1"])
def test_a_whole_image_is_taken(make, compat):
    data = make("-o", f"compat={compat}")
    header = qcow2_header.read(data, len(data))
    assert (header.version, header.size) == (3 if compat == "1.1" else 2, 64 * 2**20)
    assert (header.backing, header.data_file) == ("", "")
    assert not qcow2.problem(data, len(data))
    assert qcow2.format_of(data) == "qcow2"


@pytest.mark.parametrize("compat", ["0.10", "1.1"])
def test_an_overlay_is_refused_with_the_path_that_it_would_read(make, compat):
    data = make("-o", f"compat={compat}", "-b", "/etc/shadow", "-F", "raw", "-u")
    said = str(qcow2.problem(data, len(data)))
    assert "an overlay on /etc/shadow, and a qcow2 header can read any file of the host" in said
    assert not qcow2.problem(data, len(data), overlay=True)


def test_an_external_data_file_is_refused_with_its_path(make, tmp_path):
    data = make("-o", f"data_file={tmp_path}/elsewhere,data_file_raw=on")
    assert f"another file, {tmp_path}/elsewhere, and" in str(qcow2.problem(data, len(data), overlay=True))
    nameless = changed(make(), 72, "Q", qcow2_header.EXTERNAL_DATA)
    assert "another file without naming it" in str(qcow2.problem(nameless, len(nameless)))


@pytest.mark.parametrize(
    ("offset", "layout", "value", "said"),
    [
        (4, "I", 5, "version 5 is unknown"),
        (4, "I", 4, "version 4 is unknown"),
        (24, "Q", 0, "a disk size of 0 bytes is not possible"),
        (24, "Q", 2**40, "its first table is too small for the disk size of 1,099,511,627,776 bytes"),
        (36, "I", 0, "its first table is too small"),
        (40, "Q", 0, "its tables are at an invalid position"),
        (40, "Q", 65537, "its tables are at an invalid position"),
        (48, "Q", 0, "its tables are at an invalid position"),
        (56, "I", 0, "it has no reference count table"),
        (60, "I", 5, "its tables are at an invalid position"),
        (72, "Q", 2, "it is marked as corrupt; repair it"),
        (72, "Q", 8, "the compression type is missing"),
        (96, "I", 7, "its reference counts are too wide"),
        (24, "Q", 2**63, "the disk size of 9,223,372,036,854,775,808 bytes"),
        (24, "Q", 2**64 - 1, "the disk size of 18,446,744,073,709,551,615 bytes"),
        (20, "I", 8, "clusters of 2^8 bytes"),
        (20, "I", 63, "clusters of 2^63 bytes"),
        (8, "Q", 2**40, "the name of its backing file is at an invalid position"),
        (8, "Q", 200, "the name of its backing file is at an invalid position"),
        (36, "I", 2**31, "the file ends before its tables do"),
        (40, "Q", 2**60, "the file ends before its tables do"),
        (72, "Q", 1 << 40, "unknown features: 0x10000000000"),
        (100, "I", 103, "it cannot be 103 bytes long"),
        (100, "I", 2**30, "bytes long"),
        (116, "I", 2**31, "its extensions are truncated"),
        (32, "I", 2, "This disk is encrypted"),
    ],
)
def test_a_nonsense_header_is_refused(make, offset, layout, value, said):
    data = changed(make(), offset, layout, value)
    assert said in str(qcow2.problem(data, len(data)))


@pytest.mark.parametrize("entry", [512, 2**40, 2**55, 2**56 - 512])
def test_an_image_whose_first_table_points_outside_the_file_is_refused(filled, entry):
    data = bytearray(filled())
    struct.pack_into(">Q", data, struct.unpack_from(">Q", data, 40)[0], (1 << 63) | entry)
    said = str(qcow2.file_problem(io.BytesIO(data), len(data)))
    assert said.startswith(("This qcow2 file is truncated", "The qcow2 file is damaged"))


def test_snapshots_and_bitmaps_in_a_file_are_no_harm(filled, tmp_path):
    path = tmp_path / "with-more"
    path.write_bytes(filled())
    for words in (["snapshot", "-c", "one", path], ["snapshot", "-c", "two", path], ["bitmap", "--add", path, "b"]):
        subprocess.run(["qemu-img", *words], check=True)
    assert not qcow2.file_problem(io.BytesIO(path.read_bytes()), path.stat().st_size)


def test_a_truncated_file_is_refused_wherever_it_ends(make):
    data = make()
    for length in (4, 71, 80, 103, 110, 4096, 70_000):
        assert "The qcow2 header is wrong" in str(qcow2.problem(data[:length], length)), length


@pytest.mark.parametrize("kind", ["vmdk", "vdi", "vhdx", "vpc", "qed", "parallels"])
def test_other_formats_are_refused_with_the_command_that_converts(make, kind):
    data = make(kind=kind)
    said = str(qcow2.problem(data[: qcow2.HEAD_SIZE], len(data)))
    assert said == f"This is a {kind} file. Convert it with “qemu-img convert -O qcow2 FILE FILE.qcow2”."


@pytest.mark.parametrize("program", ["gzip", "xz", "bzip2"])
def test_a_compressed_image_is_refused_with_how_to_decompress_it(tmp_path, program):
    path = tmp_path / "made"
    path.write_bytes(b"\0" * 1000)
    packed = subprocess.run([program, "--stdout", path], check=True, capture_output=True).stdout
    assert str(qcow2.problem(packed, len(packed))) == f"This file is compressed with {program}. Decompress it first."


TAR = io.BytesIO()
with tarfile.open(fileobj=TAR, mode="w") as archive:
    archive.add(__file__)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "This is not a disk. It has 0 bytes"),
        (b"\0", "This is not a disk. It has 1 bytes"),
        (b"\0" * 511, "This is not a disk. It has 511 bytes"),
        (b"\0" * 700, "This is not a disk. It has 700 bytes"),
        (b"#!/bin/sh\ntrue\n" * 100, "This is text, not a disk."),
        ("ü".encode() * 5000, "This is text, not a disk."),
        (b"\n <!DOCTYPE HTML>\n<title>404</title>" + b" " * 600, "This is a web page, not a disk"),
        (b"7z\xbc\xaf\x27\x1c\0\4" + bytes(600), "This file is compressed with 7z. Decompress it first."),
        (b"LUKS\xba\xbe\0\2" + bytes(4096), "This disk is encrypted (LUKS)"),
        (TAR.getvalue(), "This is a tar archive, for example an OVA."),
        (b"hsqs" + bytes(SMALL), "This is a squashfs file system"),
        (b"\x7fELF\2\1\1" + bytes(SMALL), "This is a program, not a disk."),
        (b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0" + bytes(SMALL), "This is a program of EFI or Windows, not a disk."),
        (b"%PDF-1.7\n\xff" + bytes(SMALL), "This is a PDF document, not a disk."),
        (b"\x3a\xff\x26\xed\1\0" + bytes(SMALL), "This is an Android sparse image"),
        (b"\x5d\0\0\x80\0" + bytes(SMALL), "This file is compressed with lzma. Decompress it first."),
        (b"QFI\xfb\0\0\0\1" + bytes(SMALL), "This is a qcow file. Convert it with"),
        (bytes(SMALL) + b"koly".ljust(512, b"\0"), "This is a dmg file. Convert it with"),
        (bytes(SMALL) + b"conectix".ljust(512, b"\0"), "This is a vpc file, a VHD."),
    ],
)
def test_a_file_that_is_no_disk_image_is_refused(data, said):
    assert str(qcow2.file_problem(io.BytesIO(data), len(data))).startswith(said)


@pytest.mark.parametrize("kind", ["gpt", "dos"])
def test_a_raw_disk_with_a_partition_table_passes(kind):
    data = bytearray(2 * SMALL)
    data[446:462] = bytes.fromhex("80200021 0c5fbe00 00080000 00f80000")
    data[510:512] = b"\x55\xaa"
    if kind == "gpt":
        data[512:520] = b"EFI PART"
    assert not qcow2.file_problem(io.BytesIO(data), len(data))


OPTIONS = {
    "version 2": ("-o", "compat=0.10"),
    "version 3": ("-o", "compat=1.1"),
    "zstd": ("-c", "-o", "compression_type=zstd"),
    "compressed": ("-c",),
    "extended L2": ("-o", "extended_l2=on,cluster_size=128k"),
    "small clusters": ("-o", "cluster_size=512"),
    "large clusters": ("-o", "cluster_size=2M"),
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_whole_file_passes_and_one_that_was_cut_is_refused(filled, options):
    data = filled(*options)
    assert not qcow2.file_problem(io.BytesIO(data), len(data))
    for part in (0.1, 0.5, 0.9):
        cut = data[: int(part * len(data)) // 512 * 512]
        said = str(qcow2.file_problem(io.BytesIO(cut), len(cut)))
        assert "is truncated. Its tables refer to data up to byte" in said or "ends before its tables do" in said


def test_an_encrypted_file_is_refused(make):
    secret = ("--object", "secret,id=s,data=abc", "-o", "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10")
    data = make(*secret)
    assert "This disk is encrypted" in str(qcow2.file_problem(io.BytesIO(data), len(data)))


def test_tables_that_fill_a_whole_file_are_read_in_little_time(make):
    """Each entry of a hostile first table leads to another table, in the same few clusters or all over a long file."""
    data = bytearray(make(size="512T"))
    l1_at, l1_entries = struct.unpack_from(">Q", data, 40)[0], struct.unpack_from(">I", data, 36)[0]
    for index in range(l1_entries):
        struct.pack_into(">Q", data, l1_at + 8 * index, (1 << 63) | (65536 * (index % 3)))
    began = time.process_time()
    qcow2.file_problem(io.BytesIO(data), len(data))
    assert time.process_time() - began < 5


@settings(max_examples=examples(100), deadline=None)
@given(st.binary(max_size=400), st.integers(0, 200))
def test_any_header_can_be_read(data, at):
    whole = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 3, 0, 0, 16, 2**30, 0, 2, 512, 512, 1, 0, 0) + bytes(2000)
    file = whole[: 8 + at] + data + whole[8 + at + len(data) :]
    qcow2.file_problem(io.BytesIO(file), len(file))


def test_an_unknown_format_is_raw():
    assert not qcow2.problem(b"\0" * 512, 512)
    assert qcow2.format_of(b"\0" * 512) == "raw"
    assert not qcow2.problem(bytes(range(256)) * 4, 1024)


@pytest.mark.parametrize(
    ("backing", "out"),
    [
        ("", ""),
        ("/pool/base", ""),
        ("/pool/middle", ""),
        ("/etc/shadow", "/etc/shadow"),
        ("/pool/sly", "/etc/shadow"),
        ("/pool/../etc/shadow", "/pool/../etc/shadow"),
        ("/pool/ring", "/pool/ring"),
        ("json:{}", "json:{}"),
    ],
)
def test_a_chain_of_overlays_may_not_leave_the_pool(backing, out):
    backings = {"/pool/base": "", "/pool/middle": "/pool/base", "/pool/sly": "/etc/shadow", "/pool/ring": "/pool/ring"}
    assert qcow2.outside(backing, backings) == out
