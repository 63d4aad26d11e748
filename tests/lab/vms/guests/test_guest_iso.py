"""The cloud-init ISO of a running VM is kept up with its NICs and their networks, in the file that QEMU holds open."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pycdlib
import pytest
import yaml
from lab import Lab

from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab


class ISO:
    """A VM's ISO as it is in the pool's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, name: str) -> dict | None:
        """One of its files as YAML; None if it is not there, or the ISO is being written."""
        image, out = pycdlib.PyCdlib(), BytesIO()
        try:
            image.open(str(self.path))
            image.get_file_from_iso_fp(out, joliet_path=f"/{name}")
        except pycdlib.pycdlibexception.PyCdlibException:
            return None
        return yaml.safe_load(out.getvalue())

    def nics(self) -> dict[str, dict]:
        """What the guest is told of each NIC, by MAC."""
        config = self.read("network-config") or {"ethernets": {}}
        return {nic["match"]["macaddress"]: nic for nic in config["ethernets"].values()}

    def file(self) -> tuple[int, int]:
        """What must stay while a guest holds it: inode and size."""
        found = self.path.stat()
        return found.st_ino, found.st_size


@pytest.fixture(scope="module")
def iso(portal: Portal, lab: Lab) -> Iterator[ISO]:
    portal.manage("network", "add", "net1", "-n", "10.255.0.1/24")
    portal.manage("vm", "run", "tiny", "--id", "31", "--memory", "128M")
    yield ISO(lab.directory / "lib/images/virter:work:tiny-31-cidata")
    portal.manage("vm", "rm", "tiny-31")
    portal.manage("network", "rm", "net1")


def test_one_nic_with_dhcp_needs_no_network_config(iso: ISO):
    assert iso.read("network-config") is None
    assert iso.read("user-data")["updates"] == {"network": {"when": ["boot-new-instance", "boot", "hotplug"]}}


def test_a_plugged_in_nic_is_added_to_the_iso_at_once(portal: Portal, iso: ISO):
    before = iso.file()
    mac = portal.manage("vm", "nic", "add", "tiny-31", "type=network,source=net1").strip()
    nic = iso.nics()[mac]
    assert (nic["dhcp4"], nic["optional"]) == (False, True)
    assert iso.file() == before
    # Its network gets DHCP.
    portal.manage("network", "edit", "net1", "--dhcp", "--yes")
    wait_for(lambda: iso.nics().get(mac, {}).get("dhcp4"), 20, "the guest is to ask for an address")
    portal.manage("vm", "nic", "change", "tiny-31", mac, "--guest", "static", "--guest-addresses", "10.255.0.9/24")
    assert iso.nics()[mac]["addresses"] == ["10.255.0.9/24"]
    portal.manage("vm", "nic", "rm", "tiny-31", mac)
    assert iso.read("network-config") is None
    assert iso.file() == before


def test_a_guest_without_agent_is_shown_without_one(portal: Portal, iso: ISO):
    portal.manage("vm", "nic", "add", "tiny-31", "type=network,source=net1")
    assert "agent" in portal.manage("vm", "configure", "tiny-31", fails=True)
