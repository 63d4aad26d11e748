"""Packets of a guest's NIC are captured at its tap, followed meanwhile, and kept after an interruption."""

import subprocess
import urllib.request
from collections.abc import Iterator

import libvirt
import pytest
from lab import Lab

from tests.lab.guest import Console
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

MAC = "52:54:00:00:00:1a"
PATH = f"/vms/lab/tiny-26/nics/{MAC}/captures/"
FORM = {"filter": "icmp", "seconds": "60", "packets": "4", "size": "1"}
LATEST = "Capture.objects.order_by('pk').last()"
MODELS = "from vms.models import Capture"


@pytest.fixture(scope="module")
def console(portal: Portal, lab: Lab) -> Iterator[Console]:
    portal.manage("vm", "run", "tiny", "--id", "26", "--memory", "128M")
    host = libvirt.open(lab.uri)
    wait_for(lambda: portal.ask(f"Lease.objects.filter(mac='{MAC}').count()"), 120, "its lease")
    wait_for(lambda: portal.ask(f"NICStatus.objects.get(mac='{MAC}').target"), 60, "its device")
    console = Console(host.lookupByName("tiny-26"))
    yield console
    console.close()
    host.close()
    portal.manage("vm", "rm", "tiny-26")


def ask(portal: Portal, **values: str) -> int:
    portal.post(PATH, **{**FORM, **values})
    return portal.ask(f"{LATEST}.pk", MODELS)


def column(portal: Portal, pk: int, name: str) -> object:
    return portal.ask(f"Capture.objects.get(pk={pk}).{name}", MODELS)


def ping(console: Console, count: int) -> None:
    assert f"{count} packets received" in console.run(f"ping -c {count} 192.168.122.1", 30)


def printed(data: bytes) -> str:
    """Return what tcpdump reads in a file."""
    return subprocess.run(["tcpdump", "-nr", "-"], input=data, capture_output=True, check=True).stdout.decode()


def tcpdumps() -> list[str]:
    found = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in found if line.startswith("tcpdump -i")]


def test_the_packets_of_a_guest_are_captured_until_the_limit(portal: Portal, console: Console):
    pk = ask(portal)
    wait_for(lambda: column(portal, pk, "begun_at"), 30, "the beginning")
    ping(console, 3)
    wait_for(lambda: column(portal, pk, "done_at"), 20, "the limit of four packets")
    assert (column(portal, pk, "end"), column(portal, pk, "captured_packets")) == ("packets", 4)
    text = printed(download(portal, pk))
    assert text.count("ICMP echo request") == text.count("ICMP echo reply") == 2
    assert "192.168.122.26 > 192.168.122.1" in text
    wait_for(lambda: not tcpdumps(), 10, "the end of tcpdump")


def test_a_file_is_followed_while_it_grows_until_the_capture_is_stopped(portal: Portal, console: Console):
    pk = ask(portal, packets="1000")
    with portal._browser.open(f"{portal.url}{PATH}{pk}/pcap", timeout=30) as answer:
        assert len(answer.read(24)) == 24
        ping(console, 1)
        assert len(answer.read(16)) == 16, "of a packet, before the end"
        portal.post(f"{PATH}{pk}/stop/", PATH)
        assert answer.read(), "the rest, then the end"
    assert wait_for(lambda: column(portal, pk, "end"), 10, "the end") == "stopped"
    assert not tcpdumps()


def test_a_wrong_filter_is_said_in_tcpdumps_words(portal: Portal, console: Console):
    pk = ask(portal, filter="port; reboot")
    wait_for(lambda: column(portal, pk, "done_at"), 30, "the refusal")
    assert "tcpdump refuses the filter: " in portal.get(PATH).text_content()


def test_what_a_killed_worker_captured_is_kept_and_no_tcpdump_is_left(portal: Portal, console: Console):
    pk = ask(portal, packets="1000", filter="")
    wait_for(lambda: column(portal, pk, "begun_at"), 30, "the beginning")
    ping(console, 2)
    wait_for(lambda: column(portal, pk, "captured_packets") >= 4, 20, "the packets")
    portal.kill_worker()
    wait_for(lambda: not tcpdumps(), 10, "the end of tcpdump")
    portal.start_worker()
    wait_for(lambda: column(portal, pk, "done_at"), 60, "the other worker's record")
    assert "The worker was killed during the capture" in portal.get(PATH).text_content()
    assert "ICMP echo request" in printed(download(portal, pk))


def test_a_vm_that_is_forced_off_ends_the_capture(portal: Portal, console: Console):
    pk = ask(portal, packets="1000", filter="")
    wait_for(lambda: column(portal, pk, "begun_at"), 30, "the beginning")
    portal.manage("vm", "force-off", "tiny-26")
    wait_for(lambda: column(portal, pk, "done_at"), 30, "the end")
    assert "ended unexpectedly" in portal.get(PATH).text_content()
    portal.manage("vm", "start", "tiny-26")


def download(portal: Portal, pk: int) -> bytes:
    with portal._browser.open(urllib.request.Request(f"{portal.url}{PATH}{pk}/pcap"), timeout=30) as answer:
        return answer.read()
