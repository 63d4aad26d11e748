"""The serial console of a real guest by websocket: several viewers, one writer, and what ends it."""

import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import libvirt
import pytest
from lab import Lab

from tests.support.console_pages import ConsolePage
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

NAME = "tiny-51"


@pytest.fixture(scope="module")
def guest(lab: Lab, portal: Portal) -> Iterator[str]:
    portal.manage("vm", "run", "tiny", "--id", "51", "--memory", "128M")
    wait_for(lambda: NAME in lab.virsh("list", "--name"), 30, "the guest")
    with ConsolePage(portal, NAME) as page:
        page.expect("tiny: tiny-51 on Linux", 60)
    yield NAME
    portal.manage("vm", "rm", NAME)


@contextmanager
def at_prompt(console: ConsolePage) -> Iterator[ConsolePage]:
    """Open a console and wait for the prompt of its shell."""
    with console as page:
        page.wait_for("opened")
        page.type("\n")
        page.expect("# ")
        yield page


@contextmanager
def virsh_console(lab: Lab, name: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Have the console open outside the portal."""
    command = shlex.join(["virsh", "-c", lab.uri, "console", name, *options])
    other = subprocess.Popen(["script", "-qc", command, "/dev/null"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        while b"Escape character" not in other.stdout.readline():
            assert other.poll() is None
        yield other
    finally:
        other.kill()
        other.communicate()


def entries(portal: Portal) -> list[str]:
    return portal.ask("[e.what.partition(', open since')[0] for e in Entry.objects.filter(kind='console')]", ENTRIES)


ENTRIES = "from virterweb.activity.models import Entry"


def test_several_viewers_see_the_same_and_one_writes(portal: Portal, guest: str):
    with at_prompt(ConsolePage(portal, guest)) as first, ConsolePage(portal, guest) as second:
        second.wait_for("writer", you=False, name="admin")
        first.type("echo of the f''irst\n")
        first.expect("of the first")
        second.expect("of the first")

        second.type("echo of the s''econd\n")
        second.tell(type="control")
        second.wait_for("writer", you=True)
        first.wait_for("writer", you=False, others=1)
        second.type("echo in c''ontrol\n")
        first.expect("in control")
        assert b"of the second" not in first.output
        first.type("echo not a''ny more\n")
        second.type("echo the e''nd\n")
        second.expect("the end")
        assert b"not any more" not in second.output
    told = ["serial console closed, written to"] * 2 + ["serial console opened"] * 2
    wait_for(lambda: entries(portal)[:4] == told, 10, "the entries of the activity log")


def test_a_viewer_who_reads_nothing_delays_nobody(portal: Portal, guest: str):
    with at_prompt(ConsolePage(portal, guest)) as page, ConsolePage(portal, guest) as asleep:
        page.type("seq 1 60000; echo the e''nd of it\n")
        page.expect("the end of it", 60)
        got = 0
        while True:  # it reads at last, and says nothing of having shown it
            try:
                message = asleep.socket.recv(timeout=0.5)
            except TimeoutError:
                break
            got += len(message) if isinstance(message, bytes) else 0
        assert 0 < got <= 96 * 1024
        asleep.tell(type="shown", bytes=got)
        assert asleep.wait_for("skipped")["bytes"] > 0
        asleep.expect("the end of it")


def test_a_new_viewer_sees_what_was_said_before(portal: Portal, guest: str):
    with at_prompt(ConsolePage(portal, guest)) as page:
        page.type("echo said b''efore\n")
        page.expect("said before")
    with ConsolePage(portal, guest) as page:
        assert page.wait_for("opened")["scrollback"] > 0
        page.expect("said before")


def test_the_console_says_that_the_vm_is_off_and_opens_again_when_it_runs(
    portal: Portal, guest: str, host: libvirt.virConnect
):
    with at_prompt(ConsolePage(portal, guest)) as page:
        host.lookupByName(guest).destroy()
        off = page.wait_for("failed", code="consoles.off")
        assert off["reason"] == "tiny-51 is not running. The console opens when it starts."
        assert off["retry"] and not off["may_take"]
    with ConsolePage(portal, guest) as page:
        page.wait_for("failed", code="consoles.off")
    host.lookupByName(guest).create()
    with ConsolePage(portal, guest) as page:
        page.expect("tiny: tiny-51 on Linux", 60)


def test_another_program_that_has_the_console_is_named_and_loses_it_to_who_takes_over(
    portal: Portal, guest: str, lab: Lab
):
    with virsh_console(lab, guest) as other:
        with ConsolePage(portal, guest) as page:
            failed = page.wait_for("failed", code="consoles.taken")
            assert "such as virsh console" in failed["reason"]
            assert failed["may_take"] and not failed["retry"]
        with at_prompt(ConsolePage(portal, guest, take=True)) as page:
            page.type("echo m''ine\n")
            page.expect("mine")
            assert other.wait(10) is not None
            with virsh_console(lab, guest, "--force"):
                page.wait_for("failed", code="consoles.taken", may_take=True)


def test_a_restarted_or_hanging_libvirtd_is_named_and_the_console_opens_again(portal: Portal, guest: str, lab: Lab):
    with at_prompt(ConsolePage(portal, guest)) as page:
        lab.kill_libvirtd()
        try:
            assert page.wait_for("failed", code="hypervisor.lost")["retry"]
            with ConsolePage(portal, guest) as page:
                assert page.wait_for("failed")["code"] == "hypervisor.unreachable"
        finally:
            lab.start_libvirtd()
    with at_prompt(ConsolePage(portal, guest)) as page:
        lab.pause_libvirtd()
        try:
            page.wait_for("failed", 30, code="hypervisor.lost")
        finally:
            lab.resume_libvirtd()
    with at_prompt(ConsolePage(portal, guest)) as page:
        page.type("echo b''ack\n")
        page.expect("back")


def test_the_console_opens_again_after_the_portal_was_killed(portal: Portal, guest: str):
    with at_prompt(ConsolePage(portal, guest)):
        portal.web.kill()
        portal.web.wait()
    portal.start_web()
    with at_prompt(ConsolePage(portal, guest)) as page:
        page.type("echo b''ack\n")
        page.expect("back")
