"""Networks changed by mouse: edit with preview, drift, adoption, XML with a mistake, history, several at once."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab import Lab
from playwright.sync_api import Page, expect

from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser


@pytest.fixture
def net2(portal: Portal) -> Iterator[str]:
    """A network with a running VM on it."""
    host = ("--host", "52:54:00:00:99:01 10.99.0.50 pin")
    portal.manage("network", "add", "net2", "--dhcp", "-n", "10.99.0.1/24", *host)
    portal.manage("vm", "run", "tiny", "--id", "30", "--memory", "32M", "--nic", "type=network,source=net2")
    wait_for(lambda: "tiny-30" in portal.manage("network", "list-attached", "net2"), 10, "it is attached")
    yield "net2"
    portal.manage("vm", "rm", "tiny-30")
    portal.manage("network", "rm", "net2")


def is_ready(tab: Page) -> None:
    expect(tab.locator("header.page .state[data-state]")).to_have_text("ready")


def restore_first_version(tab: Page, picture: Callable[[Page, str], None]) -> None:
    """Restore the first version from the history of net2, after a preview."""
    tab.goto("/networks/lab/net2/")
    tab.get_by_role("link", name="Full history").click()
    expect(tab.locator("#history tbody tr").first).to_contain_text("admin")
    expect(tab.locator("#history tbody tr").first).to_contain_text("MTU: – → 1400")
    expect(tab.locator("#history tbody tr").first).to_contain_text("Reconnect 1 running VM: tiny-30")
    picture(tab, "network-history")
    tab.locator("#history tbody tr").last.get_by_role("link").click()
    expect(tab.locator(".differences").last).to_contain_text("MTU")  # from the definition that is saved now
    expect(tab.locator("#plan")).to_contain_text("Restart net2")
    picture(tab, "network-restore")
    tab.get_by_role("button", name="Restore this version").click()
    is_ready(tab)
    expect(tab.locator(".facts dt:text-is('MTU') + dd")).to_have_text("1500")
    tab.locator("nav.tabs").get_by_role("link", name="Reservations").click()
    expect(tab.locator("#hosts")).to_contain_text("10.99.0.50")


def test_an_edit_is_previewed_with_its_effect_on_vms(
    net2: str, tab: Page, lab: Lab, picture: Callable[[Page, str], None]
):
    tab.goto("/networks/lab/net2/")
    tab.locator("header.page").get_by_role("link", name="Edit", exact=False).first.click()
    plan = tab.locator("#preview")
    expect(plan).to_contain_text("Nothing changes in libvirt")
    tab.locator("summary", has_text="DHCP reservations").click()
    tab.get_by_label("DHCP reservations", exact=True).fill("52:54:00:00:99:01 10.99.0.51 pin")
    expect(plan).to_contain_text("10.99.0.50 pin → 52:54:00:00:99:01 10.99.0.51 pin")
    expect(plan).to_contain_text("live, no VM is disconnected")
    tab.locator("summary", has_text="Bridge, MTU, routes").click()
    tab.get_by_label("MTU").fill("9")
    expect(plan).to_contain_text("An MTU is at least 68")
    tab.get_by_label("MTU").fill("1400")
    expect(plan).to_contain_text("Restart net2, because libvirt cannot change this live: MTU")
    expect(plan.get_by_role("link", name="tiny-30").first).to_be_visible()
    picture(tab, "network-edit")
    tab.get_by_role("button", name="Save net2").click()
    expect(tab).to_have_url("/networks/lab/net2/")
    is_ready(tab)
    expect(tab.locator(".facts dt:text-is('MTU') + dd")).to_have_text("1400")
    tab.locator("nav.tabs").get_by_role("link", name="Reservations").click()
    expect(tab.locator("#hosts")).to_contain_text("10.99.0.51")
    assert len(lab.virsh("net-port-list", "net2").split()) == 1  # the VM is connected again
    restore_first_version(tab, picture)


@pytest.mark.failing_requests("/networks/lab/net2/edit/", status=409)
def test_the_second_user_to_save_sees_the_changes_of_the_first_and_loses_nothing(
    net2: str, open_tab: Callable[..., Page], portal: Portal
):
    tab = open_tab()
    tab.goto("/networks/lab/net2/edit/")
    tab.locator("summary", has_text="Title and start").click()
    tab.get_by_label("Title").fill("of mine")
    portal.manage("network", "edit", "net2", "--domain", "external.test", "--yes")
    tab.get_by_role("button", name="Save net2").click()
    expect(tab.get_by_text("Somebody else has changed net2 in the meantime")).to_be_visible()
    expect(tab.locator("main")).to_contain_text("Somebody else changed “Domain” from empty to external.test.")
    expect(tab.get_by_label("Title")).to_have_value("of mine")
    expect(tab.get_by_label("Domain", exact=True)).to_have_value("external.test")
    tab.get_by_role("button", name="Save net2").click()
    expect(tab).to_have_url("/networks/lab/net2/")
    is_ready(tab)
    expect(tab.locator("main")).to_contain_text("of mine")
    assert portal.ask("Network.objects.get(name='net2').spec.domain") == "external.test"


def test_changes_outside_the_portal_are_shown_and_accepted_or_reverted(
    net2: str, tab: Page, lab: Lab, picture: Callable[[Page, str], None]
):
    entry = "<host mac='52:54:00:00:99:02' ip='10.99.0.60'/>"
    tab.goto("/networks/lab/net2/")
    lab.virsh("net-update", "net2", "add", "ip-dhcp-host", entry, "--live", "--config")
    expect(tab.locator("#reason")).to_contain_text("52:54:00:00:99:02 10.99.0.60")
    picture(tab, "network-drifted")
    tab.get_by_role("link", name="Revert to saved definition").click()
    dialog = tab.get_by_role("dialog", name="Revert net2 to its saved definition")
    expect(dialog).to_contain_text("Delete DHCP reservation of 10.99.0.1/24: 52:54:00:00:99:02 10.99.0.60")
    expect(dialog.locator(".differences")).to_contain_text("10.99.0.60")
    dialog.get_by_role("button", name="Revert to saved definition").click()
    expect(dialog).to_have_count(0)
    is_ready(tab)
    assert "10.99.0.60" not in lab.virsh("net-dumpxml", "net2")
    lab.virsh("net-update", "net2", "add", "ip-dhcp-host", entry, "--live", "--config")
    tab.get_by_role("button", name="Accept changes from libvirt").click()
    is_ready(tab)
    tab.locator("nav.tabs").get_by_role("link", name="Reservations").click()
    expect(tab.locator("#hosts")).to_contain_text("10.99.0.60")


@pytest.mark.failing_requests("/networks/lab/external/xml/", status=422)
@pytest.mark.failing_requests("/networks/lab/external/xml/", status=409)
@pytest.mark.failing_requests("/networks/lab/external/", status=404)
def test_an_unmanaged_network_is_adopted_edited_as_xml_and_released(
    tab: Page, lab: Lab, tmp_path: Path, picture: Callable[[Page, str], None]
):
    document = tmp_path / "external.xml"
    document.write_text("<network><name>external</name><!-- why --><ip address='10.98.0.1' prefix='24'/></network>")
    lab.virsh("net-define", document)
    tab.goto("/networks/")
    tab.get_by_role("link", name="external").click()
    tab.get_by_role("button", name="Adopt").click()
    expect(tab.get_by_text("nothing changes in libvirt")).to_be_visible()
    is_ready(tab)
    tab.goto("/networks/lab/external/xml/")
    box = tab.get_by_label("Saved definition, XML")
    good = box.input_value()
    box.fill(good.replace("</network>", "<mtu size='many'/>\n</network>"))
    tab.get_by_role("button", name="Check and preview").click()
    expect(tab.get_by_role("alert").first).to_contain_text("Line ")
    picture(tab, "network-xml-mistake")
    box.fill(good.replace("</network>", "<dns><txt name='a' value='b'/></dns>\n</network>"))
    tab.get_by_role("button", name="Check and preview").click()
    expect(tab.locator("#plan")).to_contain_text("TXT record")
    tab.get_by_role("button", name="Save external").click()
    is_ready(tab)
    assert "<txt name='a' value='b'/>" in lab.virsh("net-dumpxml", "external")
    tab.locator("#more-actions summary").click()
    tab.get_by_role("button", name="Release external").click()
    expect(tab.locator("header.page .state[data-state]")).to_contain_text("unmanaged")
    lab.virsh("net-undefine", "external")


def test_several_networks_are_stopped_and_removed_in_one_go(tab: Page, portal: Portal, lab: Lab, picture: Callable):
    for number in ("1", "2"):
        portal.manage("network", "add", f"many{number}", "-n", f"10.97.{number}.1/24")
    names = [f"many{number}" for number in ("1", "2")]

    def choose(action: str) -> None:
        tab.goto("/networks/")
        for name in names:
            tab.get_by_label(f"Select {name}").check()
        tab.get_by_label("With selected").select_option(action)
        tab.get_by_role("button", name="Preview").click()

    choose("stop")
    expect(tab.locator("#bulk")).to_contain_text("Stop many1")
    picture(tab, "networks-bulk")
    tab.get_by_role("button", name="Stop").click()
    wait_for(lambda: not set(names) & set(lab.virsh("net-list", "--name").split()), 10, "both are stopped")
    choose("remove")
    tab.get_by_role("button", name="Delete 2 networks").click()
    expect(tab.locator("#networks")).not_to_contain_text("many")
