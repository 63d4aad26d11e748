"""Users choose the columns of tables; the choice is kept for each user and table."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from lxml import html

from tests.support.making import (
    make_foreign_network,
    make_host,
    make_hypervisor,
    make_image,
    make_lease,
    make_running,
    make_vm,
    record_volume,
)
from virterweb.people.models import HiddenColumns

MAC = "52:54:00:00:00:08"
BRIDGE = {"listed": ["range", "bridge"], "column": ["range"]}
#: Each table with a page that shows it.
PAGES = {
    "networks": "/networks/",
    "vms": "/vms/",
    "attached": "/networks/lab-1/default/attached/",
    "nics": "/attached/",
    "images": "/images/",
    "pools": "/pools/",
    "volumes": "/pools/lab-1/default/",
    "unused-volumes": "/pools/lab-1/default/unused/",
    "hypervisors": "/hypervisors/",
    "activity": "/activity/",
    "leases": "/networks/lab-1/default/leases/",
    "reservations": "/networks/lab-1/default/hosts/",
    "addresses": "/addresses/",
}


@pytest.fixture
def lab(db, enqueued):
    lab = make_hypervisor()
    network = make_foreign_network(lab)
    make_lease(network, MAC, "192.168.122.8")
    make_host(network, MAC, "192.168.122.8")
    make_running(make_vm(lab), ("default", MAC, "vnet0"))
    make_image(lab)
    record_volume(lab, "old", unused_since=timezone.now())
    lab.pools.update(read_at=timezone.now())
    return lab


def choose(client: Client, table: str, values: dict, page: str = "/networks/") -> str:
    """Choose columns with the menu of a page; return where that leads."""
    return client.post(reverse("columns", args=[table]), values, headers={"Referer": f"http://testserver{page}"}).url


def titles(client: Client, path: str) -> list[str]:
    headings = html.fromstring(client.get(path).content.decode()).xpath("//main//table[1]/thead/tr/th")
    return [title for each in headings if (title := " ".join(each.text_content().split())) != "Actions"]


def test_a_hidden_column_is_away_from_head_and_rows_until_it_is_chosen_again(page, lab):
    before = titles(page, "/networks/")
    assert choose(page, "networks", BRIDGE, "/networks/?sort=-bridge") == "http://testserver/networks/?sort=-bridge"
    assert titles(page, "/networks/?sort=-bridge") == [each for each in before if each != "Bridge"]
    shown = page.get("/networks/").content.decode()
    assert "virbr0" not in shown
    assert ">Show all<" in shown
    choose(page, "networks", {"all": "yes"})
    assert titles(page, "/networks/") == before
    assert not HiddenColumns.objects.exists()


def test_the_choice_is_of_one_user_and_keeps_what_the_menu_did_not_list(page, lab, django_user_model):
    choose(page, "networks", {"listed": ["hypervisor", "bridge"], "column": []})
    choose(page, "networks", {"listed": ["bridge"], "column": ["bridge"]})
    assert HiddenColumns.objects.get().columns == ["hypervisor"]
    other = Client()
    other.force_login(django_user_model.objects.create_user("otto"))
    choose(other, "networks", BRIDGE)
    assert {each.user.username: each.columns for each in HiddenColumns.objects.all()}["otto"] == ["bridge"]
    assert "Bridge" in titles(page, "/networks/")


@pytest.mark.parametrize("table", HiddenColumns.Table.values)
def test_attributes_of_cells_are_attributes(page, lab, table):
    tags = re.findall(r"<td[^>]*>", page.get(PAGES[table], follow=True).content.decode())
    assert [tag for tag in tags if "&quot;" in tag] == []


def test_odd_values_change_nothing_and_lead_to_no_other_site(page, lab):
    odd = {"listed": ["name", "<b>", "x" * 1000, "\0", *map(str, range(100))], "column": ["name"]}
    assert choose(page, "networks", odd) == "http://testserver/networks/"
    assert not HiddenColumns.objects.exists()
    assert page.post(reverse("columns", args=["no-table"])).status_code == 404
    answer = page.post(reverse("columns", args=["networks"]), headers={"Referer": "https://elsewhere.example/"})
    assert answer.url == "/"
    choose(page, "networks", {"listed": ["name"], "column": []})
    assert titles(page, "/networks/")[0] == "Name"  # the name stays, whatever is sent


@pytest.mark.parametrize("table", HiddenColumns.Table.values)
def test_each_table_has_a_menu_for_its_columns_and_a_cell_for_each_heading(page, lab, table):
    path = PAGES[table]
    root = html.fromstring(page.get(path, follow=True).content.decode())
    menus = root.xpath(f"//form[@action='{reverse('columns', args=[table])}']")
    keys = menus[0].xpath(".//input[@name='listed']/@value")
    assert keys
    for hidden in ([], keys[:2], keys):
        choose(page, table, {"listed": keys, "column": [key for key in keys if key not in hidden]})
        (found,) = html.fromstring(page.get(path).content.decode()).xpath("//main//table[thead][1]")
        heads = found.xpath("count(thead/tr/th)")
        assert {heads} == {float(len(row)) for row in found.xpath("tbody/tr") if not row.xpath("*[@colspan]")}
