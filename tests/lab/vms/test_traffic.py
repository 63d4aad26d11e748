"""What a guest's NIC receives and sends: counted, with a rate, and by the same figures as `virsh domifstat`."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import libvirt
import pytest
from lab import Lab
from lxml import html

from tests.lab.guest import Console
from tests.lab.state import things
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

VM = "/vms/lab/tiny-24/"
MAC = "52:54:00:00:00:18"
SIZES = {"B": 1, "KiB": 1024, "MiB": 1024**2}
RATES = {"bit/s": 1 / 8, "kbit/s": 1000 / 8, "Mbit/s": 1000**2 / 8}


@dataclass(kw_only=True)
class Guest:
    portal: Portal
    lab: Lab
    console: Console

    def cell(self) -> html.HtmlElement | None:
        """What the NIC's row has of its traffic."""
        found = self.portal.get(VM).xpath(f"//tr[@id='nic-{MAC}']//div[contains(@class, 'traffic')]")
        return found[0] if found else None

    def shown(self) -> dict[str, tuple[float, float]]:
        """Bytes and bytes a second by way, as far as the page's words are exact; empty before there is a rate."""
        cell = self.cell()
        ways = cell.find_class("way") if cell is not None else []
        words = [way.text_content().split() for way in ways]
        if not all(len(each) == 5 for each in words):
            return {}
        return {way: (float(count) * SIZES[unit], float(speed) * RATES[per]) for way, count, unit, speed, per in words}

    def counters(self) -> dict:
        kept = self.portal.ask(f"list(NICTraffic.objects.filter(mac='{MAC}').values_list('counters', flat=True))")
        return kept[0] if kept else {}

    def read_at(self) -> str:
        return self.portal.ask(f"str(NICTraffic.objects.get(mac='{MAC}').at)")

    def counted(self) -> dict[str, int]:
        """The same by virsh."""
        target = re.search(r"vnet\d+", self.lab.virsh("domiflist", "tiny-24"))[0]
        lines = self.lab.virsh("domifstat", "tiny-24", target).splitlines()
        return {line.split()[1]: int(line.split()[2]) for line in lines if line.strip()}


@pytest.fixture(scope="module")
def guest(portal: Portal, lab: Lab) -> Iterator[Guest]:
    host = libvirt.open(lab.uri)
    before = things(host)
    portal.manage("vm", "run", "tiny", "--id", "24", "--memory", "128M")
    network = host.networkLookupByName("default")
    wait_for(lambda: MAC in str(network.DHCPLeases()), 90, "it has its address")
    console = Console(host.lookupByName("tiny-24"))
    yield Guest(portal=portal, lab=lab, console=console)
    console.close()
    portal.manage("vm", "rm", "tiny-24")
    assert portal.ask("NICTraffic.objects.count()") == 0
    assert portal.ask("TrafficHistory.objects.filter(network=None).count()") == 0
    assert things(host) == before
    host.close()


def test_the_row_of_a_nic_shows_what_goes_through_it(guest: Guest):
    before = wait_for(guest.shown, 30, "the row has a rate")
    guest.console.run("(ping -s 1400 192.168.122.1 >/dev/null & echo $! >/run/ping)")

    def grown() -> dict[str, tuple[float, float]]:
        now = guest.shown()
        more = now and all(now[way][0] > before[way][0] + 5000 and now[way][1] > 300 for way in ("in", "out"))
        return now if more else {}

    wait_for(grown, 40, "both ways have grown, each with a rate")
    wait_for(lambda: [path.get("class") for path in guest.cell().iter("path")] == ["in", "out"], 90, "a sparkline")
    for path, name in ((f"{VM}traffic.json", MAC), ("/networks/lab/default/traffic.json", None)):
        samples = [
            each for each in json.loads(guest.portal._open(path)) if each.get("mac") == name and each["received_bps"]
        ]
        assert samples, "of the NIC and of its network"
        assert all(0 < each["sent_bps"] < 10**6 for each in samples)
    guest.console.run("kill $(cat /run/ping)")


def test_the_counters_are_those_of_virsh(guest: Guest):
    """They never stand still, for the bridge speaks every two seconds: so virsh is asked before and after."""
    earlier, before = guest.counted(), guest.read_at()
    wait_for(lambda: guest.read_at() > before, 30, "one more reading")
    between = guest.read_at()
    wait_for(lambda: guest.read_at() > between, 30, "and one that began after virsh was asked")
    kept, later = guest.counters(), guest.counted()
    for way, short in (("received", "rx"), ("sent", "tx")):
        for name, key in (("bytes", "bytes"), ("packets", "packets"), ("errors", "errs"), ("drops", "drop")):
            figure = f"{short}_{key}"
            assert earlier[figure] <= kept[way][name] <= later[figure], figure
    assert kept["sent"]["bytes"] > 5000


def test_traffic_is_counted_from_zero_after_a_guest_was_restarted(guest: Guest, host: libvirt.virConnect):
    domain = host.lookupByName("tiny-24")
    before = guest.counters()["received"]["bytes"]
    domain.destroy()
    wait_for(lambda: guest.cell() is None, 20, "a VM that is off has none")
    domain.create()
    wait_for(lambda: 0 < guest.counters().get("received", {}).get("bytes", 0) < before, 60, "it counts from zero")
