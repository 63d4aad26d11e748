"""Pages with the traffic of networks and NICs: charts, figures as tables and files, and sparklines in rows."""

import csv
import io
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from lxml import html

from tests.support.making import make_foreign_network, make_hypervisor, make_network, make_running, make_vm
from virterweb.hypervisors.gateway.found import FoundTraffic
from vms.models import VM
from vms.nics import traffic

MAC = "52:54:00:00:00:08"
NETWORK, OF_VM = "/networks/lab/default/traffic", "/vms/lab/alma-8-8/traffic"


@pytest.fixture
def vm(db, enqueued) -> VM:
    hypervisor = make_hypervisor("lab")
    make_foreign_network(hypervisor)
    make_network(hypervisor)
    vm = make_vm(hypervisor)
    make_running(vm, ("default", MAC, "vnet1"), ("net1", "52:54:00:80:00:01", "vnet2"))
    return vm


def measure(vm: VM, *rates: int, ago: int = 0) -> None:
    """Record readings of the last minutes, with these bytes a second received."""
    start = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=len(rates) + ago)
    received = 0
    for index, rate in enumerate((0, *rates)):
        received += 60 * rate
        found = {str(vm.uuid): {"vnet1": FoundTraffic(received=(received, 0, 0, 0), sent=(0, 0, 0, 0))}}
        traffic.write(vm.hypervisor, found, start + timedelta(minutes=index))


def shown(client: Client, url: str) -> html.HtmlElement:
    response = client.get(url)
    assert response.status_code == 200
    return html.fromstring(response.content)


def words(element: html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


@pytest.mark.parametrize("url", [f"{NETWORK}/", f"{OF_VM}/"])
def test_a_page_has_a_chart_with_axes_and_the_figures_as_a_table(vm, page, url):
    measure(vm, 125_000, 0)
    chart = shown(page, url).find_class("chart")[0]
    assert words(chart.find("figcaption")[0]) == "Last hour: up to 1.0 Mbit/s received, up to 0 bit/s sent"
    assert [each.text for each in chart.find_class("rates")[0]] == ["1.0 Mbit/s", "500 kbit/s", "0 bit/s"]
    assert len(chart.find_class("times")[0]) == 5
    rows = chart.xpath(".//tbody/tr")
    assert len(rows) == 60
    assert [[words(cell) for cell in row][1:] for row in rows[-3:]] == [
        ["not measured"],
        ["1.0 Mbit/s", "0 bit/s"],
        ["0 bit/s", "0 bit/s"],
    ]
    assert rows[-2].get("data-words") == f"{words(rows[-2][0])}: received 1.0 Mbit/s, sent 0 bit/s"
    assert rows[-3].get("data-words").endswith(": not measured")
    assert chart.xpath("string(div[contains(@class, 'plot')]/@aria-label)").startswith("Last hour: up to 1.0 Mbit/s")


def test_the_last_day_is_a_link_away_and_has_the_highest_minutes(vm, page):
    measure(vm, *[125] * 10, ago=120)
    (link,) = [each for each in shown(page, f"{NETWORK}/").iterlinks() if each[2].endswith("?period=day")][:1]
    assert link[0].text == "Last day"
    found = shown(page, link[2])
    assert found.xpath("//nav[@aria-label='Period']/a[@aria-current]")[0].text == "Last day"
    headings = [words(each) for each in found.xpath("//figure//thead//th")]
    assert headings == ["Time", "Received", "Sent", "Most received", "Most sent"]
    measured = [words(row) for row in found.xpath("//figure//tbody/tr") if "not measured" not in words(row)]
    assert measured
    assert all(row[6:] == "1.0 kbit/s 0 bit/s 1.0 kbit/s 0 bit/s" for row in measured)


@pytest.mark.parametrize("query", ["", "?period=day", "?period=x"])
def test_without_figures_a_page_says_when_there_will_be_some(vm, page, query):
    found = shown(page, f"{OF_VM}/{query}")
    assert len(found.find_class("chart")) == 2
    assert "appears within two minutes" in words(found.find_class("plot")[0])


def test_the_figures_are_files_too(vm, page):
    measure(vm, 125, 250)
    (first, last) = page.get(f"{NETWORK}.json").json()[-2:]
    assert (first["received_bps"], last["received_bps"], last["sent_bps"]) == (1000, 2000, 0)
    rows = list(csv.DictReader(io.StringIO(page.get(f"{OF_VM}.csv?period=day").content.decode())))
    assert len(rows) == 2 * 96
    assert {row["mac"] for row in rows} == {MAC, "52:54:00:80:00:01"}
    assert {row["max_received_bps"] for row in rows} >= {"", "2000"}


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("/networks/", "//tr[td//a[text()='default']]"),
        ("/networks/lab/default/attached/", "//table[@id='attached-table']/tbody/tr"),
        ("/attached/", "//tr[starts-with(@id, 'attached-')][td[contains(text(), ':08')]]"),
        ("/vms/lab/alma-8-8/", f"//tr[@id='nic-{MAC}']"),
    ],
)
def test_rows_of_networks_and_nics_have_a_sparkline_with_text(vm, page, url, place):
    measure(vm, 125_000)
    (row,) = shown(page, url).xpath(place)
    (spark,) = row.find_class("spark")
    assert words(spark.find("title")) == "Last hour: up to 1.0 Mbit/s received, up to 0 bit/s sent"
    assert [path.get("class") for path in spark.findall("path")] == ["in", "out"]


@pytest.mark.parametrize("url", ["/networks/", "/networks/lab/default/attached/", "/attached/", f"{OF_VM}/"])
def test_sparklines_cost_the_same_for_many_rows(vm, page, url):
    def queries() -> int:
        with CaptureQueriesContext(database) as captured:
            assert page.get(url, headers={"HX-Request": "true"}).status_code == 200
        return len(captured)

    measure(vm, 1)
    queries()
    few = queries()
    for number in range(10, 30):
        other = make_vm(vm.hypervisor, f"vm-{number}", number)
        make_running(other, ("default", f"52:54:00:03:00:{number}", "vnet1"))
        measure(other, 1)
    assert queries() == few
