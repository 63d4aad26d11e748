"""What users choose for themselves: the time zone and the theme, which follow them to each browser."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from lxml import html

from tests.support.making import make_hypervisor, make_lease, make_network
from virterweb.people.models import Preferences, Token

pytestmark = pytest.mark.integration
AT = datetime(2026, 7, 1, 10, 30, tzinfo=UTC)
LEASES = "/networks/lab-1/net1/leases/"
VMS = "http://testserver/vms/?q=x"


@pytest.fixture
def lease(db, enqueued):
    return make_lease(make_network(make_hypervisor()), "52:54:00:00:00:08", "10.255.0.8", first_seen=AT)


def browser(user, zone: str = "") -> Client:
    client = Client()
    client.force_login(user)
    client.cookies["time_zone"] = zone
    return client


def times(client: Client) -> set[str | None]:
    return {each.get("title") for each in html.fromstring(client.get(LEASES).content).iterfind(".//time[@datetime]")}


@pytest.mark.parametrize(
    ("typed", "kept", "shown"),
    [
        ("Asia/Tokyo", "Asia/Tokyo", "2026-07-01 19:30:00 JST"),
        (" america/new york ", "America/New_York", "2026-07-01 06:30:00 EDT"),
        ("", "", "2026-07-01 12:30:00 CEST"),
    ],
)
def test_the_time_zone_of_the_profile_holds_in_every_browser(lease, user, typed, kept, shown):
    page = browser(user, "Europe/Berlin")
    assert page.post("/profile/", {"time_zone": typed, "theme": ""})["Location"] == "/profile/"
    assert Preferences.objects.get().time_zone == kept
    assert shown in times(page)
    assert shown in times(browser(user, "Europe/Berlin"))
    root = html.fromstring(page.get("/profile/").content)
    assert root.xpath("string(//input[@name='time_zone']/@value)") == kept
    assert {"Europe/Berlin", "UTC"} <= set(root.xpath("//datalist[@id='time-zones']/option/@value"))


@pytest.mark.parametrize("typed", ["Nowhere/City", "../../etc/passwd", "<b>", "x" * 5000])
def test_an_unknown_time_zone_is_refused_at_its_field(page, typed):
    answer = page.post("/profile/", {"time_zone": typed, "theme": ""})
    assert answer.status_code == 422
    assert "There is no time zone of this name." in answer.content.decode()
    assert not Preferences.objects.exists()


def test_a_kept_zone_that_no_longer_exists_is_as_if_none_was_chosen(lease, user):
    Preferences.objects.create(user=user, time_zone="Nowhere/City")
    assert "2026-07-01 12:30:00 CEST" in times(browser(user, "Europe/Berlin"))


def test_the_theme_is_chosen_in_the_menu_of_every_page(page, user):
    for theme in ("dark", "light", ""):
        assert page.post("/profile/theme/", {"theme": theme}, headers={"Referer": VMS})["Location"] == VMS
        root = html.fromstring(page.get("/").content)
        assert root.get("data-theme", "") == theme
        assert root.xpath("//form[@action='/profile/theme/']//button[@aria-pressed='true']/@value") == [theme]
    assert page.post("/profile/theme/", {"theme": "x"}, headers={"Referer": "//elsewhere"})["Location"] == "/profile/"
    assert Preferences.objects.get().theme == ""


def test_preferences_of_one_user_change_nothing_for_others(lease, user, member):
    browser(member).post("/profile/", {"time_zone": "Asia/Tokyo", "theme": "dark"})
    page = browser(user)
    assert "2026-07-01 10:30:00 UTC" in times(page)
    assert b"data-theme" not in page.get("/").content


def test_preferences_cost_no_query(page, user):
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            page.get("/vms/")
        return len(found)

    page.get("/vms/")
    without = queries()
    Preferences.objects.create(user=user, time_zone="Asia/Tokyo", theme="dark")
    assert queries() == without


def test_a_program_gets_times_in_the_zone_of_the_portal(lease, user, client):
    Preferences.objects.create(user=user, time_zone="Asia/Tokyo")
    token = Token(user=user, name="ci", verbs=["list", "names", "see"])
    secret = token.make_secret()
    token.save()
    answer = client.get(LEASES, headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 200
    assert b"JST" not in answer.content
