"""The lab itself: the image `tiny` boots, requests addresses, follows its NICs and shuts down on request."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import libvirt
import pycdlib
import pytest
from lab import Lab

from tests.lab.conftest import lab_in
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

IMAGES = "/var/lib/libvirt/images"
BOTH = libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG
NETWORK = """
<network>
  <name>lab-test</name>
  <bridge stp='off'/>
  <ip address='10.77.0.1' prefix='24'><dhcp><range start='10.77.0.2' end='10.77.0.254'/></dhcp></ip>
</network>
"""
DOMAIN = """
<domain type='qemu'>
  <name>lab-test</name>
  <memory unit='MiB'>128</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/><source file='{images}/lab-test'/><target dev='vda' bus='virtio'/>
    </disk>
    <disk type='file' device='cdrom'>
      <source file='{images}/lab-test.iso'/><target dev='sda' bus='scsi'/><readonly/>
    </disk>
    <controller type='scsi' model='virtio-scsi'/>
    {nics}
  </devices>
</domain>
"""
IDLE = """
<domain type='qemu'>
  <name>idle</name>
  <memory unit='MiB'>16</memory>
  <os><type arch='x86_64'>hvm</type></os>
</domain>
"""
VOLUME = """
<volume>
  <name>lab-test</name>
  <capacity unit='MiB'>64</capacity>
  <target><format type='qcow2'/></target>
  <backingStore><path>{images}/virter:tag:tiny</path><format type='qcow2'/></backingStore>
</volume>
"""
FIRST, SECOND, THIRD = ("52:54:00:77:00:01", "52:54:00:77:00:02", "52:54:00:77:00:03")


def nic(mac: str, network: str) -> str:
    parts = f"<mac address='{mac}'/><source network='{network}'/><model type='virtio'/>"
    return f"<interface type='network'>{parts}</interface>"


def seed(name: str) -> bytes:
    """Return a NoCloud ISO that tells the guest its name."""
    iso, file = pycdlib.PyCdlib(), BytesIO()
    iso.new(rock_ridge="1.09", vol_ident="cidata")
    content = f"instance-id: {name}\nlocal-hostname: {name}\n".encode()
    iso.add_fp(BytesIO(content), len(content), "/METADATA.;1", rr_name="meta-data")
    iso.write_fp(file)
    return file.getvalue()


@pytest.fixture
def second_network(host: libvirt.virConnect) -> Iterator[libvirt.virNetwork]:
    network = host.networkDefineXML(NETWORK)
    network.create()
    yield network
    network.destroy()
    network.undefine()


@pytest.fixture
def guest(lab: Lab, host: libvirt.virConnect, second_network: libvirt.virNetwork) -> Iterator[libvirt.virDomain]:
    """A running guest named lab-test with two NICs, on two networks."""
    pool = host.storagePoolLookupByName("default")
    (lab.directory / "lib/images/lab-test.iso").write_bytes(seed("lab-test"))
    pool.createXML(VOLUME.format(images=IMAGES))
    nics = nic(FIRST, "default") + nic(SECOND, "lab-test")
    domain = host.defineXML(DOMAIN.format(images=IMAGES, nics=nics))
    domain.create()
    yield domain
    if domain.isActive():
        domain.destroy()
    domain.undefine()
    pool.refresh()
    for volume in ("lab-test", "lab-test.iso"):
        pool.storageVolLookupByName(volume).delete()


def leases(network: libvirt.virNetwork) -> dict[str, str | None]:
    """Return the hostname of each MAC that has a lease."""
    return {lease["mac"]: lease["hostname"] for lease in network.DHCPLeases()}


def test_a_guest_gets_leases_under_its_name_and_follows_its_nics(
    host: libvirt.virConnect, second_network: libvirt.virNetwork, guest: libvirt.virDomain
) -> None:
    default = host.networkLookupByName("default")
    wait_for(lambda: leases(default).get(FIRST) == "lab-test", 60, "the lease on default")
    wait_for(lambda: leases(second_network).get(SECOND) == "lab-test", 60, "the lease on the second network")

    guest.attachDeviceFlags(nic(THIRD, "lab-test"), BOTH)
    wait_for(lambda: THIRD in leases(second_network), 30, "the lease of the attached NIC")

    guest.detachDeviceFlags(nic(THIRD, "lab-test"), BOTH)
    wait_for(lambda: THIRD not in guest.XMLDesc(), 20, "the guest gives the NIC back")

    guest.shutdown()
    wait_for(lambda: not guest.isActive(), 20, "the guest powers off")


def test_guests_and_networks_outlive_libvirtd(second_lab: Lab, tmp_path: Path) -> None:
    document = tmp_path / "idle.xml"
    document.write_text(IDLE)
    second_lab.virsh("create", document)
    before = second_lab.virsh("domid", "idle")
    second_lab.kill_libvirtd()
    second_lab.start_libvirtd()
    assert second_lab.virsh("domid", "idle") == before
    assert "default" in second_lab.virsh("net-list", "--name")


def test_two_labs_run_side_by_side_with_the_same_network(lab: Lab, second_lab: Lab) -> None:
    for each in (lab, second_lab):
        assert "192.168.122.1/24" in each.run("ip", "-brief", "address", "show", "dev", "virbr0")
    assert "lab-test" not in second_lab.virsh("net-list", "--all")


def test_a_lab_keeps_what_is_defined_in_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    directory = tmp_path_factory.mktemp("kept")
    for running in lab_in(directory, network=False, image=False):
        (directory / "network.xml").write_text(NETWORK)
        running.virsh("net-define", directory / "network.xml")
        running.virsh("net-autostart", "lab-test")
    for running in lab_in(directory):
        assert running.virsh("net-list", "--name").split() == ["lab-test"]
