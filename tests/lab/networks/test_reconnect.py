"""After any restart of a network, running NICs of every kind are on their bridge again, as the kernel reports."""

import re
from collections.abc import Iterator

import libvirt
import pytest
from lab import Lab

from tests.lab.guest import bridges
from tests.lab.state import things
from tests.support.portal import Portal
from tests.support.waiting import wait_for
from virterweb.hypervisors.gateway import temporary

pytestmark = pytest.mark.lab

NET = (
    "<network><name>{name}</name><bridge stp='off'/><ip address='{ip}' prefix='24'/>"
    "<portgroup name='plain' default='yes'/><portgroup name='other'/></network>"
)
FILTER = (
    "<filter name='own-mac' chain='mac'><rule action='return' direction='out'><mac match='yes' srcmacaddr='$MAC'/>"
    "</rule></filter>"
)
NICS = {  # what each NIC has beside the others
    "plain": "<source network='red'/>",
    "of a port group": "<source network='red' portgroup='other'/>",
    "isolated": "<source network='red'/><port isolated='yes'/>",
    "filtered": "<source network='red'/><filterref filter='own-mac'/>",
    "down": "<source network='red'/><link state='down'/>",
    "of its own MTU": "<source network='red'/><mtu size='1300'/>",
    "e1000": "<source network='red'/><model type='e1000'/>",
    "of another network": "<source network='blue'/>",
}
MAX_NICS = 6  # NICs of a VM here


@pytest.fixture(scope="module")
def vms(portal: Portal, lab: Lab) -> Iterator[list[str]]:
    """Unmanaged VMs, one of them paused, with NICs of each kind on the networks red and blue."""
    host = libvirt.open(lab.uri)
    before = things(host)
    host.nwfilterDefineXML(FILTER)
    for name, ip in (("red", "10.71.0.1"), ("blue", "10.72.0.1")):
        host.networkDefineXML(NET.format(name=name, ip=ip)).create()
        wait_for(lambda name=name: name in portal.manage("network", "ls"), 60, "it is seen")
        portal.manage("network", "adopt", name)
    domains = [vm(host, "running", list(NICS.values())[:MAX_NICS]), vm(host, "more", list(NICS.values())[MAX_NICS:])]
    domains += [vm(host, "paused", [NICS["plain"]] * MAX_NICS, libvirt.VIR_DOMAIN_START_PAUSED)]
    wait_for(lambda: portal.ask("NICStatus.objects.filter(network__name='red').count()") == 13, 60, "all are seen")
    yield [domain.name() for domain in domains]
    for domain in domains:
        domain.destroy()
    for name in ("red", "blue"):
        portal.manage("network", "rm", name)
    host.nwfilterLookupByName("own-mac").undefine()
    assert things(host) == before
    host.close()


def vm(host: libvirt.virConnect, name: str, nics: list[str], flags: int = 0) -> libvirt.virDomain:
    interfaces = "".join(f"<interface type='network'>{nic}</interface>" for nic in nics)
    return host.createXML(
        f"<domain type='qemu'><name>{name}</name><memory unit='MiB'>16</memory><os><type>hvm</type></os>"
        f"<devices>{interfaces}</devices></domain>",
        flags,
    )


def disconnected(portal: Portal, network: str) -> list[str]:
    return portal.ask(f"sorted(set(vm for _, vm, _ in Network.objects.get(name='{network}').status.disconnected))")


def assert_all_connected(portal: Portal, lab: Lab, host: libvirt.virConnect) -> None:
    for name, count in (("red", 13), ("blue", 1)):
        network, found = host.networkLookupByName(name), bridges(lab, host, name)
        assert len(found) == count
        assert set(found.values()) == {network.bridgeName()}
        assert len(network.listAllPorts()) == count
        wait_for(lambda name=name: disconnected(portal, name) == [], 60, "nobody is said to be disconnected")
    assert {one.name() for one in host.listAllNetworks()} == {"default", "red", "blue"}


def test_every_kind_of_nic_is_connected_after_a_restart(portal: Portal, lab: Lab, host: libvirt.virConnect, vms):
    for name in ("red", "blue"):
        portal.manage("network", "edit", name, "--mtu", "1400", "--yes")
    assert_all_connected(portal, lab, host)


def test_restarts_outside_the_portal_are_noticed_and_repaired(portal: Portal, lab: Lab, host: libvirt.virConnect, vms):
    for name in ("red", "blue"):
        lab.virsh("net-destroy", name)
        lab.virsh("net-start", name)
    wait_for(lambda: disconnected(portal, "red") == sorted(vms), 60, "all of red are disconnected")
    wait_for(lambda: disconnected(portal, "blue") == ["more"], 60, "the one of blue is disconnected")
    for name in ("red", "blue"):
        portal.manage("network", "apply", name, "--yes")
    assert_all_connected(portal, lab, host)


def test_a_tap_that_is_off_its_bridge_is_noticed_though_libvirt_lists_its_port(
    portal: Portal, lab: Lab, host: libvirt.virConnect, vms
):
    tap = re.search(r"<target dev='(vnet\d+)'", host.lookupByName("running").XMLDesc())[1]
    lab.run("ip", "link", "set", tap, "nomaster")
    assert len(host.networkLookupByName("red").listAllPorts()) == 13
    wait_for(lambda: disconnected(portal, "red") == ["running"], 60, "its VM is disconnected")
    portal.manage("network", "apply", "red", "--yes")
    assert_all_connected(portal, lab, host)


def test_a_nic_that_was_left_half_way_is_on_its_network_on_the_pages_and_soon_in_libvirt(
    portal: Portal, lab: Lab, host: libvirt.virConnect, vms
):
    red = host.networkLookupByName("red")
    name = temporary.network_name(red.UUIDString())
    host.networkCreateXML(temporary.network_document(red.UUIDString(), red.XMLDesc()))
    domain = host.lookupByName("more")
    interface = re.search(r"<interface.*?</interface>", domain.XMLDesc(), re.DOTALL)[0]
    domain.updateDeviceFlags(temporary.moved(interface, name), libvirt.VIR_DOMAIN_AFFECT_LIVE)
    wait_for(lambda: disconnected(portal, "red") == ["more"], 60, "its VM is disconnected")
    assert name not in portal.manage("network", "ls")
    sources = "NICStatus.objects.filter(vm__desired__name='more').values_list('source', flat=True)"
    assert set(portal.ask(f"list({sources})")) == {"blue", "red"}
    portal.manage("network", "apply", "red", "--yes")
    assert_all_connected(portal, lab, host)
