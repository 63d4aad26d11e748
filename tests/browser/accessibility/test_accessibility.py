"""Every page and state of a page by axe-core in both themes, and at the widths of phones, tablets and screens."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Error, Page, expect

from tests.browser.accessibility.states import State, every_page, further, main_pages
from tests.support.portal import Portal

pytestmark = pytest.mark.browser

AXE = """([part, only]) =>
  axe.run(part, { resultTypes: ["violations"], preload: false, ...(only && { runOnly: only }) })"""
OF_COLOUR = ("color-contrast", "link-in-text-block")
OF_NARROW = ("scrollable-region-focusable", "target-size")
WIDE, NARROW = 1440, 390
WIDTHS = (NARROW, 768, 1024, WIDE, 1920, 512, 720)  # the last two: 1024 and 1440 pixels at 200 %
HEIGHT = 900
PAPER = 718  # A4 with Chromium's margins
# Controls at the end of a row that are outside the window, and cannot be scrolled to by keyboard.
LOST = """() => [...document.querySelectorAll("main td.end :is(a, button, summary)")]
  .filter((each) => each.checkVisibility() && each.closest(".menu > div") === null)
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
  .filter((each) => !each.closest(".scroll[tabindex='0'][aria-label]"))
  .map((each) => each.outerHTML.slice(0, 120))"""
CONTROLS = """() => [...document.querySelectorAll("button, .button, .menu, .tabs, nav, input")]
  .filter((each) => each.checkVisibility() && each.getBoundingClientRect().width > 1)
  .map((each) => each.outerHTML.slice(0, 120))"""
TO_LOAD = "main [hx-trigger=load]"  # what a page loads after itself
SETTLED = "new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))"
SCROLLED = "document.documentElement.scrollWidth - innerWidth"


@dataclass(kw_only=True)
class Seen:
    """What was found on all pages, by page."""

    violations: dict[str, list[str]] = field(default_factory=dict)
    wide: dict[str, int] = field(default_factory=dict)
    lost: dict[str, list[str]] = field(default_factory=dict)
    pages: int = 0


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Portal, dict]]:
    """Return a portal with objects of each type and state, without a worker or a hypervisor that answers."""
    portal = Portal(tmp_path_factory.mktemp("filled"), {})
    found = portal.ask("fill()", "from tests.browser.accessibility.filled import fill")
    portal.start_web()
    yield portal, found
    portal.stop()


@pytest.fixture(scope="module")
def seen(browser: Browser, filled: tuple[Portal, dict]) -> Seen:
    """Look at each page once."""
    portal, found = filled
    seen, pages, visited = Seen(), {}, set()
    for state in (*every_page(found["things"]), *further()):
        page = pages.get(state.user) or pages.setdefault(state.user, opened(browser, portal, found, state.user))
        try:
            page.goto(state.path)
            if (state.user, page.url, state.name) not in visited:  # some lead to the page of another address
                visited.add((state.user, page.url, state.name))
                do(page, state)
                look(page, state, seen)
        except Error as problem:
            problem.add_note(str(state))
            raise
    return seen


def opened(browser: Browser, portal: Portal, found: dict, user: str) -> Page:
    """Return a tab in which a user has signed in; "" for nobody."""
    context = browser.new_context(base_url=portal.url, viewport={"width": WIDE, "height": HEIGHT})
    if user:
        context.add_cookies([{"name": "sessionid", "value": found["sessions"][user], "url": portal.url}])
    context.add_init_script(AXE_SCRIPT)  # the CSP allows it no other way
    return context.new_page()


def do(page: Page, state: State) -> None:
    expect(page.locator(TO_LOAD)).to_have_count(0)
    if state.leads:
        page.evaluate("document.documentElement.dataset.left = ''")
        page.evaluate(f"setTimeout(() => {{ {state.then} }})")
        expect(page.locator("html[data-left]")).to_have_count(0)
        page.wait_for_load_state()
    else:
        page.evaluate(state.then)
        page.evaluate(SETTLED)


def look(page: Page, state: State, seen: Seen) -> None:
    """Add what is wrong with a page: by all rules in light, and by those that the theme or the width affects."""
    seen.pages += 1
    found = broken(page, state.part)
    part = "main" if state.part == "html" else state.part  # what is around it is the same everywhere
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {each}" for each in broken(page, part, OF_COLOUR)]
    page.emulate_media(color_scheme="light")
    if state.part == "html":
        page.set_viewport_size({"width": NARROW, "height": HEIGHT})
        page.evaluate(SETTLED)
        found += [f"narrow: {each}" for each in broken(page, part, OF_NARROW)]
        measure(page, str(state), seen)
        page.set_viewport_size({"width": WIDE, "height": HEIGHT})
    if found:
        seen.violations[str(state)] = found


def measure(page: Page, name: str, seen: Seen) -> None:
    """Add whether a page is wider than the window, and which actions are outside it."""
    width = page.viewport_size["width"]
    if (more := page.evaluate(SCROLLED)) > 0:
        seen.wide[f"{name} at {width}"] = more
    if lost := page.evaluate(LOST):
        seen.lost[f"{name} at {width}"] = lost


def broken(page: Page, part: str, only: tuple[str, ...] = ()) -> list[str]:
    """Return the violations of rules, by default of all, with the elements."""
    found = page.evaluate(AXE, [part, only or None])["violations"]
    return [f"{each['id']}: {[node['target'] for node in each['nodes']][:4]}" for each in found]


def test_no_page_breaks_a_rule_of_axe_in_either_theme(seen: Seen):
    assert seen.violations == {}


def test_on_a_phone_no_page_is_wider_than_the_screen_and_no_action_of_a_row_out_of_reach(seen: Seen):
    assert (seen.wide, seen.lost) == ({}, {})


def test_the_main_pages_fit_windows_of_all_widths_and_200_percent(browser: Browser, filled: tuple[Portal, dict]):
    portal, found = filled
    seen, page = Seen(), opened(browser, portal, found, "admin")
    for state in main_pages():
        page.goto(state.path)
        do(page, state)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            page.evaluate(SETTLED)
            measure(page, state.path, seen)
    assert (seen.wide, seen.lost) == ({}, {})


def test_nothing_moves_for_those_who_want_no_motion(browser: Browser, filled: tuple[Portal, dict]):
    page = opened(browser, *filled, "admin")
    page.emulate_media(reduced_motion="reduce")
    page.goto("/networks/")
    page.evaluate("document.querySelector('#networks td').classList.add('changed')")
    assert page.evaluate("document.getAnimations().length") == 0


def test_printed_pages_fit_the_paper_and_have_no_controls(browser: Browser, filled: tuple[Portal, dict]):
    page = opened(browser, *filled, "admin")
    page.set_viewport_size({"width": PAPER, "height": HEIGHT})
    page.emulate_media(media="print")
    for path in ("/networks/lab/ready/", "/networks/lab/ready/addresses/", "/addresses/", "/topology/"):
        page.goto(path)
        assert page.evaluate(SCROLLED) <= 0, path
        assert page.evaluate(CONTROLS) == [], path
