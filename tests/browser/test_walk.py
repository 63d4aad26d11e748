"""The tour of the user documentation, by mouse: a network, a VM on two networks, a third NIC, and their deletion."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

pytestmark = pytest.mark.browser

MAC = r"52:54:00:[0-9a-f]{2}:[0-9a-f]{2}:[0-9a-f]{2}"


def row(page: Page, table: str, text: str) -> Locator:
    """The row of a table that holds a text."""
    return page.locator(f"{table} tbody tr").filter(has_text=text)


def list_networks(tab: Page) -> None:
    """Open the list of networks, with the headings of Virter's table."""
    tab.goto("/")
    tab.get_by_role("navigation", name="Main").get_by_role("link", name="Networks").click()
    expect(tab.locator("thead th")).to_have_text(
        ["Name", "Forward-Type", "IP-Range", "Domain", "DHCP", "Bridge", "State", "Traffic", "Actions"]
    )
    cells = row(tab, "#networks", "virter default").locator("td")
    expect(cells).to_contain_text(
        ["default virter default", "nat", "192.168.122.1/24", "", "192.168.122.2-192.168.122.254", "virbr0", ""]
    )


def add_network(tab: Page, picture: Callable[[Page, str], None]) -> None:
    """Add net1, with the preview of its DHCP range."""
    tab.get_by_role("link", name="Add network").click()
    tab.get_by_label("Name").fill("net1")
    tab.get_by_label("IPv4").fill("10.255.0.1/24")
    tab.get_by_label("DHCP in every block").check()
    expect(tab.locator("#preview")).to_contain_text("10.255.0.2-10.255.0.254")
    expect(tab.locator("#preview")).to_contain_text("253")
    picture(tab, "network-add")
    tab.get_by_role("button", name="Add network").click()
    expect(tab).to_have_url("/networks/lab/net1/")
    expect(tab.locator("header.page .state[data-state]")).to_have_text("ready")


def run_vm(tab: Page, picture: Callable[[Page, str], None]) -> None:
    """Run tiny-8 on the access network and on net1."""
    tab.get_by_role("link", name="Run VM here").click()
    tab.get_by_label("Image").select_option("tiny")
    tab.get_by_label("ID", exact=True).fill("8")
    tab.get_by_label("Memory, MiB").fill("128")
    expect(tab.locator("#preview")).to_contain_text("tiny-8")
    expect(tab.locator("#preview")).to_contain_text("52:54:00:00:00:08")
    expect(tab.locator("#preview")).to_contain_text("192.168.122.8")
    expect(tab.get_by_role("group", name="NIC 1").get_by_label("Network")).to_have_value("net1")
    picture(tab, "vm-run")
    tab.get_by_role("button", name="Run VM").click()
    expect(tab).to_have_url("/vms/lab/tiny-8/")
    expect(tab.locator("header.page .state[data-state]")).to_have_text("running")
    for network, address in (("default", "192.168.122.8"), ("net1", "10.255.0.")):
        link = tab.get_by_role("link", name=network, exact=True)  # "net1" alone is in vnet1, too
        expect(tab.locator("#nics tbody tr").filter(has=link)).to_contain_text(address, timeout=90_000)


def check_attached(tab: Page) -> None:
    """Check the attached VMs of both networks, as Virter's list-attached shows them."""
    for network, address in (("default", r"192\.168\.122\.8"), ("net1", r"10\.255\.0\.\d+")):
        tab.goto(f"/networks/lab/{network}/")
        expect(tab.locator("#attached-table thead th")).to_have_text(
            ["VM", "MAC", "IP", "Hostname", "Host Device", "Traffic"]
        )
        cells = row(tab, "#attached-table", "tiny-8").locator("td")
        for index, pattern in enumerate(("tiny-8", MAC, address, "tiny-8", r"vnet\d+")):
            expect(cells.nth(index)).to_have_text(re.compile(rf"^\s*{pattern}\s*$"))


def add_and_remove_nic(tab: Page, picture: Callable[[Page, str], None]) -> None:
    """Attach a third NIC to the running VM, and remove it."""
    tab.goto("/vms/lab/tiny-8/")
    tab.get_by_role("link", name="Add NIC").click()
    tab.get_by_label("Network", exact=True).select_option("net1")
    expect(tab.locator("#preview")).to_contain_text("Attach a NIC to net1")
    tab.get_by_role("button", name="Add NIC").click()
    expect(tab.locator("#nics tbody tr")).to_have_count(3)
    third = tab.locator("#nics tbody tr").nth(2)
    expect(third).to_contain_text("attached")
    expect(third).to_contain_text("10.255.0.", timeout=60_000)
    picture(tab, "vm")
    tab.goto("/networks/lab/net1/")
    expect(row(tab, "#attached-table", "10.255.0.")).to_have_count(2)
    picture(tab, "network")
    tab.goto("/topology/")
    expect(tab.locator("svg.topology a.nic")).to_have_count(3)
    picture(tab, "topology")
    tab.goto("/vms/lab/tiny-8/")
    third.get_by_role("link", name="Remove").click()
    tab.get_by_role("button", name="Remove NIC").click()
    expect(tab.locator("#nics tbody tr")).to_have_count(2)


def check_what_deletion_disconnects(tab: Page, picture: Callable[[Page, str], None]) -> None:
    """Check that the page names the VM that net1's deletion disconnects, and the button says so."""
    tab.goto("/networks/lab/net1/remove/")
    expect(tab.get_by_role("row", name="tiny-8")).to_be_visible()
    expect(tab.get_by_text("This disconnects the running VM tiny-8.")).to_be_visible()
    expect(tab.get_by_role("button", name="Delete net1 and disconnect the VM")).to_be_visible()
    picture(tab, "network-remove")


def delete_vm_and_network(tab: Page, picture: Callable[[Page, str], None]) -> None:
    """Delete tiny-8, and then net1."""
    tab.goto("/vms/lab/tiny-8/")
    tab.locator("#more-actions summary").click()
    tab.get_by_role("link", name="Delete tiny-8").click()
    tab.get_by_label("Type the name").fill("tiny-8")
    picture(tab, "vm-remove")
    tab.get_by_role("button", name="Delete tiny-8").click()
    expect(tab).to_have_url("/vms/")
    expect(tab.locator("#vms")).not_to_contain_text("tiny-8")
    tab.goto("/networks/lab/net1/")
    tab.locator("#more-actions summary").click()
    tab.get_by_role("link", name="Delete net1").click()
    tab.get_by_role("button", name="Delete net1").click()
    expect(tab).to_have_url("/networks/")
    expect(tab.locator("#networks")).not_to_contain_text("net1")
    expect(tab.locator("#networks")).to_contain_text("virter default")


def test_a_newcomer_does_everything_that_the_documentation_shows(
    tab: Page, picture: Callable[[Page, str], None]
) -> None:
    list_networks(tab)
    add_network(tab, picture)
    run_vm(tab, picture)
    check_attached(tab)
    add_and_remove_nic(tab, picture)
    check_what_deletion_disconnects(tab, picture)
    delete_vm_and_network(tab, picture)
