"""Open pages follow what happens by one stream: nothing is requested meanwhile, and what somebody does stays."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Request, expect

pytestmark = pytest.mark.browser

NETWORK = "/networks/lab/default/"
HIDE = """
(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
}
"""
LOADED = "() => !document.querySelector('[hx-trigger=load]')"


def requests_of(page: Page) -> list[str]:
    """Return the paths of what a page requests from now on, without its icons."""
    paths: list[str] = []

    def note(request: Request) -> None:
        path = request.url.partition("://")[2].partition("/")[2]
        if not path.startswith("static/"):
            paths.append(path)

    page.on("request", note)
    return paths


def streamed(page: Page, path: str) -> Page:
    """Open a page and wait for its stream."""
    with page.expect_request(lambda request: "/events/" in request.url):
        page.goto(path)
    page.wait_for_function(LOADED)
    return page


def test_an_open_page_requests_nothing_while_nothing_changes(tab: Page):
    streamed(tab, NETWORK)
    tab.wait_for_function("() => performance.now() > 5000")  # all parts of the page have their stream
    paths = requests_of(tab)
    tab.wait_for_function("() => performance.now() > 17000", timeout=20_000)
    assert paths == []
    expect(tab.get_by_text("updated just now")).to_be_visible()


def test_a_change_arrives_without_a_request(tab: Page, tagged: Callable[[str], None]):
    streamed(tab, NETWORK)
    paths = requests_of(tab)
    tagged("seen-at-once")
    expect(tab.get_by_text("seen-at-once")).to_be_visible(timeout=3000)
    assert [path for path in paths if not path.startswith("events/")] == []


def test_a_hidden_tab_closes_its_stream_and_catches_up(tab: Page, tagged: Callable[[str], None]):
    streamed(tab, NETWORK)
    tagged("first")
    expect(tab.get_by_text("first", exact=True)).to_be_visible()
    tab.evaluate(HIDE, True)
    paths = requests_of(tab)
    tagged("while-hidden")
    assert paths == []
    tab.evaluate(HIDE, False)
    expect(tab.get_by_text("while-hidden")).to_be_visible(timeout=3000)
    assert [path.partition("?")[0] for path in paths] == ["events/"]


def test_what_is_typed_chosen_and_unfolded_stays(tab: Page, tagged: Callable[[str], None]):
    streamed(tab, NETWORK)
    fold = tab.locator("summary", has_text="Changes outside the portal")
    if fold.count():
        fold.click()
    search = tab.get_by_role("searchbox", name="Search everything")
    search.click()
    search.press_sequentially("10.25")
    tab.evaluate("() => scrollTo(0, 40)")
    tagged("meanwhile")
    expect(tab.get_by_text("meanwhile")).to_be_visible()
    expect(search).to_be_focused()
    expect(search).to_have_value("10.25")
    search.press_sequentially("5")
    expect(search).to_have_value("10.255")
    assert tab.evaluate("() => scrollY") in (0, 40)  # 0: the page is not longer than the window


@pytest.mark.failing_requests("/events/")
def test_a_page_whose_stream_is_held_back_polls_and_gets_304_for_what_it_has(open_tab, tagged: Callable[[str], None]):
    page = open_tab(viewport={"width": 1440, "height": 900})
    page.route("**/events/*", lambda route: None)  # as a proxy that buffers does
    statuses: list[int] = []
    page.on(
        "response", lambda answer: statuses.append(answer.status) if answer.request.headers.get("hx-request") else 0
    )
    page.goto(NETWORK)
    page.wait_for_function(LOADED)
    tagged("by-polling")
    expect(page.get_by_text("by-polling")).to_be_visible()
    with page.expect_response(lambda answer: answer.status == 304):
        pass
    assert 304 in statuses
    page.unroute_all(behavior="ignoreErrors")
