"""Pages whose updates fail keep their content, show one banner, and recover automatically: here without a stream."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.portal import PASSWORD, Portal

# The pages whose updates fail in these tests, with their fragments.
FAILING = ("/networks/", "/trouble/", "/events/")
pytestmark = [pytest.mark.browser, pytest.mark.failing_requests(*FAILING)]

PROXY = "<html><body><h1>Bad gateway</h1></body></html>"
LOGIN = '<html><body><form id="sign-in">Please sign in to the proxy</form></body></html>'


@pytest.fixture
def page(open_tab: Callable[..., Page]) -> Iterator[Page]:
    tab = open_tab(viewport={"width": 1440, "height": 900})
    tab.route("**/events/*", lambda route: route.abort())
    yield tab
    tab.unroute_all(behavior="ignoreErrors")


def answer(page: Page, path: str, how: Callable[[Route], None]) -> None:
    """Answer what htmx asks of a path in the portal's place."""
    page.route(lambda url: url.partition("?")[0].endswith(path), lambda route: _for_htmx(route, how))


def _for_htmx(route: Route, how: Callable[[Route], None]) -> None:
    how(route) if route.request.headers.get("hx-request") else route.continue_()


FAILURES = {
    "forbidden": (lambda route: route.fulfill(status=403, body=PROXY), "You do not have permission"),
    "gone": (lambda route: route.fulfill(status=404, body=PROXY), "it was deleted or renamed"),
    "conflict": (lambda route: route.fulfill(status=409, body=PROXY), "Somebody else has changed this in the meantime"),
    "error": (lambda route: route.fulfill(status=500, body=PROXY), "internal error (500)"),
    "proxy": (lambda route: route.fulfill(status=502, body=PROXY), "cannot reach it"),
    "other page": (lambda route: route.fulfill(status=200, body=LOGIN), "Another server answered"),
    "no answer": (lambda route: route.abort(), "The portal cannot be reached"),
    "reason": (lambda route: route.fulfill(status=403, body="Ask Eva.", content_type="text/plain"), "Ask Eva."),
}


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("path", ["/networks/", "/networks/lab/default/"])
def test_an_error_leaves_the_page_as_it_is_says_so_and_goes_by_itself(page: Page, path: str, name: str, picture):
    how, said = FAILURES[name]
    page.goto(path)
    expect(page.locator("main")).to_contain_text("192.168.122.1/24")
    answer(page, path, how)
    banner = page.locator("#connection")
    expect(banner).to_contain_text(said)
    expect(banner).to_contain_text("Since ")
    expect(page.locator("main")).to_contain_text("192.168.122.1/24")
    expect(page.locator("main")).not_to_contain_text("gateway")
    expect(page.locator("[data-stale]")).to_have_count(1)
    picture(page, f"failing-{name}{path.replace('/', '-')}")
    page.unroute_all(behavior="ignoreErrors")
    expect(banner).to_be_hidden()
    expect(page.locator("[data-stale]")).to_have_count(0)


def test_a_part_that_failed_to_load_is_loaded_again(page: Page):
    answer(page, "/networks/lab/default/addresses/", lambda route: route.abort())
    page.goto("/networks/lab/default/")
    expect(page.locator("#connection")).to_contain_text("The portal cannot be reached")
    page.unroute_all(behavior="ignoreErrors")
    expect(page.locator("#connection")).to_be_hidden()
    expect(page.get_by_role("heading", name="Addresses")).to_be_visible()


@pytest.mark.failing_requests("/")  # whatever the page asks for meanwhile
def test_a_portal_that_is_restarted_is_missed_and_found_again(page: Page, portal: Portal):
    page.goto("/networks/")
    portal.web.kill()
    portal.web.wait()
    expect(page.locator("#connection")).to_contain_text("The portal cannot be reached")
    expect(page.locator("#networks")).to_contain_text("192.168.122.1/24")
    portal.start_web()
    expect(page.locator("#connection")).to_be_hidden()


def test_ages_count_on_when_nothing_is_updated_any_more(page: Page):
    page.clock.install()
    page.goto("/networks/lab/default/")
    expect(page.get_by_text("updated just now")).to_be_visible()
    answer(page, "/networks/lab/default/", lambda route: route.abort())
    page.clock.run_for(65_000)
    expect(page.get_by_text("updated just now")).to_have_count(0)
    expect(page.get_by_text("updated 1 min ago")).to_be_visible()


def test_a_half_typed_form_survives_a_session_that_ended(page: Page, portal: Portal):
    page.goto("/networks/add/")
    page.get_by_label("Name").fill("half-typed")
    page.get_by_label("IPv4").fill("10.77.0.1/24")
    page.context.clear_cookies()
    page.get_by_label("Domain", exact=True).fill("lab.example")
    banner = page.locator("#connection")
    expect(banner).to_contain_text("You are signed out.")
    page.get_by_role("button", name="Add network").click()
    expect(page).to_have_url("/networks/add/")
    with page.context.expect_page() as opened:
        banner.get_by_role("link", name="Sign in").click()
    other = opened.value
    other.get_by_label("Username").fill("admin")
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    expect(other).to_have_url("/networks/add/")
    other.close()
    expect(banner).to_be_hidden()
    expect(page.get_by_label("Domain", exact=True)).to_have_value("lab.example")
    page.get_by_role("button", name="Add network").click()
    expect(page).to_have_url("/networks/lab/half-typed/")
    portal.manage("network", "rm", "half-typed")
