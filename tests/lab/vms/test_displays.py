"""The VNC display of a guest by websocket, on a local hypervisor and on one that is reached by SSH."""

import struct
from collections.abc import Iterator
from pathlib import Path

import libvirt
import pytest
from lab import Lab

from tests.lab.faults.test_remote import by_ssh, by_tcp
from tests.support.console_pages import ConsolePage
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

GUEST = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>32</memory><os><type>hvm</type></os>
<devices>{display}<video><model type='vga'/></video></devices></domain>"""
LOOPBACK = "<graphics type='vnc' autoport='yes' listen='127.0.0.1' passwd='secret12'/>"
ENTRIES = "from virterweb.activity.models import Entry"
UPDATE = struct.pack(">BBHHHH", 3, 0, 0, 0, 64, 64)
RAW = struct.pack(">BBHi", 2, 0, 1, 0)
KEY = struct.pack(">BBHI", 4, 1, 0, ord("a"))


@pytest.fixture(scope="module")
def guests(lab: Lab) -> Iterator[None]:
    """Run guests with a display that has a password, with one that listens nowhere, and without any."""
    host = libvirt.open(lab.uri)
    nowhere = "<graphics type='vnc'><listen type='none'/></graphics>"
    displays = {"shown": LOOPBACK, "nowhere": nowhere, "blind": ""}
    domains = [host.createXML(GUEST.format(name=name, display=each)) for name, each in displays.items()]
    yield
    for domain in domains:
        domain.destroy()
    host.close()


def expect_bytes(page: ConsolePage, count: int) -> bytes:
    for _ in range(200):
        if len(page.output) >= count:
            break
        page.read()
    found, page.output = page.output[:count], page.output[count:]
    assert len(found) == count, (found, page.messages)
    return found


def greet(page: ConsolePage) -> tuple[int, int]:
    """Make the handshake of a viewer, which needs no password; return the size of the display."""
    page.wait_for("opened")
    assert expect_bytes(page, 12) == b"RFB 003.008\n"
    page.socket.send(b"RFB 003.008\n")
    assert expect_bytes(page, 2) == b"\x01\x01"
    page.socket.send(b"\x01")
    assert expect_bytes(page, 4) == b"\0\0\0\0"
    page.socket.send(b"\0")
    width, height = struct.unpack(">HH", expect_bytes(page, 20)[:4])
    expect_bytes(page, struct.unpack(">I", expect_bytes(page, 4))[0])
    return width, height


def see(page: ConsolePage) -> None:
    """Check that the display sends a frame."""
    page.socket.send(RAW + UPDATE)
    assert expect_bytes(page, 1) == b"\0"


def what(portal: Portal) -> str:
    return portal.ask("Entry.objects.filter(kind='console').first().what.partition(',')[2]", ENTRIES)


@pytest.mark.parametrize("name", ["shown", "nowhere"])
def test_viewers_see_a_local_display_and_their_input_is_recorded(portal: Portal, guests: None, name: str):
    wait_for(lambda: portal.ask(f"VM.objects.filter(name='{name}').exists()"), 30, "the guest")
    with ConsolePage(portal, name, "vnc") as first, ConsolePage(portal, name, "vnc") as second:
        assert greet(first) == greet(second)
        see(first)
        see(second)
        second.socket.send(KEY)
    wait_for(lambda: what(portal).startswith(" view-only"), 10, "the entry of who only looked")
    with ConsolePage(portal, name, "vnc") as page:
        greet(page)
        page.tell(type="write", on=True)
        page.socket.send(KEY)
        see(page)
    wait_for(lambda: what(portal).startswith(" used with keyboard"), 10, "the entry of who wrote")


def test_a_vm_without_display_or_that_is_off_is_named(portal: Portal, guests: None):
    wait_for(lambda: portal.ask("VM.objects.filter(name='blind').exists()"), 30, "the guest")
    with ConsolePage(portal, "blind", "vnc") as page:
        assert page.wait_for("failed")["reason"] == "blind has no VNC display."
    with ConsolePage(portal, "blind") as page:
        assert page.wait_for("failed")["code"] == "consoles.no_serial"


def test_a_viewer_that_does_not_speak_vnc_is_disconnected(portal: Portal, guests: None):
    with ConsolePage(portal, "shown", "vnc") as page:
        greet(page)
        page.socket.send(b"\x63GET / HTTP/1.1\r\n\r\n")
        assert page.wait_for("failed")["code"] == "consoles.no_vnc"


def test_a_display_on_the_loopback_of_a_remote_hypervisor_comes_through_ssh(lab: Lab, guests: None, tmp_path: Path):
    with by_ssh(lab, tmp_path) as uri:
        portal = Portal(tmp_path, {"remote": uri})
        portal.start_web()
        portal.start_worker()
        portal.log_in()
        try:
            wait_for(lambda: portal.ask("VM.objects.filter(name='shown').exists()"), 60, "the guest")
            with ConsolePage(portal, "remote/shown", "vnc") as page:
                greet(page)
                see(page)
                assert b"secret12" not in page.output
            with ConsolePage(portal, "remote/nowhere", "vnc") as page:
                assert page.wait_for("failed")["code"] == "consoles.no_way"
        finally:
            portal.stop()


def test_a_remote_hypervisor_without_ssh_has_no_way_to_its_displays(lab: Lab, guests: None, tmp_path: Path):
    with by_tcp(lab, tmp_path) as uri:
        portal = Portal(tmp_path, {"remote": uri})
        portal.start_web()
        portal.start_worker()
        portal.log_in()
        try:
            wait_for(lambda: portal.ask("VM.objects.filter(name='shown').exists()"), 60, "the guest")
            with ConsolePage(portal, "remote/shown", "vnc") as page:
                assert page.wait_for("failed")["code"] == "consoles.no_way"
        finally:
            portal.stop()
