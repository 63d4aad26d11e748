"""A snapshot from the form to its deletion: the page follows by itself."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.portal import Portal

pytestmark = pytest.mark.browser

NAME = "tiny-87"


@pytest.fixture
def vm(portal: Portal) -> Iterator[None]:
    """A VM whose guest need not be up."""
    portal.manage("vm", "run", "tiny", "--id", "87", "--memory", "32M")
    yield
    portal.manage("vm", "rm", NAME)


def test_a_snapshot_is_taken_reverted_to_and_deleted(vm: None, tab: Page, picture: Callable[[Page, str], None]) -> None:
    tab.goto(f"/vms/lab/{NAME}/")
    tab.get_by_role("link", name="Snapshots").click()
    tab.get_by_role("link", name="Take the first snapshot").click()
    tab.get_by_label("Name").fill("before <upgrade>")
    tab.get_by_role("button", name="Take snapshot").click()
    row = tab.locator("#snapshots tbody tr").filter(has_text="before <upgrade>")
    expect(row).to_contain_text("current")
    expect(row).to_contain_text("running, with memory")
    picture(tab, "snapshots")
    row.get_by_label("Actions for before <upgrade>").click()
    row.get_by_role("link", name="Revert to it").click()
    dialog = tab.get_by_role("dialog", name=f"Revert {NAME} to before <upgrade>")
    expect(dialog).to_contain_text(f"What was written to the disks of {NAME}")
    picture(tab, "snapshot-revert")
    dialog.get_by_role("button", name=f"Revert {NAME}").click()
    expect(dialog).to_have_count(0)
    expect(tab.locator("#snapshots")).not_to_contain_text("In progress")
    expect(tab.locator("#snapshots")).not_to_contain_text("Failed")
    row.get_by_label("Actions for before <upgrade>").click()
    row.get_by_role("link", name="Delete").click()
    tab.get_by_role("button", name="Delete before <upgrade>").click()
    expect(tab.locator("#snapshots")).to_contain_text("No snapshots yet.")
