"""Times are shown in the time zone of whoever looks at a page, and read in it."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone
from lxml import html

from tests.support.making import make_hypervisor, make_lease, make_network

AT = datetime(2026, 7, 1, 10, 30, tzinfo=UTC)
LEASES = "/networks/lab-1/net1/leases/"


@pytest.fixture
def lease(db):
    return make_lease(make_network(make_hypervisor()), "52:54:00:00:00:08", "10.255.0.8", first_seen=AT)


def times(content: bytes | str) -> set[tuple[str, str]]:
    return {(each.get("title"), each.text) for each in html.fromstring(content).iterfind(".//time[@datetime]")}


@pytest.mark.parametrize(
    ("zone", "title", "shown"),
    [
        ("Europe/Berlin", "2026-07-01 12:30:00 CEST", "2026-07-01 12:30"),
        ("America/New_York", "2026-07-01 06:30:00 EDT", "2026-07-01 06:30"),
        ("", "2026-07-01 10:30:00 UTC", "2026-07-01 10:30"),
        ("Nowhere/City", "2026-07-01 10:30:00 UTC", "2026-07-01 10:30"),
        ("../../etc/passwd", "2026-07-01 10:30:00 UTC", "2026-07-01 10:30"),
        ("x" * 4000, "2026-07-01 10:30:00 UTC", "2026-07-01 10:30"),
    ],
)
def test_a_page_shows_times_in_the_zone_of_its_browser_and_names_it(page, lease, zone, title, shown):
    page.cookies["time_zone"] = zone
    assert (title, shown) in times(page.get(LEASES).content)
    assert timezone.get_current_timezone_name() == "UTC"  # nothing stays for the next request
