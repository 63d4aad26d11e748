"""An image is looked at before QEMU opens it: a header that names other files is refused, and so is what is no disk."""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from vms import qcow2


@pytest.fixture
def make(tmp_path):
    """Make a disk as qemu-img does; its bytes."""
    if not shutil.which("qemu-img"):
        pytest.skip("qemu-img is not there")

    def run(*options: str, kind: str = "qcow2", size: str = "64M") -> bytes:
        path = tmp_path / "made"
        subprocess.run(["qemu-img", "create", "-q", "-f", kind, *options, path, size], check=True)
        return path.read_bytes()

    return run


def changed(head: bytes, offset: int, layout: str, value: int) -> bytes:
    return head[:offset] + struct.pack(f">{layout}", value) + head[offset + struct.calcsize(f">{layout}") :]


@pytest.mark.parametrize("compat", ["0.10", "1.1"])
def test_a_whole_image_is_taken(make, compat):
    data = make("-o", f"compat={compat}")
    header = qcow2.read(data, len(data))
    assert (header.version, header.size) == (3 if compat == "1.1" else 2, 64 * 2**20)
    assert (header.backing, header.data_file) == ("", "")
    assert qcow2.problem(data, len(data)) == ""
    assert qcow2.format_of(data) == "qcow2"


@pytest.mark.parametrize("compat", ["0.10", "1.1"])
def test_an_overlay_is_refused_with_the_path_that_it_would_read(make, compat):
    data = make("-o", f"compat={compat}", "-b", "/etc/shadow", "-F", "raw", "-u")
    said = qcow2.problem(data, len(data))
    assert "an overlay on /etc/shadow, and a qcow2 header can read any file of the host" in said
    assert qcow2.problem(data, len(data), overlay=True) == ""


def test_an_external_data_file_is_refused_with_its_path(make, tmp_path):
    data = make("-o", f"data_file={tmp_path}/elsewhere,data_file_raw=on")
    assert f"another file, {tmp_path}/elsewhere, and" in qcow2.problem(data, len(data), overlay=True)
    nameless = changed(make(), 72, "Q", qcow2.EXTERNAL_DATA)
    assert "another file, which it does not name" in qcow2.problem(nameless, len(nameless))


@pytest.mark.parametrize(
    ("offset", "layout", "value", "said"),
    [
        (4, "I", 1, "version 1 is not known"),
        (4, "I", 4, "version 4 is not known"),
        (20, "I", 8, "clusters of 2^8 bytes"),
        (20, "I", 63, "clusters of 2^63 bytes"),
        (8, "Q", 2**40, "the name of its backing file is out of place"),
        (8, "Q", 200, "the name of its backing file is out of place"),
        (36, "I", 2**31, "the file ends before its tables do"),
        (40, "Q", 2**60, "the file ends before its tables do"),
        (72, "Q", 1 << 40, "features that are not known: 0x10000000000"),
        (100, "I", 103, "it cannot be 103 bytes long"),
        (100, "I", 2**30, "bytes long"),
        (116, "I", 2**31, "its extensions are cut off"),
        (32, "I", 2, "This is encrypted"),
    ],
)
def test_a_nonsense_header_is_refused(make, offset, layout, value, said):
    data = changed(make(), offset, layout, value)
    assert said in qcow2.problem(data, len(data))


def test_a_truncated_file_is_refused_wherever_it_ends(make):
    data = make()
    for length in (4, 71, 80, 103, 110, 4096, 70_000):
        assert "The qcow2 header is wrong" in qcow2.problem(data[:length], length), length


@pytest.mark.parametrize("kind", ["vmdk", "vdi", "vhdx", "vpc", "qed", "parallels"])
def test_other_formats_are_refused_with_the_command_that_converts(make, kind):
    data = make(kind=kind)
    said = qcow2.problem(data[: qcow2.ENOUGH], len(data))
    assert said == f"This is a {kind} file. Convert it with “qemu-img convert -O qcow2 FILE FILE.qcow2”."


@pytest.mark.parametrize("program", ["gzip", "xz", "bzip2"])
def test_what_is_packed_is_to_be_unpacked(tmp_path, program):
    path = tmp_path / "made"
    path.write_bytes(b"\0" * 1000)
    packed = subprocess.run([program, "--stdout", path], check=True, capture_output=True).stdout
    assert qcow2.problem(packed, len(packed)) == f"This is packed with {program}: unpack it first."


def test_anything_else_is_raw():
    assert qcow2.problem(b"\0" * 512, 512) == ""
    assert qcow2.format_of(b"\0" * 512) == "raw"
    assert qcow2.problem(Path(__file__).read_bytes()) == ""


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
