"""Passkeys and an authenticator app are added, used and removed in a browser that has a security key inside."""

from collections.abc import Callable, Iterator

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from playwright.sync_api import Page, expect

from tests.support.portal import PASSWORD, Portal

pytestmark = pytest.mark.browser

KEY = {
    **{"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True},
    **{"isUserVerified": True, "automaticPresenceSimulation": True},
}


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal at a name: an IP address has no passkeys."""
    portal = Portal(tmp_path_factory.mktemp("portal"), {"test": "test:///default"})
    portal.url = portal.url.replace("127.0.0.1", "localhost")
    portal.start_web()
    yield portal
    portal.stop()


@pytest.fixture(scope="module")
def cookies() -> None:
    """Nobody has logged in before."""


@pytest.fixture
def tab(open_tab: Callable[..., Page]) -> Page:
    tab = open_tab(viewport={"width": 1440, "height": 900}, storage_state=None)
    session = tab.context.new_cdp_session(tab)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    return tab


def log_in(tab: Page) -> None:
    tab.goto("/login/?next=/profile/")
    tab.get_by_label("Username").fill("admin")
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Sign in", exact=True).click()


def confirm(tab: Page) -> None:
    expect(tab.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_role("button", name="Continue").click()


def test_somebody_logs_in_with_a_passkey_alone(tab: Page, picture: Callable[[Page, str], None]):
    log_in(tab)
    picture(tab, "profile")
    tab.get_by_role("link", name="Set up second factor").click()
    tab.get_by_role("link", name="Add passkey").click()
    confirm(tab)
    tab.get_by_label("Name").fill("phone")
    tab.get_by_label("Sign in with this passkey alone").check()
    picture(tab, "add-passkey")
    tab.get_by_role("button", name="Add passkey").click()
    expect(tab.get_by_role("heading", name="Recovery codes")).to_be_visible()
    picture(tab, "recovery-codes")
    tab.get_by_role("link", name="Done").click()
    expect(tab.get_by_role("cell", name="phone")).to_be_visible()
    expect(tab.get_by_role("cell", name="alone or after the password")).to_be_visible()
    picture(tab, "second-factor")
    tab.locator("details.account > summary").click()
    tab.get_by_role("button", name="Sign out").click()
    picture(tab, "login")
    tab.goto("/login/?next=/vms/")
    tab.get_by_role("button", name="Use a passkey").click()
    expect(tab).to_have_url("/vms/")
    tab.locator("details.account > summary").click()
    tab.get_by_role("button", name="Sign out").click()
    log_in(tab)
    expect(tab).to_have_url("/login/code/")
    picture(tab, "second-factor-asked")
    tab.get_by_role("button", name="Use a passkey").click()
    expect(tab).to_have_url("/profile/")
    tab.goto("/profile/sessions/")
    picture(tab, "sessions")
    tab.goto("/profile/second-factor/")
    tab.get_by_role("link", name="Remove").click()
    expect(tab.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    confirm(tab)
    tab.get_by_role("button", name="Remove passkey").click()
    expect(tab.get_by_text("No passkeys yet.")).to_be_visible()
    tab.get_by_role("link", name="Add app").click()
    picture(tab, "add-app")
    code = hotp_value(tab.locator("dd.mono").inner_text(), next(yield_hotp_counters_from_time()))
    tab.get_by_label("Code").fill(format_hotp_value(code))
    tab.get_by_role("button", name="Add app").click()
    expect(tab.get_by_text("Authenticator app added.")).to_be_visible()
