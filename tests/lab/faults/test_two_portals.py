"""Two portals manage one network and revert each other: both stop, and each names the other."""

from collections.abc import Iterator

import libvirt
import pytest
from lab import Lab
from lxml import etree

from tests.lab.state import things
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

NET = ("net1", "--dhcp", "-n", "10.255.0.1/24", "--domain", "net1.test")
CONTESTED = "[n.contested for n in Network.objects.filter(name='net1')][0]"
DRIFT = "[n.status.drift_text for n in Network.objects.filter(name='net1')][0]"
MARKS = "Secret.objects.get(name='portal ID').value"
ENTRY = "<host mac='52:54:00:aa:00:01' ip='10.255.0.77'/>"


@pytest.fixture(scope="module")
def portals(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Portal, Portal]]:
    polls = {"VIRTERWEB_IDLE_POLL_SECONDS": "2"}  # libvirt has no event for net-update, and nobody looks at a page
    both = tuple(
        Portal(tmp_path_factory.mktemp(name), {"lab": lab.uri}, VIRTERWEB_URL=f"https://{name}.example", **polls)
        for name in ("one", "two")
    )
    for portal in both:
        portal.start_worker()
    for portal in both:
        wait_for(lambda portal=portal: portal.ask("Network.objects.count()"), 60, "the first poll")
    yield both
    for portal in both:
        portal.stop()


def test_two_portals_that_revert_each_other_stop_and_each_names_the_other(
    portals: tuple[Portal, Portal], host: libvirt.virConnect, lab: Lab
):
    before, (one, two) = things(host), portals
    one.manage("network", "add", *NET)
    assert one.ask(MARKS) in host.networkLookupByName("net1").XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE)
    wait_for(lambda: two.ask("Network.objects.filter(name='net1').count()"), 10, "the other portal sees the network")
    two.manage("network", "adopt", "net1")
    for portal in portals:
        assert "urn:virterweb" not in portal.manage("network", "xml", "net1")
    two.manage("network", "edit", "net1", "--domain", "two.test")  # needs a restart, which nobody is disturbed by
    wait_for(lambda: "https://two.example" in one.ask(DRIFT), 20, "the first portal names the other")
    for portal in portals:
        portal.ask("Network.objects.filter(name='net1').update(on_drift='put back')")
    lab.virsh("net-update", "net1", "add", "ip-dhcp-host", ENTRY, "--live", "--config")
    said = {one: "https://two.example", two: "https://one.example"}
    wait_for(lambda: any(portal.ask(CONTESTED) for portal in portals), 60, "one of them has stopped")
    loser = next(portal for portal in portals if portal.ask(CONTESTED))
    wait_for(lambda: said[loser] in loser.ask(DRIFT), 20, "it names the other")
    document = etree.fromstring(host.networkLookupByName("net1").XMLDesc(libvirt.VIR_NETWORK_XML_INACTIVE))
    assert len(document.findall("metadata/*")) == 1
    for portal in portals:
        portal.ask("Network.objects.filter(name='net1').update(on_drift='ask')")
    two.manage("network", "release", "net1")
    one.manage("network", "apply", "net1")
    assert wait_for(lambda: one.ask(DRIFT) == "", 20, "it is as the first portal has it")
    one.manage("network", "rm", "net1")
    assert things(host) == before
