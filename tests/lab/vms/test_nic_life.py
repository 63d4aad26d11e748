"""The whole life of NICs: reserved addresses, unmanaged VMs, and guests that do not release a NIC."""

from collections.abc import Iterator
from dataclasses import dataclass

import libvirt
import pytest
from lab import Lab
from lxml import etree

from tests.lab.guest import Console
from tests.lab.state import things
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

VM = "/vms/lab/tiny-31/"
LIVE, STORED = 0, libvirt.VIR_DOMAIN_XML_INACTIVE
EVERYWHERE = (LIVE, STORED)


@dataclass(kw_only=True)
class Guest:
    """A running guest as portal, libvirt and its own shell have it."""

    portal: Portal
    domain: libvirt.virDomain
    host: libvirt.virConnect

    def macs(self, flags: int = LIVE) -> list[str]:
        return etree.fromstring(self.domain.XMLDesc(flags)).xpath("//interface/mac/@address")

    def row(self, mac: str) -> dict[str, str]:
        """The NIC's row on the VM's page."""
        return next((row for row in self.portal.table(VM) if row["MAC"] == mac), {})

    def add(self, network: str, **fields: str) -> str:
        """Add a NIC by the form; its MAC."""
        before = set(self.portal.ask("[n.mac for n in NIC.objects.filter(vm__name='tiny-31')]")) | set(self.macs())
        sent = {"network": network, "model": "virtio", "link_up": "on", **fields}
        page = self.portal.post(f"{VM}nics/add/", **sent)
        assert not page.xpath("//div[@class='error']"), page.text_content()
        (mac,) = wait_for(lambda: set(self.macs()) - before, 30, "it is attached")
        return mac

    def leases(self, network: str, mac: str) -> set[str]:
        found = self.host.networkLookupByName(network).DHCPLeases()
        return {lease["ipaddr"] for lease in found if lease["mac"] == mac}

    def run(self, command: str) -> str:
        console = Console(self.domain)
        try:
            return console.run(command)
        finally:
            console.close()

    def state(self) -> str:
        return self.portal.ask("VM.objects.get(name='tiny-31').state")

    def settled(self) -> None:
        wait_for(lambda: self.state() not in ("pending", "removing"), 60, "the change is applied")


@pytest.fixture(scope="module")
def guest(portal: Portal, lab: Lab) -> Iterator[Guest]:
    host = libvirt.open(lab.uri)
    before = things(host)
    for name, block in (("red", "10.251.0.1/24"), ("blue", "10.252.0.1/24")):
        portal.manage("network", "add", name, "--dhcp", "-n", block)
    portal.manage("vm", "run", "tiny", "--id", "31", "--memory", "128M")
    guest = Guest(portal=portal, domain=host.lookupByName("tiny-31"), host=host)
    (mac,) = guest.macs()
    wait_for(lambda: guest.leases("default", mac), 90, "it has booted")
    yield guest
    portal.manage("vm", "rm", "tiny-31")
    for name in ("red", "blue"):
        portal.manage("network", "rm", name)
    assert things(host) == before
    host.close()


def test_an_address_is_reserved_before_the_guest_requests_it_and_follows_the_nic(guest: Guest):
    mac = guest.add("red", address="10.251.0.77")
    wait_for(lambda: guest.leases("red", mac) == {"10.251.0.77"}, 60, "its first address is the fixed one")
    wait_for(lambda: guest.row(mac)["IP"].startswith("10.251.0.77 reserved, lease"), 20, "the row has it")

    path = f"{VM}nics/{mac}/edit/"
    (form,) = (form for form in guest.portal.get(path).forms if "link_up" in form.fields)
    sent = {**dict(form.form_values()), "network": "blue"}
    assert sent["address"] == "10.251.0.77"
    guest.portal.send(path, sent.pop("csrfmiddlewaretoken"), **sent)
    card = f"card=$(basename $(dirname $(grep -l {mac} /sys/class/net/*/address)))"
    blue = guest.host.networkLookupByName("blue")
    wait_for(lambda: f"mac='{mac}'" in blue.XMLDesc(), 20, "its address is reserved over there")
    guest.settled()
    # One after the other: of two signals that wait, the kernel delivers USR1 first.
    guest.run(f"{card}; read index client </run/$card; kill -USR2 $client")
    guest.run(f"{card}; read index client </run/$card; kill -USR1 $client")
    wait_for(lambda: guest.leases("blue", mac) == {"10.252.0.2"}, 60, "it has the next free one over there")
    red = guest.host.networkLookupByName("red")
    wait_for(lambda: "10.251.0.77" not in red.XMLDesc(), 20, "it is no longer reserved where the NIC was")
    wait_for(lambda: not guest.leases("red", mac), 20, "what it had is given back")

    guest.portal.post(f"{VM}nics/{mac}/remove/")
    wait_for(lambda: mac not in guest.macs(), 60, "it is detached")
    guest.settled()
    wait_for(lambda: mac not in blue.XMLDesc(), 20, "no address is reserved for it")
    wait_for(lambda: not guest.leases("blue", mac), 20, "its lease is given back")
    assert guest.portal.ask(f"DHCPHost.objects.filter(mac='{mac}').count()") == 0


def test_a_card_left_to_its_guest_goes_when_that_is_shut_down(guest: Guest):
    mac = guest.add("red")
    wait_for(lambda: mac in guest.run("cat /sys/class/net/*/address"), 30, "the guest has it")
    guest.portal.post(f"{VM}nics/{mac}/remove/", at_shutdown="1")
    guest.settled()
    assert guest.state() == "ready"
    assert (mac in guest.macs(), mac in guest.macs(STORED)) == (True, False)
    assert "shutdown" in guest.row(mac)["State"]
    guest.portal.post(f"{VM}force-off/", page=VM)
    wait_for(lambda: not guest.domain.isActive(), 30, "it is off")
    gone = f"NIC.objects.filter(mac='{mac}').count()"
    wait_for(lambda: guest.portal.ask(gone) == 0, 20, "the desired NIC is gone too")
    guest.portal.post(f"{VM}start/", page=VM)
    wait_for(guest.domain.isActive, 30, "it runs")
    assert mac not in guest.macs()


def test_a_guest_that_does_not_release_a_nic_is_asked_again_until_the_request_ends(guest: Guest):
    """The guest was just started and does not react yet."""
    wait_for(lambda: guest.leases("default", guest.macs()[0]), 90, "it has booted")
    mac = guest.add("red")
    guest.domain.suspend()
    try:
        guest.portal.post(f"{VM}nics/{mac}/remove/")
        said = "VM.objects.get(name='tiny-31').status.progress"
        wait_for(lambda: mac in guest.portal.ask(said), 60, "the page says who does not let go")
        assert guest.row(mac)["State"] == "detaching"
        guest.portal.post(f"{VM}nics/{mac}/remove/", at_shutdown="1")
        wait_for(lambda: guest.state() == "ready", 60, "it is left in peace")
        assert mac in guest.macs()
    finally:
        guest.domain.resume()
    guest.portal.post(f"{VM}nics/{mac}/remove/")
    wait_for(lambda: mac not in guest.macs(), 60, "asked once more, it lets go")
    guest.settled()
    assert guest.state() == "ready"


def test_a_nic_waits_for_its_network_and_comes_with_it(guest: Guest):
    network = guest.host.networkLookupByName("red")
    network.destroy()
    wait_for(lambda: guest.portal.ask("Network.objects.get(name='red').status.active") is False, 20, "that is seen")
    guest.portal.post(f"{VM}nics/add/", network="red", model="virtio", link_up="on")
    guest.settled()
    error = guest.portal.ask("VM.objects.get(name='tiny-31').status.error")
    assert "network red is not active" in error, error
    (mac,) = guest.portal.ask("[n.mac for n in NIC.objects.filter(vm__name='tiny-31', source='red')]")
    network.create()
    wait_for(lambda: mac in guest.macs(), 30, "it is attached by itself")
    guest.settled()
    assert guest.state() == "ready"
    guest.portal.post(f"{VM}nics/{mac}/remove/")
    wait_for(lambda: mac not in guest.macs(), 60, "it is detached")


def test_only_the_nics_of_an_unmanaged_vm_are_added_changed_and_removed(guest: Guest):
    portal = guest.portal
    guest.settled()
    portal.post(f"{VM}release/", page=VM)
    assert guest.state() == "unmanaged"
    mac = guest.add("red", mtu="1400")
    wait_for(lambda: mac in guest.run("cat /sys/class/net/*/address"), 30, "the guest has it")
    assert mac in guest.macs(STORED)
    path = f"{VM}nics/{mac}/edit/"
    (form,) = (form for form in portal.get(path).forms if "link_up" in form.fields)
    sent = {name: value for name, value in form.form_values() if name != "link_up"}
    portal.send(path, sent.pop("csrfmiddlewaretoken"), **sent)
    carrier = f"cat $(dirname $(grep -l {mac} /sys/class/net/*/address))/carrier"
    wait_for(lambda: guest.run(carrier) == "0", 30, "its link is down")
    portal.post(f"{VM}nics/{mac}/remove/")
    wait_for(lambda: mac not in guest.macs() + guest.macs(STORED), 60, "it is detached")
    guest.settled()
    assert (guest.state(), portal.ask("NIC.objects.filter(vm__name='tiny-31').count()")) == ("unmanaged", 0)

    portal.post(f"{VM}adopt/", page=VM)
    wait_for(lambda: guest.state() == "ready", 20, "it is the portal's again")
    assert portal.ask("[n.mac for n in NIC.objects.filter(vm__name='tiny-31')]") == guest.macs()
    assert portal.ask("VM.objects.get(name='tiny-31').number") == 31


def test_a_vm_undefined_outside_is_reported_and_deleted_without_leftovers(guest: Guest, portal: Portal):
    portal.manage("vm", "run", "tiny", "--id", "32", "--memory", "32M")
    other = guest.host.lookupByName("tiny-32")
    other.destroy()
    other.undefine()
    drift = "VM.objects.get(name='tiny-32').status.drift_text"
    wait_for(lambda: portal.ask(drift) == "libvirt no longer has tiny-32", 20, "that is said")
    portal.manage("vm", "rm", "tiny-32")
    names = {volume.name() for volume in guest.host.storagePoolLookupByName("default").listAllVolumes()}
    assert not [name for name in names if "tiny-32" in name]
