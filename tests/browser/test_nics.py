"""NICs by hand: a reserved address and a link from the form, and two VMs moved at once from their list."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

NUMBERS = (85, 86)


@pytest.fixture(scope="module")
def vms(portal: Portal) -> Iterator[None]:
    """Two VMs with a NIC on `here` each; their guests need not be up for what is done."""
    portal.manage("network", "add", "here", "--dhcp", "-n", "10.85.0.1/24")
    portal.manage("network", "add", "there", "--dhcp", "-n", "10.86.0.1/24")
    count = ("--count", "2", "--memory", "32M", "--nic", "type=network,source=here")
    portal.manage("vm", "run", "tiny", "--id", str(NUMBERS[0]), *count)
    yield
    for number in NUMBERS:
        portal.manage("vm", "rm", f"tiny-{number}")
    portal.manage("network", "rm", "here")
    portal.manage("network", "rm", "there")


def nic_on(tab: Page, network: str) -> Locator:
    return tab.locator("#nics tbody tr").filter(has=tab.get_by_role("link", name=network, exact=True))


def test_a_reserved_address_is_proposed_and_moves_with_the_nic(vms: None, tab: Page):
    tab.goto("/vms/lab/tiny-85/")
    nic_on(tab, "here").get_by_role("link", name="Edit").click()
    tab.get_by_label("Reserved address").fill("next")
    expect(tab.locator("#preview")).to_contain_text("Reserve 10.85.0.2 for it on here")
    tab.get_by_role("button", name="Save").click()
    expect(nic_on(tab, "here")).to_contain_text("10.85.0.2 expected")
    nic_on(tab, "here").get_by_role("link", name="Edit").click()
    expect(tab.get_by_label("Reserved address")).to_have_value("10.85.0.2")
    tab.get_by_label("Network", exact=True).select_option("there")
    tab.get_by_label("Link up").uncheck()
    expect(tab.locator("#preview")).to_contain_text("Remove the reservation of 10.85.0.2 on here")
    tab.get_by_role("button", name="Save").click()
    row = nic_on(tab, "there")
    expect(row).to_contain_text("10.86.0.2 expected: its link is down")
    expect(row).to_contain_text("attached")


def test_two_vms_are_chosen_and_moved_at_once(vms: None, tab: Page, portal: Portal):
    tab.goto("/vms/")
    for number in NUMBERS:
        tab.locator("#vms tbody tr").filter(has_text=f"tiny-{number}").get_by_role("checkbox").check()
    tab.get_by_label("With selected").select_option(label="Move NICs to another network")
    tab.get_by_role("button", name="Preview").click()
    tab.get_by_label("From network").select_option("here")
    tab.get_by_label("To network").select_option("there")
    expect(tab.locator("main")).to_contain_text("from here to there")
    tab.get_by_role("button", name="Move NICs to another network: ").click()
    expect(tab.locator("main")).to_contain_text(" done.")
    left = "NICStatus.objects.filter(source='here', vm__desired__number__in=(85, 86)).count()"
    wait_for(lambda: portal.ask(left) == 0, 30, "none is left behind")
