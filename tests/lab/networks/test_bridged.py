"""A guest on a host bridge has no lease at libvirt: the host's ARP table tells its address, and the pages say so."""

import re
from collections.abc import Iterator

import libvirt
import pytest
from lab import Lab

from tests.lab.state import things
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

SEND_DATAGRAM = "import socket, sys; socket.socket(type=socket.SOCK_DGRAM).sendto(b'anyone there?', (sys.argv[1], 9))"


@pytest.fixture
def leased(lab: Lab) -> Iterator[dict[str, str]]:
    """Return a function that reads the leases, by MAC, of a DHCP server on the bridge `br9`, unknown to libvirt."""
    lab.run("ip", "link", "add", "br9", "type", "bridge")
    lab.run("ip", "address", "add", "10.99.0.1/24", "dev", "br9")
    lab.run("ip", "link", "set", "br9", "up")
    pid, leases = lab.directory / "br9.pid", lab.directory / "br9.leases"
    server = ("dnsmasq", "--conf-file=/dev/null", "--user=root", "--port=0", "--interface=br9", "--bind-interfaces")
    files = (f"--pid-file={pid}", f"--dhcp-leasefile={leases}")
    lab.run(*server, *files, "--except-interface=lo", "--dhcp-range=10.99.0.10,10.99.0.50,5m")

    class Leased(dict):
        def __missing__(self, mac: str) -> str:
            found = re.search(rf"{mac} (\S+)", leases.read_text()) if leases.exists() else None
            return found[1] if found else ""

    yield Leased()
    lab.run("kill", pid.read_text().strip())
    lab.run("ip", "link", "delete", "br9")
    for file in (pid, leases):
        file.unlink(missing_ok=True)


def macs(domain: libvirt.virDomain, source: str) -> list[str]:
    found = re.findall(r"<interface .*?</interface>", domain.XMLDesc(), re.DOTALL)
    return [re.search(r"mac address='([^']+)'", nic)[1] for nic in found if f"'{source}'" in nic]


def shown(portal: Portal, mac: str) -> str:
    """The IP of a NIC on the VM's page."""
    return next((row["IP"] for row in portal.table("/vms/lab/tiny-19/") if row["MAC"] == mac), "")


def fill_arp_table(lab: Lab, leased: dict[str, str], mac: str) -> str:
    """Send a NIC a datagram, so that the ARP table of the host has it; return its address."""
    ip = wait_for(lambda: leased[mac], 90, f"{mac} has its address")
    lab.run("python3", "-c", SEND_DATAGRAM, ip)
    return ip


def test_the_address_on_a_host_bridge_is_shown_with_its_source(
    portal: Portal, host: libvirt.virConnect, lab: Lab, leased: dict[str, str]
):
    before = things(host)
    portal.manage("vm", "run", "tiny", "--id", "19", "--memory", "128M", "--nic", "type=bridge,source=br9")
    domain = host.lookupByName("tiny-19")
    (mac,) = macs(domain, "br9")
    assert shown(portal, mac).startswith("DHCP outside libvirt")
    ip = fill_arp_table(lab, leased, mac)
    wait_for(lambda: shown(portal, mac).startswith(f"{ip} ARP for "), 30, "the page has the address")
    leased_one = "192.168.122.19 reserved, lease for "
    wait_for(lambda: shown(portal, "52:54:00:00:00:13").startswith(leased_one), 30, "and that of the lease")
    assert portal.ask("list(NICAddress.objects.values_list('mac', 'ip', 'source'))") == [[mac, ip, "arp"]]
    domain.destroy()
    wait_for(lambda: portal.ask("NICAddress.objects.count()") == 0, 30, "a VM that is off has no address")
    portal.manage("vm", "rm", "tiny-19")
    assert things(host) == before


# The live document of such a NIC is <interface type='bridge'><source network='onbr' bridge='br9'/>.
def test_the_address_on_a_network_in_bridge_mode_is_in_its_attached_table(
    portal: Portal, host: libvirt.virConnect, lab: Lab, leased: dict[str, str]
):
    before = things(host)
    portal.manage("network", "add", "onbr", "--forward-mode", "bridge", "--bridge", "br9")
    portal.manage("vm", "run", "tiny", "--id", "19", "--memory", "128M", "--nic", "type=network,source=onbr")
    try:
        (mac,) = macs(host.lookupByName("tiny-19"), "onbr")
        ip = fill_arp_table(lab, leased, mac)
        wait_for(lambda: shown(portal, mac).startswith(f"{ip} ARP for "), 30, "the page has the address")
        (row,) = portal.table("/networks/lab/onbr/attached/")
        assert (row["MAC"], row["IP"]) == (mac, f"{ip} ARP")
        listed = portal.manage("network", "list-attached", "onbr").splitlines()[1].split()
        assert listed[:3] == ["tiny-19", mac, ip]
    finally:
        portal.manage("vm", "rm", "tiny-19")
        portal.manage("network", "rm", "onbr")
    assert things(host) == before
