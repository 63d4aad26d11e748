"""Serial console and display of a guest in the browser: typing, several viewers, keys, and interruptions."""

import re
from collections.abc import Callable, Iterator

import pytest
from lab import Lab
from playwright.sync_api import Page, expect

from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

NAME = "tiny-43"
NOT_BLACK = """() => { const canvas = document.querySelector("[data-screen] canvas");
    return canvas?.width && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data
        .some((value, index) => index % 4 < 3 && value); }"""


@pytest.fixture(scope="module")
def guest(portal: Portal, lab: Lab) -> Iterator[str]:
    portal.manage("vm", "run", "tiny", "--id", "43", "--memory", "128M")
    wait_for(lambda: NAME in lab.virsh("list", "--name"), 30, "the guest")
    booted = f"' up, ' in ConsoleLog.objects.get(name='{NAME}').text"
    portal.ask(f"ConsoleLog.objects.filter(name='{NAME}').update(due_at=None)")
    wait_for(lambda: portal.ask(booted), 90, "its network")
    yield NAME
    portal.manage("vm", "rm", NAME)


def opened(page: Page) -> Page:
    """Open the serial console."""
    page.goto(f"/vms/lab/{NAME}/console/")
    expect(page.locator("[data-serial]")).to_have_attribute("data-state", "open")
    return page


def says(page: Page, text: str | re.Pattern[str]) -> None:
    """Check that a line of the terminal is exactly this."""
    pattern = re.compile(rf"^\s*{re.escape(text)}\s*$")
    expect(page.locator(".xterm-rows > div").filter(has_text=pattern).last).to_be_visible()


@pytest.mark.failing_requests(f"/vms/lab/{NAME}/", status=404)
def test_a_command_is_typed_and_another_viewer_takes_control(
    open_tab: Callable[..., Page], guest: str, picture: Callable[[Page, str], None]
):
    first, second = opened(open_tab()), open_tab()
    expect(first.locator("[data-status]")).to_have_text("You have control")
    expect(first.locator("#log")).to_be_hidden()
    first.keyboard.press("Enter")
    first.keyboard.type("echo typed b''y hand; printf '\\033[38;2;255;100;0mcoloured\\033[0m\\n'\n")
    says(first, "typed by hand")
    colour = first.locator(".xterm-rows span", has_text=re.compile("^coloured$")).last
    assert colour.evaluate("span => getComputedStyle(span).color") == "rgb(255, 100, 0)"
    picture(first, "serial-console")

    opened(second)
    says(second, "typed by hand")
    expect(second.locator("[data-status]")).to_have_text("Read-only, admin has control, 1 other viewer")
    second.keyboard.type("echo n''obody\n")
    second.get_by_role("button", name="Take control").click()
    expect(second.locator("[data-status]")).to_have_text("You have control, 1 other viewer")
    expect(first.locator("[data-status]")).to_have_text("Read-only, admin has control, 1 other viewer")
    second.keyboard.type("echo the s''econd\n")
    says(first, "the second")
    assert "nobody" not in first.locator(".xterm-rows").inner_text()


@pytest.mark.failing_requests("/")
def test_the_console_opens_again_after_a_restart_of_the_portal(
    open_tab: Callable[..., Page], portal: Portal, guest: str
):
    page = open_tab()
    opened(page)
    portal.web.terminate()
    portal.web.wait()
    expect(page.locator("[data-reason]")).to_have_text("The connection to the portal was lost. It is tried again.")
    portal.start_web()
    expect(page.locator("[data-serial]")).to_have_attribute("data-state", "open")
    expect(page.locator("[data-failure]")).to_be_hidden()
    page.keyboard.press("Enter")
    page.keyboard.type("echo a''gain\n")
    says(page, "again")


def test_the_display_shows_a_frame_and_takes_keys(
    open_tab: Callable[..., Page], portal: Portal, guest: str, picture: Callable[[Page, str], None]
):
    page = open_tab()
    page.goto(f"/vms/lab/{guest}/console/")
    page.get_by_role("link", name="Display").click()
    page.wait_for_function(NOT_BLACK)
    picture(page, "display")
    page.get_by_label("View only").check()
    page.get_by_label("View only").uncheck()
    page.get_by_text("Send keys").click()
    page.get_by_role("button", name="Ctrl+Alt+F2").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Screenshot").click()
    assert saved.value.suggested_filename.startswith(f"{guest}-")
    page.goto("/")
    used = "display closed, used with keyboard or pointer"
    last = "Entry.objects.filter(kind='console').first().what"
    wait_for(lambda: used in portal.ask(last, "from virterweb.activity.models import Entry"), 10, "the entry")


def test_a_console_without_others_around_it_fills_its_window(open_tab: Callable[..., Page], guest: str):
    page = open_tab(viewport={"width": 1000, "height": 700})
    page.goto(f"/vms/lab/{guest}/console/?window=1")
    expect(page.locator("[data-serial]")).to_have_attribute("data-state", "open")
    box = page.locator("[data-screen]").bounding_box()
    assert box["width"] > 900 and box["height"] > 500
    expect(page.get_by_role("navigation")).to_have_count(0)
