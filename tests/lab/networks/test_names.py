"""The names that a real dnsmasq serves, inside the lab's network namespace, on the portal's page."""

from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest
from lab import Lab

from tests.lab.state import things
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

MAC = "52:54:00:00:66:01"
NET = ("names", "--dhcp", "-n", "10.66.0.1/24", "--domain", "names.test")
PATH = "/networks/lab/names/names/"


@pytest.fixture(scope="module")
def network(portal: Portal, lab: Lab) -> Iterator[str]:
    """A network with a domain, a DNS host, and a DHCP reservation with a name."""
    host = libvirt.open(lab.uri)
    before = things(host)
    portal.manage("network", "add", *NET, "--dns-host", "10.66.0.5 mirror", "--host", f"{MAC} 10.66.0.66 fixed")
    yield "names"
    portal.manage("network", "rm", "names")
    assert things(host) == before
    host.close()


def said(portal: Portal, name: str) -> list[tuple[str, str, str]]:
    """Of a name: its address, what dnsmasq answers, and what is thought of it."""
    rows = [row for row in portal.table(PATH) if row["Name"].split()[0] == name]
    return [(row["Address"], row["dnsmasq answers"], row["State"]) for row in rows]


def becomes(portal: Portal, name: str, *rows: tuple[str, str, str]) -> None:
    wait_for(lambda: said(portal, name) == list(rows), 30, f"{name} is {rows}, not {said(portal, name)}")


def test_the_page_shows_what_dnsmasq_answers(portal: Portal, network: str):
    becomes(portal, "mirror.names.test", ("10.66.0.5", "10.66.0.5", "as expected"))
    assert said(portal, "fixed.names.test") == [("10.66.0.66", "", "not answered while its guest has no lease")]
    assert "queried" in portal.get(PATH).xpath("string(//*[@id='names']/header)")


def test_the_worker_itself_stays_outside(portal: Portal, network: str):
    threads = Path(f"/proc/{portal.worker.pid}/task").glob("*/ns/net")
    assert {thread.readlink() for thread in threads} == {Path("/proc/self/ns/net").readlink()}


def test_answers_follow_when_the_dns_hosts_change(portal: Portal, network: str):
    portal.manage("network", "edit", network, "--dns-host", "10.66.0.6 mirror", "--dns-host", "10.66.0.7 mirror spare")
    both = "10.66.0.6 10.66.0.7"
    becomes(portal, "mirror.names.test", *((f"10.66.0.{last}", both, "as expected") for last in (6, 7)))
    assert said(portal, "spare.names.test") == [("10.66.0.7", "10.66.0.7", "as expected")]
    names = [row["Name"] for row in portal.table(PATH)]
    assert "mirror.names.test twice also 10.66.0.7" in names


def test_asking_again_finds_changes_outside(portal: Portal, network: str, host: libvirt.virConnect):
    entry = "<host ip='10.66.0.9'><hostname>late</hostname></host>"
    add, section = libvirt.VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, libvirt.VIR_NETWORK_SECTION_DNS_HOST
    flags = libvirt.VIR_NETWORK_UPDATE_AFFECT_LIVE | libvirt.VIR_NETWORK_UPDATE_AFFECT_CONFIG
    host.networkLookupByName(network).update(add, section, -1, entry, flags)
    portal.post(PATH)
    becomes(portal, "late.names.test", ("10.66.0.9", "10.66.0.9", "as expected"))


def test_a_host_entrys_name_is_answered_once_its_guest_has_a_lease(portal: Portal, network: str):
    nic = f"type=network,source={network},mac={MAC}"
    portal.manage("vm", "run", "tiny", "--id", "66", "--memory", "128M", "--nic", nic)
    becomes_leased = ("10.66.0.66", "10.66.0.66", "as expected")
    wait_for(lambda: said(portal, "fixed.names.test") == [becomes_leased], 180, "the guest has its lease and name")
    portal.manage("vm", "rm", "tiny-66")
