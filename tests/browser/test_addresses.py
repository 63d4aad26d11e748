"""Addresses by hand: the map by keyboard, a paste with its preview, the search of every page, a form that proposes."""

from collections.abc import Callable, Iterator

import pytest
from lab import Lab
from playwright.sync_api import Page, expect

from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.browser

PAGE = "/networks/lab/seen/"
MAC = "52:54:00:00:96:02"


@pytest.fixture(scope="module")
def leased(portal: Portal) -> Iterator[str]:
    """The address of the guest tiny-96 on the network seen, which has the DHCP reservation for somebody else."""
    entry = ("--host", "52:54:00:00:96:01 10.96.0.50 pin")
    portal.manage("network", "add", "seen", "--dhcp", "-n", "10.96.0.1/24", *entry)
    nic = f"type=network,source=seen,mac={MAC}"
    portal.manage("vm", "run", "tiny", "--id", "96", "--memory", "128M", "--nic", nic)
    address = f"list(Lease.objects.current().filter(mac='{MAC}').values_list('ip', flat=True))"
    (ip,) = wait_for(lambda: portal.ask(address), 120, "it has its address")
    yield ip
    portal.manage("vm", "rm", "tiny-96")
    portal.manage("network", "rm", "seen")


def on_the_map(tab: Page) -> bool:
    return tab.evaluate("document.activeElement.matches('.map > a')")


def is_at(tab: Page, text: str) -> None:
    """The focus is on this cell of the map, and the line beneath says so."""
    expect(tab.locator(".map > a:focus")).to_have_attribute("title", text)
    expect(tab.locator("output[data-of=map]")).to_have_text(text)


def test_the_map_is_walked_by_keyboard(leased: str, portal: Portal, tab: Page, picture: Callable[[Page, str], None]):
    tab.goto(PAGE)
    expect(tab.locator(".map > a")).to_have_count(256)
    tab.locator("#addresses").scroll_into_view_if_needed()
    stops = 0
    for _ in range(200):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement === document.body"):
            break
        stops += on_the_map(tab)
    assert stops == 1

    tab.locator(".map > a[tabindex='0']").focus()
    is_at(tab, "10.96.0.0: not for guests")
    tab.keyboard.press("ArrowRight")
    is_at(tab, "10.96.0.1: the host")
    tab.keyboard.press("End")
    is_at(tab, "10.96.0.255: not for guests")
    tab.keyboard.press("ArrowRight")
    is_at(tab, "10.96.0.255: not for guests")
    tab.keyboard.press("Home")
    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "ArrowDown", "ArrowLeft"):  # two rows of 32, less one
        tab.keyboard.press(key)
    is_at(tab, "10.96.0.63: free, in the DHCP range")
    portal.ask("Network.objects.get(name='seen').change_tags(add=['walked'])")
    expect(tab.get_by_text("walked", exact=True)).to_be_visible()  # an update takes the place away from nobody
    is_at(tab, "10.96.0.63: free, in the DHCP range")
    picture(tab, "address-map")
    tab.keyboard.press("Enter")
    expect(tab).to_have_url(f"{PAGE}hosts/add/?ip=10.96.0.63")
    expect(tab.get_by_label("IP", exact=True)).to_have_value("10.96.0.63")

    tab.goto(f"{PAGE}addresses/")
    tab.locator(".map > a[tabindex='0']").focus()
    for _ in range(int(leased.rsplit(".", 1)[1])):
        tab.keyboard.press("ArrowRight")
    is_at(tab, f"{leased}: leased to tiny-96 ({MAC})")
    tab.keyboard.press("Enter")
    expect(tab).to_have_url(f"/search/?q={leased}")
    expect(tab.locator(".answer")).to_have_text("tiny-96")


def test_many_reservations_are_pasted_after_a_preview(
    leased: str, tab: Page, lab: Lab, picture: Callable[[Page, str], None]
):
    tab.goto(f"{PAGE}hosts/")
    tab.get_by_role("link", name="Paste list").click()
    tab.get_by_label("One reservation per line").fill(
        "MAC,IP,Name\n52:54:00:00:96:10,10.96.0.60,a\n52:54:00:00:96:11,10.97.0.61,b\n"
        "52:54:00:00:96:01,10.96.0.51,pin\n52:54:00:00:96:xx,10.96.0.62,c\n"
    )
    tab.get_by_role("button", name="Preview").click()
    expect(tab.locator("#right tbody tr")).to_have_count(2)
    expect(tab.locator("#right tbody tr").nth(0)).to_contain_text("new")
    expect(tab.locator("#right tbody tr").nth(1)).to_contain_text("changed")
    expect(tab.locator("#wrong tbody tr")).to_have_count(2)
    expect(tab.locator("#wrong tbody tr").nth(0)).to_contain_text("10.97.0.61 is outside all blocks of this network")
    assert "10.96.0.60" not in lab.virsh("net-dumpxml", "seen")
    picture(tab, "host-entries-pasted")
    tab.get_by_role("button", name="Reserve 2 valid addresses").click()
    expect(tab).to_have_url(f"{PAGE}hosts/")
    for name, ip in (("a", "10.96.0.60"), ("pin", "10.96.0.51")):
        row = tab.get_by_role("row", name=ip)
        expect(row).to_contain_text("reserved")
        expect(row.get_by_role("cell", name=name, exact=True)).to_be_visible()
    expect(tab.get_by_role("row", name="10.96.0.50")).to_have_count(0)
    document = lab.virsh("net-dumpxml", "seen")
    assert "ip='10.96.0.60'" in document
    assert "ip='10.96.0.50'" not in document


def test_the_user_of_an_address_can_be_searched_from_any_page(
    leased: str, tab: Page, picture: Callable[[Page, str], None]
):
    tab.goto("/images/")
    tab.keyboard.press("/")
    tab.keyboard.type(leased)
    tab.keyboard.press("Enter")
    expect(tab).to_have_url(f"/search/?q={leased}")
    expect(tab.locator("#hits tbody tr")).to_have_count(1)
    expect(tab.locator("#hits tbody tr")).to_contain_text(MAC)
    picture(tab, "search")
    tab.locator(".answer").get_by_role("link", name="tiny-96").click()
    expect(tab).to_have_url("/vms/lab/tiny-96/")


def test_the_form_proposes_what_belongs_to_the_chosen_nic(
    leased: str, tab: Page, lab: Lab, picture: Callable[[Page, str], None]
):
    tab.goto(f"{PAGE}hosts/")
    tab.get_by_role("link", name="Reserve address").click()
    expect(tab.get_by_label("IP", exact=True)).to_have_value("10.96.0.2")
    expect(tab.locator("#macs option")).to_have_text(["tiny-96"])
    tab.get_by_label("MAC").fill(MAC.upper())
    tab.keyboard.press("Tab")
    expect(tab.get_by_label("IP", exact=True)).to_have_value(leased)
    expect(tab.get_by_label("Name")).to_have_value("tiny-96")
    expect(tab.get_by_label("IP", exact=True)).to_be_focused()
    picture(tab, "host-entry-add")
    tab.get_by_role("button", name="Reserve", exact=True).click()
    expect(tab).to_have_url(f"{PAGE}hosts/")
    row = tab.get_by_role("row", name=MAC)
    expect(row).to_contain_text("reserved")
    expect(row.get_by_role("link", name="tiny-96")).to_be_visible()
    assert f"<host mac='{MAC}' name='tiny-96' ip='{leased}'/>" in lab.virsh("net-dumpxml", "seen")
    row.get_by_role("button", name="Remove").click()
    expect(row).to_have_count(0)
    tab.get_by_role("link", name="Reserve address").click()
    tab.get_by_role("complementary").get_by_role("link", name="tiny-96").click()
    expect(tab.get_by_label("MAC")).to_have_value(MAC)
    expect(tab.get_by_label("IP", exact=True)).to_have_value(leased)


def test_addresses_fit_a_phone(leased: str, open_tab: Callable[..., Page], picture: Callable[[Page, str], None]):
    tab = open_tab(viewport={"width": 390, "height": 844})
    pages = [f"{PAGE}{page}" for page in ("addresses/", "leases/?q=10.", "hosts/", "hosts/add/", "hosts/paste/")]
    for path in ("/", "/search/?q=10.96.", *pages):
        tab.goto(path)
        expect(tab.locator("main")).to_be_visible()
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390, path
        picture(tab, f"phone{path.split('?')[0].replace('/', '-')}")
