"""A real guest's console on the page, and after it is gone; and a guest without SSH that is waited for."""

import re
import subprocess
import sys
import urllib.error

import libvirt
import pytest
from lab import Lab

from tests.lab.guest import Console
from tests.lab.state import things
from tests.support.portal import ROOT, Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab


def shown(portal: Portal, name: str) -> str:
    return portal.get(f"/vms/lab/{name}/console/").xpath("string(//pre)")


def test_console_output_stays_on_the_page_when_the_guest_is_off(portal: Portal, host: libvirt.virConnect, lab: Lab):
    before = things(host)
    portal.manage("vm", "run", "tiny", "--id", "31", "--memory", "128M")
    volume = "virter:work:tiny-31-console"
    assert volume in things(host)["volumes"]
    domain = host.lookupByName("tiny-31")
    assert f"<log file='/var/lib/libvirt/images/{volume}' append='off'/>" in domain.XMLDesc()
    wait_for(lambda: "tiny: tiny-31 on Linux" in shown(portal, "tiny-31"), 60, "the guest's first line")

    console = Console(domain)
    console.run("echo grown b''y a line")
    wait_for(lambda: "grown by a line" in shown(portal, "tiny-31"), 5, "what was said since")
    assert "\x1b" not in shown(portal, "tiny-31")
    console.run("printf '\\303' >/dev/ttyS0; sleep 2; printf '\\274bergro\\303\\237\\n' >/dev/ttyS0")
    wait_for(lambda: "übergroß" in shown(portal, "tiny-31"), 5, "characters of two bytes, cut where it was read")
    console.close()

    domain.destroy()
    domain.create()
    wait_for(lambda: "the log starts again" in shown(portal, "tiny-31"), 60, "the second boot")
    wait_for(lambda: shown(portal, "tiny-31").count("tiny: tiny-31 on Linux") == 2, 60, "its first line")
    console = Console(domain)
    console.run("echo last w''ords")  # which nobody looks at while they are new
    console.close()

    portal.manage("vm", "rm", "tiny-31")
    assert things(host) == before
    assert not list((lab.directory / "lib/images").glob("*tiny-31*"))
    page = portal.get("/vms/lab/tiny-31/console/")
    text = page.xpath("string(//pre)")
    assert text.count("tiny: tiny-31 on Linux") == 2
    assert "grown by a line" in text and "last words" in text
    assert re.search(r"The VM is gone since \S+; this is kept until \d{4}-\d\d-\d\d", page.text_content())

    portal.manage("vm", "run", "tiny", "--id", "31", "--memory", "128M")
    wait_for(lambda: "tiny: tiny-31 on Linux" in shown(portal, "tiny-31"), 60, "the next VM of that name")
    assert "last words" not in shown(portal, "tiny-31")
    portal.manage("vm", "rm", "tiny-31")
    assert things(host) == before


def test_a_log_that_lies_elsewhere_is_named(portal: Portal, host: libvirt.virConnect, lab: Lab):
    portal.manage("vm", "run", "tiny", "--id", "32", "--memory", "128M", "--console", "/var/log/libvirt")
    page = "/vms/lab/tiny-32/console/"
    told = "The console is logged to /var/log/libvirt/tiny-32.log on the host"
    wait_for(lambda: told in portal.get(page).text_content(), 10, "where the log is")
    assert (lab.directory / "log/tiny-32.log").exists()
    portal.manage("vm", "rm", "tiny-32")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        portal.get(page)


def test_a_log_that_somebody_deleted_hinders_nothing(portal: Portal, host: libvirt.virConnect, lab: Lab):
    portal.manage("vm", "run", "tiny", "--id", "33", "--memory", "128M")
    wait_for(lambda: "tiny: tiny-33" in shown(portal, "tiny-33"), 60, "the guest's first line")
    (lab.directory / "lib/images/virter:work:tiny-33-console").unlink()
    portal.manage("vm", "rm", "tiny-33")
    assert "tiny: tiny-33" in shown(portal, "tiny-33")


def test_a_guest_without_ssh_is_waited_for_and_the_page_says_why(portal: Portal, host: libvirt.virConnect):
    command = ["vm", "run", "tiny", "--id", "34", "--memory", "128M", "--wait-ssh"]
    waiting = subprocess.Popen(
        [sys.executable, ROOT / "manage.py", *command], env=portal.environment, stderr=subprocess.PIPE
    )
    try:
        why = "nothing listens at 192.168.122.34 port 22 (connection refused)"

        def state() -> str:
            return portal.get("/vms/lab/tiny-34/").xpath("string(//header//span[@data-state='waiting']/@title)")

        wait_for(lambda: "tiny-34" in portal.manage("vm", "ls"), 30, "the VM")
        wait_for(lambda: state() == why, 60, "the reason why it cannot be logged in to")
        page = portal.get("/vms/lab/tiny-34/")
        assert page.xpath("normalize-space(//header//span[@data-state='waiting'])") == "waiting for SSH"
        assert page.xpath("string(//dt[.='Waiting for SSH']/following-sibling::dd)") == why
        assert waiting.poll() is None
        host.lookupByName("tiny-34").destroy()
        assert "tiny-34 is no longer running" in waiting.communicate(timeout=20)[1].decode()
        assert waiting.returncode != 0
    finally:
        waiting.kill()
        waiting.wait()
    portal.manage("vm", "rm", "tiny-34")
