"""Hardware in domain documents: each value is set and read again, the rest stays, and libvirt’s schema accepts it."""

import pytest
from lxml import etree

from tests.support.schemas import assert_valid
from vms.definition import hardware
from vms.definition.disks import PARSER

PLAIN = """<domain type='qemu'><name>a</name><uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid><memory>1024</memory>
<os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type><boot dev='hd'/></os><features><acpi/></features>
<cpu mode='custom' match='exact'><model>qemu64</model></cpu><devices>
<disk type='file' device='disk'><source file='/a'/><target dev='vda' bus='virtio'/></disk>
<disk type='file' device='cdrom'><boot order='2'/><target dev='sda' bus='sata'/></disk>
<graphics type='spice' autoport='yes'/></devices></domain>"""


def parsed(document: str) -> hardware.Hardware:
    return hardware.parse(etree.fromstring(document.encode(), PARSER))


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({"cpu": "host-passthrough"}, "<cpu mode="),
        ({"cpu": "maximum"}, "<cpu mode="),
        ({"firmware": "uefi"}, '<feature enabled="no" name="secure-boot"/>'),
        ({"firmware": "secure"}, '<smm state="on"/>'),
        ({"graphics": "vnc"}, 'listen="127.0.0.1"'),
        ({"graphics": "none"}, "<devices>"),
        ({"description": "of <b>Anna</b> & co"}, "of &lt;b&gt;Anna"),
        ({"boot": {"sda": 1, "vda": 2}}, '<boot order="1"/>'),
        ({"boot": {}}, "<devices>"),
    ],
)
def test_a_value_is_set_and_read_again_and_the_rest_stays(values, shown):
    document = hardware.edit(PLAIN, values)
    assert_valid("domain", document)
    assert shown in document
    found, before = parsed(document), parsed(PLAIN)
    for name in ("cpu", "firmware", "graphics", "description", "boot", "machine"):
        assert getattr(found, name) == values.get(name, getattr(before, name))
    assert hardware.differences(values, found) == []
    assert hardware.edit(document, values) == document


@pytest.mark.parametrize("order", ["", "first", "-1", "9" * 5000])
def test_a_boot_order_that_is_no_number_is_left_out(order):
    assert parsed(PLAIN.replace("order='2'", f"order='{order}'")).boot == {}


def test_back_to_bios_nothing_of_the_other_firmware_is_left():
    document = hardware.edit(hardware.edit(PLAIN, {"firmware": "secure"}), {"firmware": "bios"})
    assert parsed(document).firmware == "bios"
    assert_valid("domain", document)
    for word in ("firmware", "loader", "nvram"):
        assert word not in document


@pytest.mark.parametrize(
    ("os", "firmware"),
    [
        ("<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader><nvram>/x</nvram>", "uefi"),
        ("<loader readonly='yes' secure='yes' type='pflash'>/x.fd</loader>", "secure"),
        ("<loader type='rom'>/bios.bin</loader>", "bios"),
    ],
)
def test_the_firmware_of_others_is_recognised(os, firmware):
    assert parsed(PLAIN.replace("<boot dev='hd'/>", os)).firmware == firmware


def test_what_has_no_field_is_another_value():
    found = parsed(PLAIN)
    assert (found.cpu, found.graphics, found.boot) == ("", "", {"sda": 2})
