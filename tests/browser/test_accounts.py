"""Somebody connects the account of an OpenID Connect provider in a browser, and signs in with it afterwards."""

import json
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.portal import PASSWORD, Portal
from tests.support.servers.oidc_provider import CLIENT, SECRET, oidc_provider

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    file = tmp_path_factory.mktemp("oidc") / "providers.toml"
    with oidc_provider() as provider:
        values = {"name": "Corp", "issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET}
        file.write_text("[corp]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()))
        folder = tmp_path_factory.mktemp("portal")
        portal = Portal(folder, {"test": "test:///default"}, VIRTERWEB_OIDC_FILE=str(file))
        portal.start_web()
        yield portal
        portal.stop()


@pytest.fixture(scope="module")
def cookies() -> None:
    """Nobody has logged in before."""


def test_an_account_is_connected_by_keyboard_and_signs_in_alone(
    open_tab: Callable[..., Page], picture: Callable[[Page, str], None]
):
    tab = open_tab(viewport={"width": 390, "height": 800}, storage_state=None)
    tab.goto("/login/?next=/profile/accounts/")
    tab.get_by_label("Username").fill("admin")
    tab.get_by_label("Password").fill(PASSWORD)
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("No accounts yet.")).to_be_visible()
    picture(tab, "accounts")
    tab.get_by_role("button", name="Connect with Corp").focus()
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    tab.get_by_label("Password").fill(PASSWORD)
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("Account connected. You can sign in")).to_be_visible()
    expect(tab.get_by_role("cell", name="mara", exact=True)).to_be_visible()
    picture(tab, "account-connected")
    other = open_tab(viewport={"width": 1440, "height": 900}, storage_state=None)
    other.goto("/login/?next=/profile/")
    picture(other, "login-with-account")
    other.get_by_role("link", name="Corp").click()
    expect(other.get_by_role("heading", name="admin")).to_be_visible()
    tab.get_by_role("button", name="Remove mara").click()
    expect(tab.get_by_text("No accounts yet.")).to_be_visible()
