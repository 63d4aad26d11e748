"""NICs changed by the portal's form: what libvirt then has, what the guest notices, and what is undone."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import libvirt
import pytest
from lab import Lab
from lxml import etree

from tests.lab.guest import Console
from tests.lab.state import things
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

VM = "/vms/lab/tiny-21/"
LIVE, STORED = 0, libvirt.VIR_DOMAIN_XML_INACTIVE
EVERYWHERE = (LIVE, STORED)


@dataclass(kw_only=True)
class Guest:
    """A running guest whose second NIC is changed, as portal, libvirt and its own shell have it."""

    portal: Portal
    domain: libvirt.virDomain
    networks: dict[str, libvirt.virNetwork]
    mac: str

    def change(self, **fields: object) -> None:
        """Open the form, change what is given, save, and wait until the worker is through with it."""
        self.save(**fields)
        wait_for(lambda: self.row()["State"] and self.state() != "pending", 60, "the change is carried out")

    def save(self, **fields: object) -> None:
        path = f"{VM}nics/{self.mac}/edit/"
        values = form_values(self.portal, path)
        for name, value in fields.items():
            values.pop(name, None)
            values |= {} if value is None else {name: value}  # an unticked box is not sent
        page = self.portal.send(path, values.pop("csrfmiddlewaretoken"), **values).decode()
        assert 'class="error"' not in page, page

    def row(self) -> dict[str, str]:
        """The NIC's row on the VM's page."""
        return next(row for row in self.portal.table(VM) if row["MAC"] == self.mac)

    def state(self) -> str:
        return self.portal.ask("VM.objects.get(name='tiny-21').state")

    def reason(self) -> str:
        return self.portal.ask("VM.objects.get(name='tiny-21').status.error")

    def drift(self) -> str:
        return self.portal.ask("VM.objects.get(name='tiny-21').status.drift")

    def has(self, what: str, flags: int = LIVE) -> str:
        """What libvirt says of the NIC, by XPath."""
        (nic,) = etree.fromstring(self.domain.XMLDesc(flags)).xpath(f"//interface[mac/@address='{self.mac}']")
        return nic.xpath(f"string({what})")

    def place(self) -> tuple[str, ...]:
        """Return the value that no change may alter: the PCI address."""
        return tuple(self.has(f"address/@{name}") for name in ("domain", "bus", "slot", "function"))

    def run(self, command: str) -> str:
        """Run a command in the guest, where $card is the NIC's name."""
        console = Console(self.domain)
        try:
            find = f"card=$(basename $(dirname $(grep -l {self.mac} /sys/class/net/*/address)))"
            return console.run(f"{find}; {command}")
        finally:
            console.close()

    def card(self, file: str) -> int:
        """A number that the guest's kernel knows of the NIC; -1 while it has none."""
        said = self.run(f"cat /sys/class/net/$card/{file} 2>/dev/null")
        return int(said) if said.isdecimal() else -1

    def leases(self, network: str) -> set[str]:
        found = self.networks[network].DHCPLeases()
        return {lease["ipaddr"] for lease in found if lease["mac"] == self.mac}

    def attached(self, network: str) -> str:
        """Its IP in the network's attached table; empty without a row there or an address."""
        rows = self.portal.table(f"/networks/lab/{network}/attached/")
        return next((row["IP"] for row in rows if row["MAC"] == self.mac), "")

    def listed(self, network: str) -> bool:
        return self.mac in {row["MAC"] for row in self.portal.table(f"/networks/lab/{network}/attached/")}

    def request_lease_again(self) -> None:
        """What a guest does at a new carrier if it watches for it, which BusyBox's client does not."""
        # One after the other: of two signals that wait, the kernel delivers USR1 first.
        self.run("read index client </run/$card; kill -USR2 $client")
        self.run("read index client </run/$card; kill -USR1 $client")


def form_values(portal: Portal, path: str) -> dict[str, str]:
    """The fields of the page's form, as a browser would send them."""
    (form,) = (form for form in portal.get(path).forms if "link_up" in form.fields)
    return dict(form.form_values())


@pytest.fixture
def idle(portal: Portal, lab: Lab, tmp_path: Path) -> Iterator[None]:
    """A network that is defined and not started."""
    file = tmp_path / "idle.xml"
    file.write_text("<network><name>idle</name></network>")
    lab.virsh("net-define", file)
    wait_for(lambda: "idle" in portal.manage("network", "ls"), 10, "it is seen")
    yield
    lab.virsh("net-undefine", "idle")


@pytest.fixture(scope="module")
def guest(portal: Portal, lab: Lab) -> Iterator[Guest]:
    host = libvirt.open(lab.uri)
    before = things(host)
    portal.manage("network", "add", "red", "--dhcp", "-n", "10.251.0.1/24")
    portal.manage("network", "add", "blue", "--dhcp", "-n", "10.252.0.1/24")
    portal.manage("vm", "run", "tiny", "--id", "21", "--memory", "128M", "--nic", "type=network,source=red")
    domain = host.lookupByName("tiny-21")
    mac = etree.fromstring(domain.XMLDesc()).xpath("string(//interface[source/@network='red']/mac/@address)")
    networks = {name: host.networkLookupByName(name) for name in ("red", "blue")}
    guest = Guest(portal=portal, domain=domain, networks=networks, mac=mac)
    wait_for(lambda: guest.leases("red"), 90, "it has its address")
    yield guest
    portal.manage("vm", "rm", "tiny-21")
    portal.manage("network", "rm", "red")
    portal.manage("network", "rm", "blue")
    assert things(host) == before
    host.close()


def test_a_running_nic_moves_to_another_network_with_its_mac_and_slot(guest: Guest):
    place, blinks, index = guest.place(), guest.card("carrier_changes"), guest.card("ifindex")
    guest.change(network="blue")
    assert [guest.has("source/@network", flags) for flags in EVERYWHERE] == ["blue", "blue"]
    assert (guest.place(), guest.has("link/@state"), guest.card("ifindex")) == (place, "", index)  # none is up
    assert (guest.state(), guest.drift()) == ("ready", "")
    row = guest.row()
    assert (row["Network"], row["Link"], row["State"]) == ("blue", "up", "attached")
    assert (guest.listed("red"), guest.listed("blue")) == (False, True)
    wait_for(lambda: guest.card("carrier_changes") > blinks, 20, "the guest has seen its link blink")

    guest.request_lease_again()
    (address,) = wait_for(lambda: guest.leases("blue"), 60, "it has an address of the other network")
    assert address.startswith("10.252.0.")
    wait_for(lambda: guest.attached("blue") == address, 20, "the table has it")
    wait_for(lambda: address in guest.run("ip -4 address show dev $card"), 20, "the guest has it")
    wait_for(lambda: guest.row()["IP"].startswith(f"{address} lease for "), 20, "the row has it")
    disconnected = "[n.status.disconnected for n in Network.objects.filter(name__in=('red', 'blue'))]"
    assert guest.portal.ask(disconnected) == [[], []]


def test_the_link_of_a_running_nic_goes_down_and_up(guest: Guest):
    place = guest.place()
    guest.change(link_up=None)
    assert [guest.has("link/@state", flags) for flags in EVERYWHERE] == ["down", "down"]
    wait_for(lambda: guest.card("carrier") == 0, 20, "the guest has no carrier")
    assert (guest.row()["Link"], guest.state(), guest.drift()) == ("down", "ready", "")
    guest.change(link_up="on")
    assert [guest.has("link/@state", flags) for flags in EVERYWHERE] == ["", ""]
    wait_for(lambda: guest.card("carrier") == 1, 20, "the guest has its carrier again")
    assert (guest.place(), guest.row()["Link"], guest.state()) == (place, "up", "ready")


def test_a_nic_that_cannot_change_live_is_plugged_again(guest: Guest):
    place, index = guest.place(), guest.card("ifindex")
    guest.change(mtu="1400")
    assert [guest.has("mtu/@size", flags) for flags in EVERYWHERE] == ["1400", "1400"]
    assert (guest.place(), guest.state(), guest.drift()) == (place, "ready", "")
    wait_for(lambda: guest.card("mtu") == 1400, 20, "the guest has the card again, with the MTU")
    assert guest.card("ifindex") > index, "it saw the card leave"
    wait_for(lambda: guest.attached("blue"), 60, "it has its address again")
    guest.change(mtu="")
    wait_for(lambda: guest.card("mtu") == 1500, 20, "and once more, without")
    assert [guest.has("mtu/@size", flags) for flags in EVERYWHERE] == ["", ""]


def test_a_refused_change_is_undone_and_shown_until_it_is_withdrawn(guest: Guest):
    wait_for(lambda: guest.card("carrier") == 1, 20, "the guest is awake")
    place = guest.place()
    guest.change(vlan="42")
    assert guest.state() == "failed"
    assert guest.mac in guest.reason() and "vlan" in guest.reason()
    assert guest.reason() in guest.portal.get(VM).get_element_by_id("reason").text_content()
    for flags in EVERYWHERE:
        assert (guest.has("source/@network", flags), guest.has("vlan/tag/@id", flags)) == ("blue", "")
    assert guest.place() == place
    wait_for(lambda: guest.card("carrier") == 1, 20, "the guest has its card again")

    added = add_nic(guest, "red")
    wait_for(lambda: added in guest.domain.XMLDesc(), 30, "another NIC does not wait for that one")
    remove_nic(guest, added)
    wait_for(lambda: added not in guest.domain.XMLDesc(), 60, "nor one that goes")
    wait_for(lambda: guest.state() != "pending", 30, "that is settled")
    assert guest.state() == "failed" and "vlan" in guest.reason(), "what was refused is still said"
    assert guest.row()["State"] == "failed"

    guest.change(vlan="")
    assert (guest.state(), guest.reason(), guest.drift()) == ("ready", "", "")
    assert guest.place() == place


def test_a_change_that_is_refused_half_way_leaves_the_nic_where_it_was(guest: Guest, lab: Lab, idle):
    tap = guest.has("target/@dev")

    def bridge() -> str:
        return lab.run("readlink", f"/sys/class/net/{tap}/master").strip().rsplit("/", 1)[-1]

    home, blinks = guest.networks["blue"].bridgeName(), guest.card("carrier_changes")
    for fields in (
        {"network": "red", "filter": "nowhere"},
        {"network": "", "bridge": "br-none"},
        {"network": "idle"},
    ):
        guest.change(**fields)
        assert guest.state() == "failed"
        assert guest.mac in guest.reason()
        for flags in EVERYWHERE:
            assert (guest.has("source/@network", flags), guest.has("filterref/@filter", flags)) == ("blue", "")
        assert (bridge(), guest.row()["Link"]) == (home, "up")
        guest.change(network="blue", bridge="", filter="")
        assert (guest.state(), guest.drift()) == ("ready", "")
    assert (bridge(), guest.card("carrier_changes")) == (home, blinks), "the guest has noticed nothing"


def test_bandwidth_is_set_or_removed_completely(guest: Guest, lab: Lab):
    """tc does half of it where the kernel has no sfq scheduler."""
    tap = guest.has("target/@dev")
    guest.change(inbound="1000")
    kept = "1000" if guest.state() == "ready" else ""
    assert [guest.has("bandwidth/inbound/@average", flags) for flags in EVERYWHERE] == [kept, kept]
    assert ("htb" in lab.run("tc", "qdisc", "show", "dev", tap)) == bool(kept), guest.reason()
    guest.change(inbound="")
    assert (guest.state(), guest.has("bandwidth/inbound/@average")) == ("ready", "")
    assert "htb" not in lab.run("tc", "qdisc", "show", "dev", tap)


def test_nics_come_and_go_even_two_in_the_same_moment(guest: Guest):
    before = [row["MAC"] for row in guest.portal.table(VM)]
    path = f"{VM}nics/add/"
    token = guest.portal.token(path)
    with ThreadPoolExecutor(2) as people:
        list(
            people.map(
                lambda name: guest.portal.send(path, token, network=name, model="virtio", link_up="on"), ("red", "blue")
            )
        )
    macs = [row["MAC"] for row in guest.portal.table(VM) if row["MAC"] not in before]
    assert len(set(macs)) == 2
    for flags in EVERYWHERE:
        wait_for(lambda flags=flags: all(mac in guest.domain.XMLDesc(flags) for mac in macs), 30, "both are there")
    wait_for(lambda: guest.state() == "ready", 30, "it is ready")
    wait_for(lambda: sum(known in guest.run("cat /sys/class/net/*/address") for known in macs) == 2, 30, "so it sees")
    for mac in macs:
        remove_nic(guest, mac)
    wait_for(lambda: guest.state() == "ready", 60, "it is ready")
    assert [row["MAC"] for row in guest.portal.table(VM)] == before
    for flags in EVERYWHERE:
        assert not any(mac in guest.domain.XMLDesc(flags) for mac in macs)


def add_nic(guest: Guest, network: str) -> str:
    before = {row["MAC"] for row in guest.portal.table(VM)}
    guest.portal.post(f"{VM}nics/add/", network=network, model="virtio", link_up="on")
    (mac,) = {row["MAC"] for row in guest.portal.table(VM)} - before
    return mac


def remove_nic(guest: Guest, mac: str) -> None:
    guest.portal.post(f"{VM}nics/{mac}/remove/")


def test_only_the_definition_of_a_vm_that_is_off_changes(guest: Guest):
    power(guest, "shutdown")
    wait_for(lambda: not guest.domain.isActive(), 30, "it is off")
    wait_for(lambda: guest.state() == "ready", 20, "and that is known")
    place = guest.place()
    guest.change(network="red", mtu="1400", model="e1000")
    assert not guest.domain.isActive()
    assert (guest.has("source/@network"), guest.has("mtu/@size"), guest.has("model/@type")) == ("red", "1400", "e1000")
    assert (guest.place(), guest.state(), guest.drift()) == (place, "ready", "")
    assert (guest.row()["Network"], guest.row()["Model"]) == ("red", "e1000")
    guest.change(model="virtio")
    power(guest, "start")
    wait_for(guest.domain.isActive, 20, "it runs")
    assert (guest.has("source/@network"), guest.has("mtu/@size"), guest.has("model/@type")) == ("red", "1400", "virtio")
    wait_for(lambda: guest.attached("red"), 90, "it has an address of the network it was moved to")


def power(guest: Guest, verb: str) -> None:
    guest.portal.post(f"{VM}{verb}/", page=VM)
