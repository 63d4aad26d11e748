"""Six tasks from the overview, as a new user does them: each takes few clicks."""

from collections.abc import Iterator

import pytest
from lab import Lab
from playwright.sync_api import Locator, Page, expect

from tests.support.portal import Portal

pytestmark = pytest.mark.browser

MAKE = "from tests.support.making import *\nimport datetime\nfrom django.utils.timezone import localtime"
HELD = """make_lease(Network.objects.get(name='default'), '52:54:00:00:00:63', '192.168.122.99', 'gone-99',
    first_seen=localtime() - datetime.timedelta(days=1), last_seen=localtime() - datetime.timedelta(hours=23)).pk"""


class Visitor:
    """A user at a page, whose clicks are counted; a choice in a list and Enter count as well."""

    def __init__(self, page: Page) -> None:
        self.page, self.clicks = page, 0

    def begin(self) -> None:
        self.page.goto("/")
        self.clicks = 0

    def click(self, place: Locator) -> None:
        place.click()
        self.clicks += 1

    def choose(self, field: str, value: str, within: Locator | None = None) -> None:
        (within or self.page).get_by_label(field, exact=True).select_option(value)
        self.clicks += 1

    def link(self, name: str) -> None:
        self.click(self.page.locator("main").get_by_role("link", name=name).first)

    def button(self, name: str) -> None:
        self.click(self.page.locator("main, dialog[open]").get_by_role("button", name=name).last)

    def go_to(self, name: str) -> None:
        self.click(self.page.get_by_role("navigation", name="Main").get_by_role("link", name=name, exact=True))


@pytest.fixture
def left_clean(portal: Portal, lab: Lab) -> Iterator[None]:
    yield
    for kind, name in (("vm", "tiny-44"), ("network", "tasks")):
        portal.tried(kind, "rm", name)
    portal.ask("Lease.objects.filter(hostname='gone-99').delete()[0]")


def test_six_tasks_take_few_clicks(left_clean: None, tab: Page, portal: Portal):
    visitor = Visitor(tab)
    taken = []
    for task in (add_network, run_vm, add_nic, find_why, find_holder, delete_network):
        visitor.begin()
        task(visitor, portal)
        taken.append((task.__name__, visitor.clicks))
    most = {"add_network": 4, "run_vm": 8, "add_nic": 5, "find_why": 2, "find_holder": 3, "delete_network": 4}
    assert {name: clicks for name, clicks in taken if clicks > most[name]} == {}, taken


def add_network(visitor: Visitor, portal: Portal) -> None:
    visitor.go_to("Networks")
    visitor.link("Add network")
    visitor.page.get_by_label("Name").fill("tasks")
    visitor.button("Add network")
    expect(visitor.page.locator("header.page .state[data-state]")).to_have_text("ready")


def run_vm(visitor: Visitor, portal: Portal) -> None:
    page = visitor.page
    visitor.go_to("VMs")
    visitor.link("Run VM")
    visitor.choose("Image", "tiny")
    page.get_by_label("ID", exact=True).fill("44")
    page.get_by_label("Memory, MiB").fill("128")
    visitor.button("Add NIC")
    visitor.choose("Network", "tasks", page.get_by_role("group", name="NIC 1"))
    visitor.button("Run VM")
    expect(page.locator("header.page .state[data-state]")).to_have_text("running")
    expect(page.locator("#nics tbody tr")).to_have_count(2)


def add_nic(visitor: Visitor, portal: Portal) -> None:
    visitor.go_to("VMs")
    visitor.link("tiny-44")
    visitor.link("Add NIC")
    visitor.choose("Network", "tasks")
    visitor.button("Add NIC")
    expect(visitor.page.locator("#nics tbody tr")).to_have_count(3)
    expect(visitor.page.locator("#nics tbody tr").last).to_contain_text("attached")


def find_why(visitor: Visitor, portal: Portal) -> None:
    """The link of the new NIC is down: the row says so."""
    mac = portal.ask("VM.objects.get(name='tiny-44').nics.order_by('pk').last().mac")
    portal.manage("vm", "nic", "change", "tiny-44", mac, "--link-up", "no")
    visitor.go_to("VMs")
    visitor.link("tiny-44")
    expect(visitor.page.locator("#nics tbody tr", has_text=mac)).to_contain_text("down")


def find_holder(visitor: Visitor, portal: Portal) -> None:
    portal.ask(HELD, MAKE)
    visitor.page.get_by_role("searchbox").first.fill("192.168.122.99")
    visitor.page.keyboard.press("Enter")
    visitor.clicks += 1
    visitor.link("Yesterday")
    expect(visitor.page.get_by_text("gone-99")).to_be_visible()


def delete_network(visitor: Visitor, portal: Portal) -> None:
    page = visitor.page
    visitor.go_to("Networks")
    visitor.click(page.get_by_label("Actions for tasks"))
    visitor.link("Delete")
    visitor.button("Delete tasks")
    expect(page.locator("#networks")).not_to_contain_text("tasks")
