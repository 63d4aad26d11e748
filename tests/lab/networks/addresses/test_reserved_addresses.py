"""Reserved addresses that real guests get when they renew their leases, and leases that are released."""

import re

import libvirt
import pytest
from lab import Lab

from tests.lab.guest import Wire
from tests.lab.networks.addresses.addressed_guests import PAGE, Guest, cell, document, leased, leases, only, problem
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab


EXTERNAL = "52:54:00:00:61:99"
DOMAIN = f"""<domain type='qemu'><name>external</name><memory unit='MiB'>128</memory><os><type>hvm</type></os>
<features><acpi/><apic/></features><devices><disk type='volume' device='disk'><driver name='qemu' type='qcow2'/>
<source pool='default' volume='virter:tag:tiny'/><target dev='vda' bus='virtio'/><readonly/></disk>
<interface type='network'><mac address='{EXTERNAL}'/><source network='addr'/><model type='virtio'/></interface>
</devices></domain>"""


def are_reserved(host: libvirt.virConnect, *entries: str) -> bool:
    """Return whether libvirt has these entries, live and stored."""
    kept = (document(host), document(host, libvirt.VIR_NETWORK_XML_INACTIVE))
    return all(entry in each for entry in entries for each in kept)


def lease_row(portal: Portal, ip: str, mac: str, question: str = "") -> dict[str, str]:
    rows = portal.table(f"{PAGE}leases/{question}")
    return next((row for row in rows if (row["IP"], row["MAC"]) == (ip, mac)), {})


def ended(portal: Portal, ip: str, mac: str) -> dict[str, str]:
    """Wait for the end of a row of the history and return it."""
    row = lease_row(portal, ip, mac, f"?q={ip}")
    return row if row.get("To", "now") != "now" else {}


def press(portal: Portal, page: str, button: str) -> None:
    """Press the first button of this name on a page."""
    found = portal.get(page).xpath(f"//button[normalize-space()='{button}']")[0]
    (action,) = found.xpath("@formaction") or found.xpath("ancestor::form/@action")
    portal.post(action, page=page)


def test_a_reserved_lease_is_kept_after_a_renewal(portal: Portal, host: libvirt.virConnect, both: tuple[Guest, Guest]):
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


def test_a_guest_gets_another_reserved_address_when_it_renews(
    portal: Portal, host: libvirt.virConnect, both: tuple[Guest, Guest]
):
    guest, new = both[0], "10.61.0.201"
    old = only(guest.ips)
    portal.manage("network", "edit", "addr", "--host", f"{guest.mac} {old} {guest.name}")
    portal.post(f"{PAGE}hosts/{old}/edit/", mac=guest.mac, ip=new, name=guest.name)
    wait_for(lambda: are_reserved(host, f"<host mac='{guest.mac}' name='{guest.name}' ip='{new}'/>"), 20, "reserved")
    said = wait_for(lambda: problem(portal, "not the reserved address"), 30, "the page says so")
    assert said.startswith(f"{guest.name} ({guest.mac}) has {old}, although {new} is reserved for it")
    assert said.endswith(f"Reserve {old} instead")

    guest.renew()
    wait_for(lambda: guest.ips == {new}, 60, "the guest has taken it")
    wait_for(lambda: leased(host, guest.mac) == {new}, 20, "the old lease is gone")
    wait_for(lambda: lease_row(portal, new, guest.mac), 30, "the page has followed")
    assert not lease_row(portal, old, guest.mac)
    wait_for(lambda: not problem(portal, "not the reserved address"), 30, "nothing is wrong any more")
    assert ended(portal, old, guest.mac)["VM"] == guest.name
    assert lease_row(portal, new, guest.mac, f"?q={new}")["To"] == "now"


def test_a_lease_of_a_vm_that_was_deleted_outside_the_portal_is_released_and_kept_in_the_history(
    portal: Portal, host: libvirt.virConnect, both
):
    domain = host.defineXML(DOMAIN)
    domain.create()
    wait_for(lambda: leased(host, EXTERNAL), 120, "it has a lease")
    ip = only(leased(host, EXTERNAL))
    wait_for(lambda: lease_row(portal, ip, EXTERNAL).get("VM") == "external", 30, "the page says whose it is")
    domain.destroy()
    domain.undefine()
    said = wait_for(lambda: problem(portal, "lease without a VM"), 30, "it is nobody's")
    assert said.startswith(f"{ip} is leased to {EXTERNAL}")
    assert said.endswith("No VM has this MAC. Release lease")
    press(portal, f"{PAGE}problems/", "Release lease")
    wait_for(lambda: not leased(host, EXTERNAL), 20, "libvirt has it no longer")
    wait_for(lambda: not problem(portal, "lease without a VM"), 20, "nothing is wrong any more")
    assert ended(portal, ip, EXTERNAL)["VM"] == "external"


def test_each_lease_of_a_nic_is_released_separately(
    portal: Portal, host: libvirt.virConnect, both: tuple[Guest, Guest]
):
    guest = both[1]
    older = only(guest.ips)
    guest.request_lease_again("-x", "0x3d:00ddeeff00")  # as a system after its boot loader
    wait_for(lambda: len(leased(host, guest.mac)) == 2, 60, "it has two leases")
    guest.stop_dhcp()
    (row,) = portal.get(f"{PAGE}leases/").xpath(f"//tr[td='{older}']/@id")
    portal.post(f"{PAGE}leases/{row.removeprefix('lease-')}/release/", page=f"{PAGE}leases/")
    wait_for(lambda: older not in leased(host, guest.mac), 20, "the older one is released")
    assert len(leased(host, guest.mac)) == 1


def test_many_pasted_reservations_disconnect_no_vm(
    portal: Portal, host: libvirt.virConnect, lab: Lab, both: tuple[Guest, Guest]
):
    right = [(f"52:54:00:00:62:{number:02}", f"10.61.0.{100 + number}") for number in range(15)]
    wrong = ("52:54:00:00:62:50 10.62.0.50", "52:54:00:00:62:51 10.61.0.1", f"52:54:00:00:62:52 {right[0][1]}")
    wrong += ("52:54:00:00:62:zz 10.61.0.53", "dhcp-range=10.61.0.2,10.61.0.9")
    text = "\n".join([*(f"{mac},{ip}" for mac, ip in right[:8]), *wrong, *(f"{mac} {ip}" for mac, ip in right[8:])])
    page = portal.post(f"{PAGE}hosts/paste/", text=text)
    assert len(page.xpath("//table[@id='wrong']/tbody/tr")) == len(wrong)
    assert len(page.xpath("//table[@id='right']/tbody/tr")) == len(right)
    assert "Reserve 15 valid addresses" in page.text_content()
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
