"""Two running guests on one network, for the tests of their addresses."""

from collections.abc import Iterator

import libvirt
import pytest
from lab import Lab

from tests.lab.networks.addresses.addressed_guests import PAGE, Guest, at_console, document, leased, let_go
from tests.lab.state import things
from tests.support.portal import Portal
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def guests(portal: Portal, lab: Lab) -> Iterator[tuple[Guest, Guest]]:
    """Yield two running guests, each with a NIC on the network addr."""
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


@pytest.fixture
def both(portal: Portal, host: libvirt.virConnect, lab: Lab, guests: tuple[Guest, Guest]) -> tuple[Guest, Guest]:
    """Return the guests, each with one lease and without reservations."""
    if "<host " in document(host):
        portal.manage("network", "edit", "addr", "--host", "")
    if any(len(guest.ips) != 1 or guest.ips != leased(host, guest.mac) for guest in guests):
        for guest in guests:
            let_go(host, lab, guest)
        for guest in guests:
            guest.request_lease_again()
        wait_for(lambda: all(guest.ips == leased(host, guest.mac) != set() for guest in guests), 60, "both have one")
    wait_for(lambda: len(portal.table(f"{PAGE}leases/")) == len(guests), 30, "the portal has seen so")
    return guests
