"""Disks and drives in domain documents: free targets, buses, media; what is not modelled stays."""

import pytest
from lxml import etree

from tests.support.schemas import assert_valid
from vms.definition import disks
from vms.definition.disks import DiskSpec

DOMAIN = """<domain type='qemu'><name>a</name><memory>1</memory>
<os><type arch='x86_64' machine='{machine}'>hvm</type></os>
<devices>{devices}</devices></domain>"""
DRIVE = """<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='/old.iso'/>
<target dev='sdb' bus='sata' tray='open'/><readonly/><alias name='ua-drive'/>
<address type='drive' controller='0' bus='0' target='0' unit='1'/></disk>"""


def document(*devices: str, machine: str = "pc") -> str:
    return DOMAIN.format(machine=machine, devices="".join(devices))


@pytest.mark.parametrize(
    ("used", "bus", "free"),
    [((), "virtio", "vda"), (("vda", "vdc"), "virtio", "vdb"), (("sda",), "scsi", "sdb"), (("sda",), "virtio", "vda")],
)
def test_the_first_free_target_of_the_bus_is_taken(used, bus, free):
    devices = [f"<disk type='file'><target dev='{name}' bus='virtio'/></disk>" for name in used]
    assert disks.free_target([document(*devices), ""], bus) == free


def test_after_z_come_two_letters():
    devices = [
        f"<disk type='file'><target dev='vd{letter}' bus='virtio'/></disk>" for letter in "abcdefghijklmnopqrstuvwxyz"
    ]
    assert disks.free_target([document(*devices)], "virtio") == "vdaa"


@pytest.mark.parametrize(
    ("found", "bus"),
    [
        (document(DRIVE), "sata"),
        (document("<controller type='scsi'/>"), "scsi"),
        (document(machine="pc-q35-7.2"), "sata"),
        (document(), "ide"),
    ],
)
def test_a_new_drive_has_the_bus_that_the_vm_offers(found, bus):
    assert disks.drive_bus(found) == bus


def test_inserting_a_medium_keeps_everything_else_of_the_drive():
    found = etree.fromstring(disks.with_medium(document(DRIVE), "sdb", "default", "new.iso"))
    assert found.find("source").attrib == {"pool": "default", "volume": "new.iso"}
    assert found.get("type") == "volume"
    assert found.find("address").attrib == etree.fromstring(DRIVE).find("address").attrib
    emptied = etree.fromstring(disks.with_medium(document(DRIVE), "sdb", "", ""))
    assert (emptied.find("source"), emptied.get("type")) == (None, "file")
    assert disks.with_medium(document(DRIVE), "sdz", "default", "new.iso") is None


@pytest.mark.parametrize(
    "device",
    [
        disks.empty_drive("sdb", "scsi"),
        disks.new_disk(
            DiskSpec(
                target="vdb", bus="virtio", pool="default", volume="<x>&'", format="raw", cache="none", discard="ignore"
            )
        ),
    ],
)
def test_new_devices_are_valid(device):
    assert_valid("domain", document(device))
