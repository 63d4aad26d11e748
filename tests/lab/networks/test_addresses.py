"""Who has which address: reserved, changed, shared by mistake, taken without asking, left behind; with real leases."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import libvirt
import pytest
from lab import Lab

from tests.lab.guest import Console, Wire
from tests.lab.state import things
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

PAGE = "/networks/lab/addr/"
THEIRS = "52:54:00:00:61:99"
DOMAIN = f"""<domain type='qemu'><name>theirs</name><memory unit='MiB'>128</memory><os><type>hvm</type></os>
<features><acpi/><apic/></features><devices><disk type='volume' device='disk'><driver name='qemu' type='qcow2'/>
<source pool='default' volume='virter:tag:tiny'/><target dev='vda' bus='virtio'/><readonly/></disk>
<interface type='network'><mac address='{THEIRS}'/><source network='addr'/><model type='virtio'/></interface>
</devices></domain>"""


@dataclass(frozen=True, kw_only=True)
class Guest:
    """A guest by its NIC on the network; `card` is what the guest calls that."""

    name: str
    mac: str
    card: str
    console: Console

    @property
    def ips(self) -> set[str]:
        return set(re.findall(r"inet ([\d.]+)/", self.console.run(f"ip -4 addr show dev {self.card}")))

    def renew(self) -> None:
        self.console.run(f"read -r index client </run/{self.card}; kill -USR1 $client")

    def stop_dhcp(self) -> None:
        """Have no address and ask for none; its lease holds on."""
        self.console.run(
            f"read -r index client </run/{self.card}; kill $client; while kill -0 $client; do usleep 50000; done "
            f"2>/dev/null; ip address flush dev {self.card} scope global"
        )

    def ask_anew(self, *options: str) -> None:
        """Ask for an address as a client with these options, which begins from nothing."""
        self.stop_dhcp()
        client = f"udhcpc -f -i {self.card} -s /lease -x hostname:{self.name} -t 60 -T 1 -A 1 {' '.join(options)}"
        index = f"$(cat /sys/class/net/{self.card}/ifindex)"
        self.console.run(f'({client} >/dev/null 2>&1 & echo "{index} $!" >/run/{self.card})')

    def take(self, ip: str) -> None:
        """Use an address without asking anybody."""
        self.console.run(f"ip address add {ip}/24 dev {self.card}")

    def greet(self) -> None:
        """Say to the host which address is whose."""
        self.console.run(f"ip neigh flush dev {self.card}; ping -c 1 -w 2 10.61.0.1")


@pytest.fixture(scope="module")
def guests(portal: Portal, lab: Lab) -> Iterator[tuple[Guest, Guest]]:
    """Two running guests with a NIC each on the network addr."""
    host = libvirt.open(lab.uri)
    before = things(host)
    portal.manage("network", "add", "addr", "--dhcp", "-n", "10.61.0.1/24")
    macs = {f"tiny-{number}": f"52:54:00:00:61:{number}" for number in ("61", "62")}
    for name, mac in macs.items():
        nic = f"type=network,source=addr,mac={mac}"
        portal.manage("vm", "run", "tiny", "--id", name.removeprefix("tiny-"), "--memory", "128M", "--nic", nic)
    wait_for(lambda: all(leased(host, mac) for mac in macs.values()), 120, "both have their addresses")
    found = [at_console(host, name, mac) for name, mac in macs.items()]
    yield tuple(found)
    for guest in found:
        guest.console.close()
        portal.manage("vm", "rm", guest.name)
    portal.manage("network", "rm", "addr")
    assert things(host) == before
    host.close()


def at_console(host: libvirt.virConnect, name: str, mac: str) -> Guest:
    console = Console(host.lookupByName(name))
    card = re.search(r"eth\d", console.run(f"grep -l {mac} /sys/class/net/eth*/address"))[0]
    return Guest(name=name, mac=mac, card=card, console=console)


@pytest.fixture
def both(portal: Portal, host: libvirt.virConnect, lab: Lab, guests: tuple[Guest, Guest]) -> tuple[Guest, Guest]:
    """The guests, each with one lease as any other, and nothing reserved."""
    if "<host " in document(host):
        portal.manage("network", "edit", "addr", "--host", "")
    if any(len(guest.ips) != 1 or guest.ips != leased(host, guest.mac) for guest in guests):
        for guest in guests:
            let_go(host, lab, guest)
        for guest in guests:
            guest.ask_anew()
        wait_for(lambda: all(guest.ips == leased(host, guest.mac) != set() for guest in guests), 60, "both have one")
    wait_for(lambda: len(portal.table(f"{PAGE}leases/")) == len(guests), 30, "the portal has seen so")
    return guests


def let_go(host: libvirt.virConnect, lab: Lab, guest: Guest) -> None:
    """Have a guest without address and without leases."""
    guest.stop_dhcp()
    for lease in leases(host):
        if lease["mac"] == guest.mac:
            bridge = host.networkLookupByName("addr").bridgeName()
            lab.run("dhcp_release", bridge, lease["ipaddr"], guest.mac, lease["clientid"])
    wait_for(lambda: not leased(host, guest.mac), 20, f"{guest.name} has no lease")


def leased(host: libvirt.virConnect, mac: str) -> set[str]:
    return {lease["ipaddr"] for lease in leases(host) if lease["mac"] == mac}


def leases(host: libvirt.virConnect) -> list[dict]:
    return host.networkLookupByName("addr").DHCPLeases()


def document(host: libvirt.virConnect, flags: int = 0) -> str:
    return host.networkLookupByName("addr").XMLDesc(flags)


def only(ips: set[str]) -> str:
    (ip,) = ips
    return ip


def are_reserved(host: libvirt.virConnect, *entries: str) -> bool:
    """Whether libvirt has these, live and stored."""
    kept = (document(host), document(host, libvirt.VIR_NETWORK_XML_INACTIVE))
    return all(entry in each for entry in entries for each in kept)


def lease_row(portal: Portal, ip: str, mac: str, question: str = "") -> dict[str, str]:
    rows = portal.table(f"{PAGE}leases/{question}")
    return next((row for row in rows if (row["IP"], row["MAC"]) == (ip, mac)), {})


def ended(portal: Portal, ip: str, mac: str) -> dict[str, str]:
    """A row of the history, once it has an end."""
    row = lease_row(portal, ip, mac, f"?q={ip}")
    return row if row.get("To", "now") != "now" else {}


def problem(portal: Portal, kind: str) -> str:
    """What is wrong, in words, with the name of its step; "" if nothing of this kind is."""
    found = portal.get(f"{PAGE}problems/").xpath("//ul[@class='problems']/li")
    said = [re.sub(r"\s+", " ", each.text_content()).strip() for each in found]
    return next((text.removeprefix(kind).strip() for text in said if text.startswith(kind)), "")


def press(portal: Portal, page: str, button: str) -> None:
    """Press the first button of this name on a page."""
    found = portal.get(page).xpath(f"//button[normalize-space()='{button}']")[0]
    (action,) = found.xpath("@formaction") or found.xpath("ancestor::form/@action")
    portal.post(action, page=page)


def cell(portal: Portal, ip: str) -> tuple[str, str]:
    """What the map says of an address: how it is drawn, and in words."""
    (found,) = portal.get(f"{PAGE}addresses/").xpath(f"//div[@role='group']/a[starts-with(@title, '{ip}: ')]")
    return found.get("class"), found.get("title").removeprefix(f"{ip}: ")


def test_a_lease_that_is_reserved_by_its_button_stays_through_a_renewal(
    portal: Portal, host: libvirt.virConnect, both: tuple[Guest, Guest]
):
    guest = both[0]
    ip = only(guest.ips)
    (action,) = portal.get(f"{PAGE}leases/").xpath(f"//tr[td='{ip}']//button[.='Reserve']/@formaction")
    portal.post(action, page=f"{PAGE}leases/")
    entry = f"<host mac='{guest.mac}' name='{guest.name}' ip='{ip}'/>"
    wait_for(lambda: are_reserved(host, entry), 20, "libvirt has it, live and stored")
    assert cell(portal, ip) == ("leased both", f"leased to {guest.name} ({guest.mac}), reserved")

    def expires() -> int:
        return next(lease["expirytime"] for lease in leases(host) if lease["mac"] == guest.mac)

    before = expires()
    guest.renew()
    wait_for(lambda: expires() > before, 30, "the guest has renewed")
    assert guest.ips == leased(host, guest.mac) == {ip}
    assert "reserved" in lease_row(portal, ip, guest.mac).values()


def test_a_guest_takes_another_address_that_is_reserved_for_it_when_it_renews(
    portal: Portal, host: libvirt.virConnect, both: tuple[Guest, Guest]
):
    guest, new = both[0], "10.61.0.201"
    old = only(guest.ips)
    portal.manage("network", "edit", "addr", "--host", f"{guest.mac} {old} {guest.name}")
    portal.post(f"{PAGE}hosts/{old}/edit/", mac=guest.mac, ip=new, name=guest.name)
    wait_for(lambda: are_reserved(host, f"<host mac='{guest.mac}' name='{guest.name}' ip='{new}'/>"), 20, "reserved")
    said = wait_for(lambda: problem(portal, "not the reserved address"), 30, "the page says so")
    assert said.startswith(f"{guest.name} ({guest.mac}) has {old}, though {new} is reserved for it")
    assert said.endswith(f"Reserve {old} instead")

    guest.renew()
    wait_for(lambda: guest.ips == {new}, 60, "the guest has taken it")
    wait_for(lambda: leased(host, guest.mac) == {new}, 20, "the old lease is gone")
    wait_for(lambda: lease_row(portal, new, guest.mac), 30, "the page has followed")
    assert not lease_row(portal, old, guest.mac)
    wait_for(lambda: not problem(portal, "not the reserved address"), 30, "nothing is wrong any more")
    assert ended(portal, old, guest.mac)["VM"] == guest.name
    assert lease_row(portal, new, guest.mac, f"?q={new}")["To"] == "now"


def test_two_guests_that_send_one_client_id_are_both_named(
    portal: Portal, host: libvirt.virConnect, both: tuple[Guest, Guest]
):
    a, b = both

    def shared(guest: Guest) -> str:
        mine = (lease for lease in leases(host) if lease["mac"] == guest.mac)
        return next((lease["ipaddr"] for lease in mine if lease["clientid"] == "00:aa:bb:cc:dd"), "")

    def seen() -> list[tuple[str, str]]:
        """Who has it as far as the portal knows."""
        found = json.loads(portal._open(f"{PAGE}leases.json"))
        return [(lease["ip"], lease["mac"]) for lease in found if lease["client_id"] == "00:aa:bb:cc:dd"]

    a.ask_anew("-x", "0x3d:00aabbccdd")
    ip = wait_for(lambda: shared(a), 60, "the first has a lease")
    wait_for(lambda: seen() == [(ip, a.mac)], 30, "the portal has seen it")
    b.ask_anew("-x", "0x3d:00aabbccdd")
    assert wait_for(lambda: shared(b), 60, "the second has one") == ip
    said = wait_for(lambda: problem(portal, "one client ID, two guests"), 60, "the page says so")
    assert said.startswith(f"{a.name} ({a.mac}) and {b.name} ({b.mac}) send one client ID, 00:aa:bb:cc:dd")
    assert said.endswith(f"Show {b.name}")


def test_an_address_that_no_lease_tells_is_on_the_map_and_found(
    portal: Portal, host: libvirt.virConnect, lab: Lab, both: tuple[Guest, Guest]
):
    guest, ip = both[1], "10.61.0.230"
    let_go(host, lab, guest)
    guest.take(ip)
    guest.greet()
    drawn = ("in-use", f"in use without a lease by {guest.name} ({guest.mac})")
    wait_for(lambda: cell(portal, ip) == drawn, 90, "it is on the map")
    found = portal.get(f"/search/?q={ip}")
    assert found.xpath("normalize-space(//span[@class='answer'])") == guest.name
    (row,) = portal.table(f"/search/?q={ip}")
    assert (row["VM"], row["MAC"], row["Network"], row["Source"]) == (guest.name, guest.mac, "addr", "ARP")


def test_an_address_that_two_machines_use_is_said_of_both(
    portal: Portal, host: libvirt.virConnect, lab: Lab, both: tuple[Guest, Guest]
):
    a, b = both
    ip = only(a.ips)
    let_go(host, lab, b)
    b.take(ip)

    def said() -> str:
        b.greet()
        return problem(portal, "one address, two machines")

    text = wait_for(said, 90, "the page says so")
    assert f"{ip} is answered for by 2 machines" in text
    assert f"{a.name} ({a.mac}), by its lease" in text
    assert f"{b.name} ({b.mac}), as the ARP table says" in text


def test_a_lease_of_a_vm_that_others_removed_is_released_and_remembered(portal: Portal, host: libvirt.virConnect, both):
    domain = host.defineXML(DOMAIN)
    domain.create()
    wait_for(lambda: leased(host, THEIRS), 120, "it has a lease")
    ip = only(leased(host, THEIRS))
    wait_for(lambda: lease_row(portal, ip, THEIRS).get("VM") == "theirs", 30, "the page says whose it is")
    domain.destroy()
    domain.undefine()
    said = wait_for(lambda: problem(portal, "a lease of nobody"), 30, "it is nobody's")
    assert said.startswith(f"{ip} is leased to {THEIRS}")
    assert said.endswith("which no VM has. Release lease")
    press(portal, f"{PAGE}problems/", "Release lease")
    wait_for(lambda: not leased(host, THEIRS), 20, "libvirt has it no longer")
    wait_for(lambda: not problem(portal, "a lease of nobody"), 20, "nothing is wrong any more")
    assert ended(portal, ip, THEIRS)["VM"] == "theirs"


def test_each_lease_of_a_card_is_released_by_itself(
    portal: Portal, host: libvirt.virConnect, both: tuple[Guest, Guest]
):
    guest = both[1]
    older = only(guest.ips)
    guest.ask_anew("-x", "0x3d:00ddeeff00")  # as a system after its boot loader
    wait_for(lambda: len(leased(host, guest.mac)) == 2, 60, "it has two leases")
    guest.stop_dhcp()
    (row,) = portal.get(f"{PAGE}leases/").xpath(f"//tr[td='{older}']/@id")
    portal.post(f"{PAGE}leases/{row.removeprefix('lease-')}/release/", page=f"{PAGE}leases/")
    wait_for(lambda: older not in leased(host, guest.mac), 20, "the older one is released")
    assert len(leased(host, guest.mac)) == 1


def test_many_pasted_entries_are_there_and_nobody_is_cut_off(
    portal: Portal, host: libvirt.virConnect, lab: Lab, both: tuple[Guest, Guest]
):
    right = [(f"52:54:00:00:62:{number:02}", f"10.61.0.{100 + number}") for number in range(15)]
    wrong = ("52:54:00:00:62:50 10.62.0.50", "52:54:00:00:62:51 10.61.0.1", f"52:54:00:00:62:52 {right[0][1]}")
    wrong += ("52:54:00:00:62:zz 10.61.0.53", "dhcp-range=10.61.0.2,10.61.0.9")
    text = "\n".join([*(f"{mac},{ip}" for mac, ip in right[:8]), *wrong, *(f"{mac} {ip}" for mac, ip in right[8:])])
    page = portal.post(f"{PAGE}hosts/paste/", text=text)
    assert len(page.xpath("//table[@id='wrong']/tbody/tr")) == len(wrong)
    assert len(page.xpath("//table[@id='right']/tbody/tr")) == len(right)
    assert "Reserve the 15 right ones" in page.text_content()
    assert "<host " not in document(host)

    pid = lab.run("cat", "/run/libvirt/network/addr.pid")
    taps = [tap for guest in both for tap in taps_of(host, guest.mac)]
    with Wire(lab, taps) as wire:
        hidden = {field.name: field.value for field in page.xpath("//main//input[@type='hidden']")}
        portal.send(f"{PAGE}hosts/paste/", hidden["csrfmiddlewaretoken"], text=text, token=hidden["token"])
        entries = [f"<host mac='{mac}' ip='{ip}'/>" for mac, ip in right]
        wait_for(lambda: are_reserved(host, *entries), 30, "libvirt has all, live and stored")
    assert wire.gaps == dict.fromkeys(taps, (0.0, 0.0))
    assert document(host).count("<host ") == len(right)
    assert lab.run("cat", "/run/libvirt/network/addr.pid") == pid
    bridge = host.networkLookupByName("addr").bridgeName()
    assert {lab.run("readlink", f"/sys/class/net/{tap}/master").split("/")[-1].strip() for tap in taps} == {bridge}
    rows = wait_for(lambda: portal.table(f"{PAGE}hosts/"), 20, "the page has them")
    assert [(row["MAC or DUID"], row["IP"]) for row in rows] == right
    wait_for(lambda: {row["State"] for row in portal.table(f"{PAGE}hosts/")} == {"reserved"}, 20, "all are reserved")


def taps_of(host: libvirt.virConnect, mac: str) -> list[str]:
    pattern = rf"<mac address='{mac}'/>.*?<target dev='([^']+)'/>"
    return [tap for domain in host.listAllDomains() for tap in re.findall(pattern, domain.XMLDesc(), re.DOTALL)]


def test_the_inventory_has_the_guests_with_their_addresses(portal: Portal, both: tuple[Guest, Guest]):
    def listed() -> dict[str, list[str]]:
        """The addresses on the network, by guest."""
        found = json.loads(portal.manage("inventory"))
        variables = found["_meta"]["hostvars"]
        return {
            name: [ip for nic in variables[name]["nics"] if nic["network"] == "addr" for ip in nic["ip"]]
            for name in found["addr"]["hosts"]
        }

    wait_for(lambda: listed() == {guest.name: list(guest.ips) for guest in both}, 60, "all is as it is")
    variables = json.loads(portal.manage("inventory", "--host", both[0].name))
    assert variables["ansible_host"] == "192.168.122.61"
    assert variables["nics"][1]["mac"] == both[0].mac
