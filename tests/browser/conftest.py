"""A portal on a private hypervisor, and Chromium to click through it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab import Lab
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.lab.conftest import lab_in
from tests.portal import PASSWORD, Portal
from tests.waiting import wait_for

CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser")
SWITCHES = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
expect.set_options(timeout=20_000)


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    yield from lab_in(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="package")
def portal(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    portal = Portal(tmp_path_factory.mktemp("portal"), {"lab": lab.uri})
    portal.start_web()
    portal.start_worker()
    wait_for(lambda: "virbr0" in portal.manage("network", "ls"), 20, "the first look")
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
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    kept = context.storage_state()
    context.close()
    return kept


@pytest.fixture
def open_tab(browser: Browser, portal: Portal, cookies: dict) -> Iterator[Callable[..., Page]]:
    """Open a page as a logged-in person with the given browser settings; complaints of its console fail the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_(**settings: object) -> Page:
        contexts.append(browser.new_context(base_url=portal.url, **{"storage_state": cookies, **settings}))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(f"{line.text} {page.url}") if line.type == "error" else None)
        return page

    yield open_
    for context in contexts:
        context.close()
    # Chromium reports every refused form as an error of the console.
    assert not [text for text in complaints if "422" not in text and "409" not in text]


@pytest.fixture
def tab(open_tab: Callable[..., Page]) -> Page:
    return open_tab(viewport={"width": 1280, "height": 800})


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
