"""A killed worker leaves no running VM disconnected."""

import libvirt
import pytest
from lab import Lab
from lxml import etree

from tests.lab.faults.killed_worker.killed_changes import done
from tests.lab.guest import bridges
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab


RESTART = [
    *("virNetworkDefineXML", "virNetworkCreateXML"),  # a temporary one
    *("virNetworkDestroy", "virNetworkCreate"),
    *(["virDomainUpdateDeviceFlags"] * 4),  # two VMs, each to the temporary network and back
    "virNetworkDestroy",
]
MOVE = [
    *(["virDomainUpdateDeviceFlags"] * 2),  # its link goes down, it moves
    "virDomainDefineXML",  # it is kept
    "virStorageVolUpload",  # its guest is told
]


@pytest.mark.parametrize("at", range(1, len(RESTART) + 1))
def test_restarting_a_network_reconnects_every_vm(
    portal: Portal, host: libvirt.virConnect, lab: Lab, kill, net1: str, at: int
):
    network, mtu = host.networkLookupByName(net1), str(1400 + at)
    portal.manage("network", "edit", net1, "--mtu", mtu, "--yes", "--no-wait")
    # A guest is told of the new MTU beside that, at any time.
    assert kill(at, "after", KILL_IGNORE="virStorageVolUpload") == RESTART[:at]
    assert done(portal, f"Network {net1}") == "ready", portal.ask("Network.objects.get(name='net1').status.error")
    for flags in (0, libvirt.VIR_NETWORK_XML_INACTIVE):
        assert f"<mtu size='{mtu}'/>" in network.XMLDesc(flags)
    on_it = {port.UUIDString() for port in network.listAllPorts()}
    assert len(on_it) == 2
    for name in ("tiny-8", "external"):
        document = host.lookupByName(name).XMLDesc()
        assert any(f"network='net1' portid='{port}'" in document for port in on_it)
    assert set(bridges(lab, host, net1).values()) == {network.bridgeName()}
    wait_for(lambda: {one.name() for one in host.listAllNetworks()} == {"default", net1}, 10, "no other is left")
    assert portal.ask("sorted(Network.objects.values_list('name', flat=True))") == ["default", net1]
    disconnected = "Network.objects.get(name='net1').status.disconnected"
    wait_for(lambda: portal.ask(disconnected) == [], 10, "nobody is said to hang in the air")
    attached = "sorted(nic.vm.name for nic in Network.objects.get(name='net1').running_vms())"
    wait_for(lambda: portal.ask(attached) == ["external", "tiny-8"], 10, "the page shows both on it")


@pytest.mark.parametrize("at", range(1, len(MOVE) + 1))
def test_moving_a_nic(portal: Portal, host: libvirt.virConnect, kill, net1: str, at: int):
    move = (
        "from vms.models import *; from dataclasses import replace; vm = VM.objects.get(name='tiny-8'); "
        "nic = vm.nics.get(position=1); vm.change_nic(replace(nic.spec(), source='{}'))"
    )
    portal.start_worker()
    portal.manage("shell", "--no-imports", "-c", move.format(net1))
    assert done(portal, "VM tiny-8") == "ready"
    portal.kill_worker()
    portal.manage("shell", "--no-imports", "-c", move.format("default"))
    assert kill(at, "after") == MOVE[:at]
    assert done(portal, "VM tiny-8") == "ready"
    for flags in (0, libvirt.VIR_DOMAIN_XML_INACTIVE):
        interface = etree.fromstring(host.lookupByName("tiny-8").XMLDesc(flags)).findall("devices/interface")[1]
        assert interface.find("source").get("network") == "default"
        assert interface.find("link") is None, "its link is up again"
