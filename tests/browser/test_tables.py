"""Tables in the browser: a click in a row, copies of rows, chosen columns."""

import json

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def copied(tab: Page, how: str) -> str:
    """Return what the menu Copy puts into the clipboard."""
    tab.locator("details.copy summary").click()
    tab.get_by_role("button", name=how).click()
    expect(tab.locator("details.copy[data-copied]")).to_be_visible()
    return tab.evaluate("navigator.clipboard.readText()")


def test_a_click_in_a_row_opens_it_and_one_on_an_address_copies_that(tab: Page):
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.goto("/networks/")
    row = tab.get_by_role("row", name="default")
    row.get_by_text("192.168.122.1/24").click()
    expect(row.locator("[data-copied]")).to_have_count(1)
    assert tab.evaluate("navigator.clipboard.readText()") == "192.168.122.1/24"
    row.get_by_text("nat", exact=True).click()
    expect(tab).to_have_url("/networks/lab/default/")


def test_rows_are_copied_with_the_columns_that_were_chosen(tab: Page):
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.goto("/networks/")
    tab.locator("details.choose summary").click()
    tab.get_by_label("Domain").uncheck()
    tab.get_by_role("button", name="Apply").click()
    expect(tab.get_by_role("columnheader", name="Domain")).to_have_count(0)
    (found,) = (row for row in json.loads(copied(tab, "Copy as JSON")) if row["Name"] == "default")
    assert found["IP-Range"] == "192.168.122.1/24"
    assert "Domain" not in found
    assert copied(tab, "Copy as CSV").startswith("Name,Forward-Type,IP-Range,DHCP,Bridge,State,Traffic\n")
    assert "default" in copied(tab, "Copy as text")
    tab.locator("details.choose summary").click()
    tab.get_by_role("button", name="Show all").click()
    expect(tab.get_by_role("columnheader", name="Domain")).to_have_count(1)
