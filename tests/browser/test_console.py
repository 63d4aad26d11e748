"""The console of a guest on its page: it grows, follows the output, and stays while somebody reads or selects."""

from collections.abc import Callable

import libvirt
import pytest
from lab import Lab
from playwright.sync_api import Locator, Page, expect

from tests.lab.guest import Console
from tests.support.portal import Portal

pytestmark = pytest.mark.browser

AT_END = "pre => pre.scrollHeight - pre.scrollTop - pre.clientHeight < 8"


def check_scrolling(log: Locator, console: Console) -> None:
    """Check that the log stays where somebody reads, and follows the output again at its end."""
    log.evaluate("pre => { pre.scrollTop = 40; }")
    console.run("echo while r''eading")
    expect(log).to_contain_text("while reading")
    assert log.evaluate("pre => pre.scrollTop") == 40
    log.evaluate("pre => { pre.scrollTop = pre.scrollHeight; }")
    console.run("seq 300 340")
    expect(log).to_contain_text("\n340\n")
    assert log.evaluate(AT_END)


def check_selecting(tab: Page, log: Locator, console: Console) -> None:
    """Check that the log does not change while text in it is selected."""
    log.evaluate("pre => getSelection().selectAllChildren(pre)")
    console.run("echo while s''elected")
    tab.wait_for_timeout(3000)
    assert "while selected" not in log.inner_text()
    tab.evaluate("getSelection().removeAllRanges()")
    expect(log).to_contain_text("while selected")


@pytest.mark.failing_requests("/vms/lab/tiny-41/", status=404)
def test_a_console_is_followed_on_its_page(tab: Page, portal: Portal, lab: Lab, picture: Callable[[Page, str], None]):
    portal.manage("vm", "run", "tiny", "--id", "41", "--memory", "128M")
    host = libvirt.open(lab.uri)
    tab.goto("/vms/lab/tiny-41/")
    log = tab.locator("#console pre")
    expect(log).to_have_count(0)
    tab.get_by_role("link", name="Console").click()
    tab.get_by_role("link", name="Log", exact=True).click()
    expect(log).to_contain_text("tiny: tiny-41 on Linux", timeout=60_000)
    console = Console(host.lookupByName("tiny-41"))
    console.run("seq 1 200")
    expect(log).to_contain_text("\n200\n")
    tab.wait_for_function(f"({AT_END})(document.querySelector('#console pre'))")
    picture(tab, "console")
    check_scrolling(log, console)
    check_selecting(tab, log, console)

    tab.get_by_role("link", name="Overview").last.click()
    expect(tab.locator("#console")).to_have_count(0)
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    console.run("echo un''read")
    lab.virsh("suspend", "tiny-41")
    expect(tab.locator("header.page")).to_contain_text("paused")
    assert not [url for url in asked if "/console/" in url]
    console.close()

    portal.manage("vm", "rm", "tiny-41")
    tab.goto("/vms/lab/tiny-41/console/")
    expect(tab.locator("#console")).to_contain_text("The VM is gone since")
    expect(log).to_contain_text("while selected")
    assert log.evaluate(AT_END)
    picture(tab, "console-gone")
    host.close()
