"""The lease history: who had an address at a time, as page, CSV and JSON."""

import csv
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from lxml import html

from networks.leases.history_form import HistoryForm
from networks.models import Lease, Network
from tests.support.making import make_foreign_network, make_hypervisor, make_lease

URL = "/networks/lab-1/default/leases"
IP = "10.255.0.207"
MAC = "52:54:00:00:00:{}"
MONDAY, TUESDAY, WEDNESDAY = (datetime(2026, 11, day, tzinfo=UTC) for day in (23, 24, 25))
NIGHT = {"since": "2026-11-24T22:00", "until": "2026-11-25T06:00"}


def hour(day: datetime, hours: float) -> datetime:
    return day + timedelta(hours=hours)


@pytest.fixture
def network(db, enqueued, settings) -> Network:
    settings.TIME_ZONE = "UTC"
    return make_foreign_network(make_hypervisor())


@pytest.fixture
def history(network) -> None:
    """One address had by three guests, one after the other, and another by a fourth all the time."""
    held = [
        ("monday", hour(MONDAY, 20), hour(TUESDAY, 21)),
        ("tuesday", hour(TUESDAY, 22.5), hour(WEDNESDAY, 3)),
        ("wednesday", hour(WEDNESDAY, 5), None),
    ]
    for number, (name, since, until) in enumerate(held):
        make_lease(network, MAC.format(f"0{number}"), IP, name, vm=f"vm-{name}", first_seen=since, last_seen=until)
    make_lease(network, MAC.format("aa"), "10.255.0.8", "always", first_seen=hour(MONDAY, 0))


def asking(**typed: str) -> HistoryForm:
    form = HistoryForm(typed)
    assert form.is_valid(), form.errors
    return form


def who(**typed: str) -> list[str]:
    """The host names that answer."""
    return [lease.hostname for lease in asking(**typed).among(Lease.objects.all())]


@pytest.mark.parametrize(
    ("since", "until", "names"),
    [
        ("2026-11-24T22:00", "2026-11-25T06:00", ["wednesday", "tuesday"]),
        ("2026-11-24T23:00", "2026-11-24T23:30", ["tuesday"]),  # within a lease
        ("2026-11-24T20:00", "2026-11-24T22:00", ["monday"]),  # reaches into one
        ("2026-11-24T21:00", "2026-11-24T22:30", ["tuesday", "monday"]),  # the ends themselves count
        ("2026-11-24T21:01", "2026-11-24T22:29", []),  # between two
        ("2026-11-25T12:00", "2027-11-25T12:00", ["wednesday"]),  # it holds now
        ("2026-11-01T00:00", "2026-11-23T19:59", []),
        ("2026-11-01T00:00", "2027-11-01T00:00", ["wednesday", "tuesday", "monday"]),
        ("2026-11-24T23:00", "", ["wednesday", "tuesday"]),  # from then until now
        ("", "2026-11-24T23:00", ["tuesday"]),
        ("2026-11-25T12:00", "", ["wednesday"]),
        ("", "2027-11-24T22:00", ["wednesday"]),
        ("2026-11-24T23:00", "2026-11-24T23:00", ["tuesday"]),
        ("", "", ["wednesday", "tuesday", "monday"]),
    ],
)
def test_who_had_an_address_between_two_moments_or_at_one(history, since, until, names):
    assert who(q=IP, since=since, until=until) == names


def test_a_time_without_an_address_lists_all_leases_latest_first(history):
    assert who(**NIGHT) == ["wednesday", "tuesday", "always"]


@pytest.mark.parametrize("q", ["10.255.0.0/24", "10.255.", MAC.format("01"), "00:01", "vm-tues", "TUESDAY", f" {IP} "])
def test_history_can_be_searched_by_block_mac_part_of_a_mac_or_name(history, q):
    assert [name for name in who(q=q, until="2026-11-24T23:00") if name != "always"] == ["tuesday"]


def test_times_are_in_the_time_zone_of_the_user(history):
    """23:15 in Berlin is 22:15 in UTC: the one had gone, the other had not come."""
    with timezone.override("Europe/Berlin"):
        assert who(q=IP, until="2026-11-24T23:15") == []
        assert who(q=IP, until="2026-11-24T23:30") == ["tuesday"]
        assert who(q=IP, until="2026-11-24T22:00") == ["monday"]


@pytest.mark.parametrize(
    ("typed", "errors"),
    [
        ({"since": "2026-11-25T06:00", "until": "2026-11-24T22:00"}, {"until": ["The end is before the beginning."]}),
        ({"since": "yesterday"}, {"since": ["Enter a valid date/time."]}),
    ],
)
def test_an_end_before_the_beginning_or_what_is_no_time_is_an_error(typed, errors):
    form = HistoryForm(typed)
    assert not form.is_valid()
    assert form.errors == errors


@pytest.mark.parametrize(
    ("typed", "filled"), [({}, False), ({"q": " "}, False), ({"q": IP}, True), ({"until": "2026-11-24T22:00"}, True)]
)
def test_only_filled_in_fields_are_searched(typed, filled):
    assert asking(**typed).is_filled_in == filled


# the page


def shown(answer) -> list[str]:
    """Host names, in the order of the page's table."""

    return html.fromstring(answer.content).xpath("//table[@id='leases-table']/tbody/tr/td[3]/text()")


def test_the_page_shows_what_holds_now_by_address(page, history):
    answer = page.get(f"{URL}/")
    assert shown(answer) == ["always", "wednesday"]
    assert "<h2>Leases</h2>" in answer.content.decode()


def test_the_page_shows_who_had_an_address_at_a_past_time(page, history):
    answer = page.get(f"{URL}/", {"q": IP, **NIGHT})
    assert shown(answer) == ["wednesday", "tuesday"]
    text = answer.content.decode()
    assert "<h2>Lease history</h2>" in text
    assert "2026-11-24T22:30:00+00:00" in text
    for value in (IP, *NIGHT.values()):
        assert f'value="{value}"' in text  # the question stays in its fields


def test_the_search_leads_to_who_had_an_address_today_yesterday_and_in_the_last_week(page, network):
    now = timezone.now()
    for days in (0.0, 1, 3):
        then = now - timedelta(days=days)
        make_lease(network, MAC.format(f"0{days:.0f}"), IP, f"guest-{days:.0f}", first_seen=then, last_seen=then)
    links = html.fromstring(page.get("/search/", {"q": IP, "all": ""}).content).xpath("//a[contains(@href, 'since=')]")
    found = {link.text: page.get(f"/search/{link.get('href')}").content.decode() for link in links}
    assert {label: [n for n in "013" if f"guest-{n}" in text] for label, text in found.items()} == {
        "Today": ["0"],
        "Yesterday": ["1"],
        "Last 7 days": ["0", "1", "3"],
    }


def test_the_fragment_is_served_separately_with_the_query_in_its_url(page, history):
    answer = page.get(f"{URL}/", {"q": IP, **NIGHT}, headers={"HX-Request": "true"})
    assert shown(answer) == ["wednesday", "tuesday"]
    text = answer.content.decode()
    assert "<html" not in text
    assert f'hx-get="{URL}/?q={IP}&amp;since=' in text


def test_the_page_shows_how_long_history_is_kept_if_nothing_is_found(page, history, network):
    assert "History is kept for 90 days" in page.get(f"{URL}/", {"q": "10.9.9.9"}).content.decode()


def test_the_page_says_that_the_end_is_before_the_beginning(page, history):
    answer = page.get(f"{URL}/", {"since": NIGHT["until"], "until": NIGHT["since"]})
    assert answer.status_code == 200
    assert "The end is before the beginning." in answer.content.decode()


def test_another_networks_history_is_not_shown(page, history, network):
    other = make_foreign_network(
        network.hypervisor, "<network><name>other</name><uuid>{uuid}</uuid><bridge name='virbr9'/></network>"
    )
    make_lease(other, MAC.format("bb"), IP, "elsewhere", first_seen=hour(TUESDAY, 0))
    assert shown(page.get(f"{URL}/", {"q": IP, **NIGHT})) == ["wednesday", "tuesday"]


# for other programs


def moments(row: dict[str, str | None]) -> dict[str, str | datetime]:
    """A row with its times as such, for CSV and JSON write them differently."""
    times = ("first_seen", "last_seen", "expires_at")
    return row | {name: datetime.fromisoformat(row[name]) if row[name] else "" for name in times}


@pytest.mark.parametrize(
    ("query", "names"),
    [({}, ["always", "wednesday"]), ({"q": IP, **NIGHT}, ["wednesday", "tuesday"]), ({"q": "10.9.9.9"}, [])],
)
def test_csv_and_json_hold_the_rows_of_the_page(page, history, query, names):
    as_json = [moments(row) for row in page.get(f"{URL}.json", query).json()]
    as_csv = list(csv.DictReader(page.get(f"{URL}.csv", query).content.decode().splitlines()))
    assert [row["hostname"] for row in as_json] == names == shown(page.get(f"{URL}/", query))
    assert [moments(row) for row in as_csv] == as_json


def test_a_row_says_who_had_which_address_from_when_to_when(page, history):
    (row,) = page.get(f"{URL}.json", {"q": IP, "until": "2026-11-24T23:00"}).json()
    assert row == {
        **{"ip": IP, "mac": MAC.format("01"), "hostname": "tuesday", "vm": "vm-tuesday", "client_id": ""},
        **{"first_seen": "2026-11-24T22:30:00Z", "last_seen": "2026-11-25T03:00:00Z", "expires_at": None},
    }


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_an_invalid_query_of_the_history_is_a_bad_request(page, history, suffix):
    """A program that asks about Tuesday night must not take the present for it."""
    answer = page.get(f"{URL}.{suffix}", {"since": NIGHT["until"], "until": NIGHT["since"]})
    assert answer.status_code == 400


@pytest.mark.parametrize("path", [f"{URL}.xml", f"{URL}.csv.exe", f"{URL}.", "/networks/lab-1/none/leases.json"])
def test_another_suffix_or_network_is_not_found(page, history, path):
    assert page.get(path).status_code == 404


def test_nobody_reads_history_without_logging_in(client, history):
    assert client.get(f"{URL}.json", {"q": IP}).status_code == 302
