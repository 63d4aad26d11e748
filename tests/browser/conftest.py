"""A portal on a private hypervisor, and Chromium to click through it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import pytest
from lab import Lab
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.lab.conftest import lab_in
from tests.support.portal import PASSWORD, Portal
from tests.support.servers.nginx import HOST
from tests.support.waiting import wait_for

CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser")
SWITCHES = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
SWITCHES += (f"--host-resolver-rules=MAP {HOST} 127.0.0.1",)
expect.set_options(timeout=20_000)


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    yield from lab_in(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="package")
def portal(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    portal = Portal(tmp_path_factory.mktemp("portal"), {"lab": lab.uri})
    portal.start_web()
    portal.start_worker()
    wait_for(lambda: "virbr0" in portal.manage("network", "ls"), 60, "the first poll")
    yield portal
    portal.stop()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    program = next(path for path in CHROMIUM if Path(path).exists())
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=program, args=SWITCHES)


@pytest.fixture(scope="package")
def cookies(browser: Browser, portal: Portal) -> dict:
    """What a browser keeps after the log-in by form."""
    context = browser.new_context(base_url=portal.url)
    page = context.new_page()
    page.goto("/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    kept = context.storage_state()
    context.close()
    return kept


@dataclass(frozen=True, kw_only=True)
class Expected:
    """Requests that a test makes fail on purpose: those under a path, with a status (None: any, or no answer)."""

    path: str
    status: int | None

    @classmethod
    def of(cls, test: pytest.Item) -> list[Self]:
        """What the test's markers `failing_requests(*paths, status=None)` name."""
        marks = test.iter_markers("failing_requests")
        return [cls(path=path, status=mark.kwargs.get("status")) for mark in marks for path in mark.args]

    def explains(self, line: ConsoleMessage) -> bool:
        if self.status is None and line.text.startswith("WebSocket connection to "):
            return True
        if self.status is None and "htmx" in line.text:  # which names the path only in an object
            return True
        if not line.text.startswith("Failed to load resource:"):
            return False
        answered = self.status is None or f" a status of {self.status} " in line.text
        return answered and urlsplit(line.location.get("url", "")).path.startswith(self.path)


@pytest.fixture
def open_tab(
    request: pytest.FixtureRequest, browser: Browser, portal: Portal, cookies: dict
) -> Iterator[Callable[..., Page]]:
    """Open a page as a logged-in person with the given browser settings.

    Complaints of its console fail the test, but for those of requests that the test's markers name. A fixture that
    deletes what the page shows is to come first in a test's arguments: then the page is closed before that.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []
    expected = Expected.of(request.node)

    def open_(**settings: object) -> Page:
        contexts.append(browser.new_context(base_url=portal.url, **{"storage_state": cookies, **settings}))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", complain)
        return page

    def complain(line: ConsoleMessage) -> None:
        if line.type == "error" and not any(each.explains(line) for each in expected):
            complaints.append(f"{line.text} {line.location.get('url')}")

    yield open_
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture
def tab(open_tab: Callable[..., Page]) -> Page:
    return open_tab(viewport={"width": 1280, "height": 800})


@pytest.fixture
def tagged(portal: Portal) -> Iterator[Callable[[str], None]]:
    """Change what the pages of a network show: its tags."""
    added: list[str] = []

    def add(tag: str) -> None:
        added.append(tag)
        portal.ask(f"Network.objects.get(name='default').change_tags(add=[{tag!r}])")

    yield add
    portal.ask(f"Network.objects.get(name='default').change_tags(remove={added!r})")


@pytest.fixture
def picture(pytestconfig: pytest.Config) -> Callable[[Page, str], None]:
    """Take a picture of a page in both themes, if pytest was told where to put them."""
    folder = pytestconfig.getoption("--pictures")

    def take(page: Page, name: str) -> None:
        if not folder:
            return
        Path(folder).mkdir(parents=True, exist_ok=True)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            page.mouse.move(0, 0)
            page.screenshot(path=Path(folder) / f"{name}-{theme}.png", animations="disabled")
        page.emulate_media(color_scheme="light")

    return take
