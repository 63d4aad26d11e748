"""Chips narrow a list to a value of a property by links, which keep the search and the order."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from lxml import html

from tests.support.making import make_foreign_network, make_hypervisor, make_network, make_running, make_vm
from virterweb.messages import Message
from virterweb.pages.chips import OFFERED
from virterweb.pages.tables import ROWS
from vms.models import VM, NICStatus, VMStatus


@pytest.fixture
def lab(db, enqueued, member):
    """Two hypervisors with networks and VMs that a member owns, that nobody owns, and that are unmanaged."""
    lab, other = make_hypervisor(), make_hypervisor("lab-2")
    for number, owner in enumerate((member, None)):
        make_network(lab, f"net{number}", "", owner=owner)
        make_vm(lab, f"vm-{number}", None, owner=owner)
    make_foreign_network(other)
    make_running(make_vm(other, "seen", None, managed=False))
    VMStatus.objects.filter(desired__name="vm-1").update(error=Message.external("refused"), tries=1)
    return lab


def names(shown: html.HtmlElement) -> list[str]:
    return [link.text for link in shown.xpath("//table/tbody/tr/td[1]/a")]


def opened(page, path: str) -> html.HtmlElement:
    return html.fromstring(page.get(path).content.decode())


def menu(shown: html.HtmlElement, title: str) -> dict[str, str]:
    """The values that a chip offers, with their links."""
    links = shown.xpath(f"//details[summary[normalize-space()='{title}']]//a")
    return {link.text: link.get("href") for link in links}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/networks/?state=unmanaged", ["default"]),
        ("/networks/?state=pending", ["net0", "net1"]),
        ("/networks/?state=pending&owner=otto", ["net0"]),
        ("/networks/?owner=-", ["default", "net1"]),
        ("/networks/?hypervisor=lab-2", ["default"]),
        ("/networks/?state=pending&q=net&sort=-name", ["net1", "net0"]),
        ("/vms/?state=running", ["seen"]),
        ("/vms/?state=unmanaged", ["seen"]),
        ("/vms/?state=failed", ["vm-1"]),
        ("/vms/?state=pending&owner=otto", ["vm-0"]),
        ("/vms/?state=none-such", []),
    ],
)
def test_a_list_is_narrowed_to_what_its_address_says(page, lab, path, found):
    assert names(opened(page, path)) == found
    assert names(html.fromstring(page.get(path, headers={"HX-Request": "true"}).content or "<p></p>")) == found


@pytest.mark.parametrize("path", ["/networks/", "/vms/"])
def test_chips_are_links_that_keep_search_and_order_and_begin_at_the_first_page(page, lab, path):
    shown = opened(page, f"{path}?q=e&sort=-name&page=2")
    for title in ("Hypervisor", "State"):
        for href in menu(shown, title).values():
            kept = parse_qs(urlsplit(href).query)
            assert (urlsplit(href).path, kept["q"], kept["sort"]) == (path, ["e"], ["-name"])
            assert "page" not in kept


def test_a_chip_offers_what_the_others_leave_and_a_chosen_value_can_be_cleared(page, lab):
    shown = opened(page, "/networks/?owner=otto&sort=range")
    assert menu(shown, "State") == {}, "one state is no choice"
    (chosen,) = shown.xpath("//a[contains(@class, 'chip') and contains(@class, 'on')]")
    assert (chosen.text, chosen.get("href")) == ("otto ×", "/networks/?sort=range")
    assert list(menu(opened(page, "/networks/"), "Owner")) == ["otto", "no owner"]
    kept = shown.xpath("//form[@role='search']//input[@type='hidden']")
    assert {each.get("name"): each.get("value") for each in kept} == {"sort": "range", "owner": "otto"}


@pytest.mark.parametrize(("path", "table"), [("/networks/", "networks_network"), ("/vms/", "vms_vm")])
def test_a_list_is_counted_by_the_query_of_its_chips(page, lab, path, table):
    with CaptureQueriesContext(connection) as queries:
        page.get(f"{path}?state=pending")
    counts = [query["sql"] for query in queries if f'FROM "{table}"' in query["sql"] and "COUNT(" in query["sql"]]
    assert len([sql for sql in counts if 'AS "number_of_rows"' in sql]) == 1
    assert not [sql for sql in counts if 'AS "__count"' in sql]


def test_a_narrowed_list_has_as_many_pages_as_its_rows_need(page, lab):
    for number in range(ROWS):
        make_vm(lab, f"more-{number}", None)
    pages = "//nav//a[contains(@href, 'page=2')]"
    assert opened(page, "/vms/?state=pending").xpath(pages), "there are 41, and 40 on a page"
    assert not opened(page, "/vms/?state=pending&owner=-").xpath(pages)
    assert len(names(opened(page, "/vms/?state=pending&page=2"))) == 1


@pytest.mark.parametrize("path", ["/networks/", "/vms/", "/attached/"])
def test_too_many_hypervisors_to_choose_from_are_on_a_page_of_their_own(page, lab, path):
    for number in range(3, OFFERED + 2):
        make_hypervisor(f"lab-{number}")
    seen = VM.objects.get(name="seen")
    NICStatus.objects.create(vm=seen.status, position=0, kind="user", mac="52:54:00:00:00:01")
    assert menu(opened(page, path), "Hypervisor") == {f"{OFFERED + 1} hypervisors: find one": "/hypervisors/"}
    shown = opened(page, f"{path}?hypervisor=lab-2")
    (chosen,) = shown.xpath("//a[contains(@class, 'chip') and contains(@class, 'on')]")
    assert chosen.text == "lab-2 ×"
    assert shown.xpath("count(//table/tbody/tr)") == 1
    assert not opened(page, f"{path}?hypervisor=lab-3").xpath("//table/tbody/tr")


def test_a_list_that_nothing_matches_says_so(page, lab):
    assert "No VM matches the filter." in page.get("/vms/?state=paused").content.decode()


def test_all_vms_that_match_are_those_that_the_chips_leave(page, lab):
    asked = {"action": "down", "all": "yes", "q": "", "state": "pending", "owner": "otto"}
    shown = html.fromstring(page.post("/vms/many/", asked).content.decode())
    assert shown.xpath("//table[@id='many-plan']//td[1]/a/text()") == ["vm-0"]
    assert VM.objects.count() == 3
