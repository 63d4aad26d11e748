"""OpenStack's format inspector is the second opinion: what it would not run, the portal refuses."""

import io
import random
import struct

import pytest
from oslo_utils.imageutils import format_inspector

from vms.images import qcow2
from vms.images.qcow2 import SMALL

pytestmark = pytest.mark.integration

TAKEN = ("raw", "qcow2", "iso", "gpt")
ENCRYPTED = ("--object", "secret,id=s,data=abc", "-o", "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10")
LUKS = ("--object", "secret,id=s,data=abc", "-o", "key-secret=s,iter-time=10")
MADE = {
    "raw": ("raw", ()),
    "qcow2, version 2": ("qcow2", ("-o", "compat=0.10")),
    "qcow2, version 3": ("qcow2", ("-o", "compat=1.1,cluster_size=2M")),
    "overlay": ("qcow2", ("-b", "/etc/shadow", "-F", "raw", "-u")),
    "encrypted": ("qcow2", ENCRYPTED),
    "luks": ("luks", LUKS),
    **{kind: (kind, ()) for kind in ("vmdk", "vdi", "vhdx", "vpc", "qed")},
}


def is_safe(data: bytes, tmp_path) -> bool:
    """Return whether the inspector knows the format as one that the portal takes, and finds nothing in it."""
    path = tmp_path / "inspected"
    path.write_bytes(data)
    found = format_inspector.detect_file_format(str(path))
    if str(found) not in TAKEN:
        return False
    try:
        found.safety_check()
    except format_inspector.SafetyCheckFailed:
        return False
    return True


def is_taken(data: bytes) -> bool:
    return not qcow2.file_problem(io.BytesIO(data), len(data))


@pytest.mark.parametrize(("kind", "options"), MADE.values(), ids=MADE)
def test_what_qemu_img_makes_is_taken_if_the_inspector_finds_it_safe(make, tmp_path, kind, options):
    data = make(*options, kind=kind)
    # The inspector does not look for encryption within qcow2; the portal has no secret to open it with.
    assert is_taken(data) == (is_safe(data, tmp_path) and options != ENCRYPTED)


def test_an_external_data_file_is_unsafe_for_both(make, tmp_path):
    data = make("-o", f"data_file={tmp_path}/elsewhere,data_file_raw=on")
    assert not is_safe(data, tmp_path)
    assert not is_taken(data)


def test_no_changed_header_that_the_inspector_refuses_is_taken(make, tmp_path):
    """Change bytes of the header at random, most of them where a file name, a feature or a table is."""
    whole, chance = make(), random.Random(7)
    refused = 0
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            struct.pack_into(
                ">B", data, chance.choice((*range(104), *range(8, 24), *range(72, 80))), chance.getrandbits(8)
            )
        if not is_safe(bytes(data), tmp_path):
            refused += 1
            assert not is_taken(bytes(data)), bytes(data[:104]).hex()
    assert refused > 50


def test_a_disk_image_of_a_cd_is_taken(tmp_path):
    """It is a raw disk for QEMU; the inspector needs the marks of its first descriptors."""
    data = bytearray(2 * SMALL)
    for sector, kind in ((16, 1), (17, 255)):
        data[sector * 2048 : sector * 2048 + 7] = bytes((kind,)) + b"CD001\1"
    assert is_safe(bytes(data), tmp_path)
    assert is_taken(bytes(data))
