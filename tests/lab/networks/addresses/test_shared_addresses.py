"""Addresses that two guests use or that no lease has, and the inventory of the guests."""

import json

import libvirt
import pytest
from lab import Lab

from tests.lab.networks.addresses.addressed_guests import PAGE, Guest, cell, leases, let_go, only, problem
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab


def test_two_guests_with_the_same_client_id_are_both_named(
    portal: Portal, host: libvirt.virConnect, both: tuple[Guest, Guest]
):
    a, b = both

    def shared(guest: Guest) -> str:
        mine = (lease for lease in leases(host) if lease["mac"] == guest.mac)
        return next((lease["ipaddr"] for lease in mine if lease["clientid"] == "00:aa:bb:cc:dd"), "")

    def seen() -> list[tuple[str, str]]:
        """Return who has the address according to the portal."""
        found = json.loads(portal._open(f"{PAGE}leases.json"))
        return [(lease["ip"], lease["mac"]) for lease in found if lease["client_id"] == "00:aa:bb:cc:dd"]

    a.request_lease_again("-x", "0x3d:00aabbccdd")
    ip = wait_for(lambda: shared(a), 60, "the first has a lease")
    wait_for(lambda: seen() == [(ip, a.mac)], 30, "the portal has seen it")
    b.request_lease_again("-x", "0x3d:00aabbccdd")
    assert wait_for(lambda: shared(b), 60, "the second has one") == ip
    said = wait_for(lambda: problem(portal, "one client ID, two guests"), 60, "the page says so")
    assert said.startswith(f"{a.name} ({a.mac}) and {b.name} ({b.mac}) send the same client ID, 00:aa:bb:cc:dd")
    assert said.endswith(f"Show {b.name}")


def test_an_address_without_a_lease_is_on_the_map_and_found(
    portal: Portal, host: libvirt.virConnect, lab: Lab, both: tuple[Guest, Guest]
):
    guest, ip = both[1], "10.61.0.230"
    let_go(host, lab, guest)
    guest.take(ip)
    guest.greet()
    drawn = ("in-use", f"in use without lease by {guest.name} ({guest.mac})")
    wait_for(lambda: cell(portal, ip) == drawn, 90, "it is on the map")
    found = portal.get(f"/search/?q={ip}")
    assert found.xpath("normalize-space(//span[@class='answer'])") == guest.name
    (row,) = portal.table(f"/search/?q={ip}")
    assert (row["VM"], row["MAC"], row["Network"], row["Source"]) == (guest.name, guest.mac, "addr", "ARP")


def test_an_address_that_two_machines_use_is_shown_for_both(
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
    assert f"{ip} is used by 2 machines" in text
    assert f"{a.name} ({a.mac}), by DHCP lease" in text
    assert f"{b.name} ({b.mac}), by ARP table" in text


def test_the_inventory_has_the_guests_with_their_addresses(portal: Portal, both: tuple[Guest, Guest]):
    def listed() -> dict[str, list[str]]:
        """Return the addresses on the network, by guest."""
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
