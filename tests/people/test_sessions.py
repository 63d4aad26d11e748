"""Sessions end in time, are listed with address and browser, and can be ended one by one."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.http import HttpResponse
from django.test import Client
from lxml import html

from tests.support.portal import ROOT
from virterweb.people.sign_in.sessions.age import BEGAN, SEEN

pytestmark = pytest.mark.integration

HOUR = 3600


def signed_in(address: str = "192.0.2.1", agent: str = "Firefox") -> Client:
    client = Client(REMOTE_ADDR=address, HTTP_USER_AGENT=agent)
    assert client.post("/login/", {"username": "otto", "password": "a good one"}).status_code == 302
    return client


def age(client: Client, **hours: float) -> None:
    """Move times of a session so many hours into the past."""
    session = client.session
    for name, count in hours.items():
        session[name] -= int(count * HOUR)
    session.save()


def rows(client: Client) -> list[list[str]]:
    page = html.fromstring(client.get("/profile/sessions/").content)
    return [[cell.text_content().strip() for cell in row.xpath("./td")] for row in page.xpath("//tbody/tr")]


def end(client: Client, chosen: object) -> HttpResponse:
    return client.post("/profile/sessions/", {"session": chosen})


def test_a_session_ends_after_seven_days(member):
    client = signed_in()
    age(client, **{BEGAN: 7 * 24 - 0.1})
    assert client.get("/networks/").status_code == 200
    age(client, **{BEGAN: 0.2})
    assert client.get("/networks/")["Location"] == "/login/?next=/networks/"


def test_a_session_ends_when_no_page_was_opened_for_twelve_hours(member):
    client = signed_in()
    age(client, **{SEEN: 11.9})
    assert client.get("/networks/").status_code == 200, "and it was used again"
    age(client, **{SEEN: 11.9})
    assert client.get("/networks/").status_code == 200
    age(client, **{SEEN: 12.1})
    assert client.get("/networks/", headers={"HX-Request": "true"}).status_code == 401


def test_an_open_page_that_asks_for_its_news_does_not_keep_a_session(member):
    client = signed_in()
    for _ in range(2):
        age(client, **{SEEN: 6.1})
        answer = client.get("/networks/", headers={"HX-Request": "true"})
    assert answer.status_code == 401


def test_sessions_are_listed_with_address_and_browser(member):
    client = signed_in("192.0.2.1", "Firefox")
    signed_in("192.0.2.2", "Chromium")
    assert [row[:2] for row in rows(client)] == [["Firefox this session", "192.0.2.1"], ["Chromium", "192.0.2.2"]]


AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("agent", "said"),
    [(AGENT, "Chrome on Linux"), (f"{AGENT} Edg/156", "Edge on Linux"), ("x" * 50, "x" * 40), ("", "unknown")],
)
def test_a_browser_is_named_as_people_call_it(member, agent, said):
    assert rows(signed_in(agent=agent))[0][0] == f"{said} this session"


def test_the_list_says_when_a_session_was_used(member):
    client, other = signed_in(), signed_in("192.0.2.2", "Chromium")
    before = UserSession.objects.get(ip="192.0.2.2")
    UserSession.objects.update(last_seen_at=before.last_seen_at - timedelta(hours=3))
    age(other, **{SEEN: 3})
    other.get("/networks/")
    assert UserSession.objects.get(ip="192.0.2.2").last_seen_at > before.last_seen_at
    assert [row[3] for row in rows(client)] != [rows(client)[0][3]] * 2


def test_one_session_is_ended(member):
    client, other, third = signed_in(), signed_in("192.0.2.2"), signed_in("192.0.2.3")
    end(client, UserSession.objects.get(ip="192.0.2.2").pk)
    assert [each.get("/networks/").status_code for each in (client, other, third)] == [200, 302, 200]


def test_all_other_sessions_are_ended(member):
    client, other, third = signed_in(), signed_in("192.0.2.2"), signed_in("192.0.2.3")
    end(client, "others")
    assert [each.get("/networks/").status_code for each in (client, other, third)] == [200, 302, 302]


def test_the_present_session_is_ended_like_a_log_out(member):
    client = signed_in()
    assert end(client, UserSession.objects.get().pk)["Location"] == "/profile/sessions/"
    assert client.get("/networks/").status_code == 302


def test_nobody_ends_a_session_of_somebody_else(member, operator, client):
    signed_in()
    client.force_login(operator)
    assert end(client, UserSession.objects.get().pk).status_code == 404
    assert end(client, "x").status_code == 404


def test_pages_tell_browsers_what_scripts_may_not_use_and_keep_the_address_to_the_portal(client, db):
    headers = client.get("/login/").headers
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["Referrer-Policy"] == "same-origin"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in headers


def test_behind_tls_browsers_use_https_only_and_send_cookies_by_nothing_else(tmp_path):
    code = (
        "import django; django.setup(); from django.conf import settings as s; "
        "print(s.SECURE_HSTS_SECONDS, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY, "
        "s.SESSION_COOKIE_SAMESITE, s.SESSION_COOKIE_AGE, s.SESSION_IDLE_AGE)"
    )
    variables = {"VIRTERWEB_BEHIND_TLS": "1", "VIRTERWEB_SESSION_HOURS": "8", "VIRTERWEB_SESSION_IDLE_HOURS": "0.5"}
    variables |= {"VIRTERWEB_DATA": str(tmp_path), "DJANGO_SETTINGS_MODULE": "virterweb.settings"}
    environment = {**os.environ, **variables}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == ["31536000", "True", "True", "True", "Lax", "28800", "1800"], done.stderr
