"""Attached tables are divided into pages; files have all rows."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from lxml import html

from tests.support.making import make_foreign_network, make_hypervisor, make_lease, make_running, make_vm
from virterweb.pages.tables import ROWS

HTMX = {"HX-Request": "true"}
MORE = 3


@pytest.fixture
def lab(db, enqueued):
    """More NICs on default than a page has rows, each with its lease."""
    hypervisor = make_hypervisor()
    default = make_foreign_network(hypervisor)
    for number in range(1, ROWS + MORE + 1):
        mac = f"52:54:00:00:00:{number:02x}"
        make_running(make_vm(hypervisor, f"vm-{number}", None), ("default", mac, f"vnet{number}"))
        make_lease(default, mac, f"192.168.122.{number}")
    return hypervisor


def test_a_search_for_what_is_no_part_of_a_mac_reads_no_macs(page, lab):
    searched = {text: _sql_of(page, text) for text in ("00:2a", "vm-4")}
    assert {text: 'UPPER("vms_nicstatus"."mac"' in sql or '"mac" LIKE' in sql for text, sql in searched.items()} == {
        "00:2a": True,
        "vm-4": False,
    }


def _sql_of(page, text: str) -> str:
    with CaptureQueriesContext(connection) as queries:
        assert shown(page.get(f"/attached/?q={text}"))
    return "\n".join(query["sql"] for query in queries)


def shown(answer) -> list[tuple[str, str]]:
    """Return the VM and the address of each row."""
    found = html.fromstring(answer.content.decode()).xpath("//table[@id='attached-table']/tbody/tr[td]")
    return [tuple(row.xpath(f"string(td[{column}])").strip() for column in (1, 3)) for row in found]


@pytest.mark.parametrize("path", ["/attached/", "/networks/lab-1/default/attached/"])
def test_a_long_table_has_pages_in_natural_order_that_poll_themselves(page, lab, path):
    first, second = page.get(path, headers=HTMX), page.get(f"{path}?page=2", headers=HTMX)
    numbers = range(1, ROWS + MORE + 1)
    rows = [(f"vm-{number}", f"192.168.122.{number}") for number in numbers]
    assert [(vm, ip.split()[0]) for vm, ip in shown(first)] == rows[:ROWS]
    assert [(vm, ip.split()[0]) for vm, ip in shown(second)] == rows[ROWS:]
    for answer in (first, second):
        assert f"{len(rows)} NICs of {len(rows)} VMs" in answer.content.decode()
    assert f'hx-get="{path}"' in first.content.decode()
    assert f'hx-get="{path}?page=2"' in second.content.decode()
    assert html.fromstring(first.content.decode()).xpath("//a[@rel='next']/@href") == [f"{path}?page=2"]


def test_a_short_table_has_no_pages_and_a_file_has_all_rows(page, lab):
    assert b"rel=" not in page.get("/attached/?q=vm-7", headers=HTMX).content
    assert len(page.get("/attached.json").json()) == ROWS + MORE
